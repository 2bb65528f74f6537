// Sends a zip, or a folder packed into one, piece by piece, and goes on where the line broke.
// Without this script the form sends a zip as it is.

import { displayName } from "./upload-item.js";
import { pack } from "./zip.js";

// Between the least and the most that the server takes, so that little is lost when a line breaks.
const PIECE = 4_000_000;
const PAUSES = [1, 2, 4, 8, 15, 30, 30, 30, 30, 30];

const form = document.querySelector("[data-batch-upload]");
const zone = form.querySelector("[data-dropzone]");
const zipInput = form.elements.zip;
const folder = form.querySelector("[data-folder]");
const folderInput = folder.querySelector("input");
const sending = form.querySelector("[data-sending]");
const status = form.querySelector("[data-status]");
const bar = form.querySelector("[data-bar]");
const button = form.querySelector("[data-submit]");
const token = form.elements.csrfmiddlewaretoken.value;
const pieceBytes = Math.min(PIECE, Number(form.dataset.pieceBytes));

/** What was chosen: `{ name, file }` for a zip, `{ name, entries }` for a folder. */
let chosen = null;
let isSending = false;

function show(text, share) {
  sending.hidden = false;
  status.textContent = text;
  bar.hidden = share === undefined;
  if (share !== undefined) bar.value = share;
}

/** In decimal units, as the server has them. */
function megabytes(bytes) {
  const [unit, factor] = bytes < 999_500 ? ["kB", 1e3] : bytes < 999_500_000 ? ["MB", 1e6] : ["GB", 1e9];
  return bytes < 1000 ? `${bytes} bytes` : `${(bytes / factor).toFixed(bytes < 9.95 * factor ? 1 : 0)} ${unit}`;
}
const files = (count) => `${count.toLocaleString("en")} file${count === 1 ? "" : "s"}`;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

function choose(what) {
  if (isSending) return;
  chosen = what;
  const bytes = what.file ? what.file.size : what.entries.reduce((sum, { file }) => sum + file.size, 0);
  const name = displayName(what.name);
  show(what.file ? `${name}, ${megabytes(bytes)}` : `${name}: ${files(what.entries.length)}, ${megabytes(bytes)}`);
}

/** Files of a folder in an order that stays the same, so that what is packed anew is the same zip. */
function chooseFolder(entries) {
  if (!entries.length) return show("There is no file in this folder.");
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  choose({ name: entries[0].path.split("/")[0], entries });
}

zipInput.required = false;
folder.hidden = false;
/** A zip begins with the mark of an entry, or of its end where it is empty. */
async function isZip(file) {
  const mark = [...new Uint8Array(await file.slice(0, 4).arrayBuffer())].join(" ");
  return ["80 75 3 4", "80 75 5 6", "80 75 7 8"].includes(mark);
}
async function chooseZip(file) {
  if (!(await isZip(file))) {
    chosen = null;
    return show(`${displayName(file.name)} is no zip. Choose a zip or a folder.`);
  }
  choose({ name: file.name, file });
}
function takeZip() {
  if (zipInput.files.length && !isSending) chooseZip(zipInput.files[0]);
}
function takeFolder() {
  if (!folderInput.files.length) return;
  chooseFolder([...folderInput.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}
zipInput.addEventListener("change", takeZip);
folderInput.addEventListener("change", takeFolder);

/** All files below a folder that was dropped. */
async function below(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ path: entry.fullPath.replace(/^[/]/, ""), file }];
  }
  const reader = entry.createReader();
  const found = [];
  // A reader gives a hundred at a time, and none at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    for (const inner of some) found.push(...(await below(inner)));
  }
  return found;
}

async function drop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folders = entries.filter((entry) => entry.isDirectory);
  if (folders.length) return chooseFolder(await below(folders[0]));
  const zip = [...transfer.files].find((file) => /[.]zip$/i.test(file.name));
  if (zip && !isSending) return chooseZip(zip);
  if (transfer.files.length) {
    return chooseFolder([...transfer.files].map((file) => ({ path: `images/${file.name}`, file })));
  }
}

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  zone.classList.toggle("is-over", event.dataTransfer.types.includes("Files"));
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) zone.classList.remove("is-over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  zone.classList.remove("is-over");
  drop(event.dataTransfer);
});

/** What keeps this from being sent, as a sentence; the server checks again. */
function objection({ entries }, size) {
  const { mostFiles, mostBytes, size: wanted, name } = form.dataset;
  if (entries && entries.length > Number(mostFiles)) return `At most ${files(Number(mostFiles))} can be handed in at once.`;
  if (size > Number(mostBytes)) return `Together they are larger than ${megabytes(Number(mostBytes))}.`;
  if (wanted && (size !== Number(wanted) || chosen.name !== name)) return `This is not what was begun: choose ${name} once more.`;
  return "";
}

class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? "The server did not answer as expected.");
    this.isTemporary = status === 0 || status === 429 || status >= 500;
    this.expected = error?.expected;
  }
}

async function ask(url, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token, Accept: "application/json", ...headers } });
  } catch {
    throw new Refused(0);
  }
  const told = await answer.json().catch(() => null);
  if (answer.status === 201 && told) return told;
  if (answer.redirected || answer.status === 403) {
    throw new Refused(403, { message: "You are signed out, or the page is too old: reload it." });
  }
  throw new Refused(answer.status, told?.error);
}

/** Sends one piece and resolves with how much has arrived; tries again while the line is down. */
async function sendPiece(url, blob, offset) {
  const piece = blob.slice(offset, offset + pieceBytes);
  for (const seconds of [...PAUSES, null]) {
    try {
      const told = await ask(`${url}?offset=${offset}`, piece, { "Content-Type": "application/octet-stream" });
      return told.received;
    } catch (error) {
      // It had arrived, and only the answer was lost.
      if (error.expected !== undefined) return error.expected;
      if (!error.isTemporary || seconds === null) throw error;
      status.textContent = `The connection is down; trying again in ${seconds} s. What has arrived is kept.`;
      await pause(seconds);
    }
  }
}

async function begun(blob) {
  const { piecesUrl, openUrl } = form.dataset;
  if (piecesUrl) {
    const answer = await fetch(piecesUrl, { headers: { Accept: "application/json" } });
    return answer.json();
  }
  const data = new FormData();
  data.append("name", chosen.name);
  data.append("size", blob.size);
  if (form.elements.wants_mail?.checked) data.append("wants_mail", "on");
  const batch = await ask(openUrl, data);
  // Tried again after a break, it goes on with this one.
  Object.assign(form.dataset, { piecesUrl: batch.pieces_url, name: chosen.name, size: blob.size });
  return batch;
}

function timeLeft(sent, rest, milliseconds) {
  if (!sent || milliseconds < 3000) return "";
  const seconds = Math.round((rest / sent) * (milliseconds / 1000));
  return seconds < 90 ? `, about ${Math.max(seconds, 1)} s left` : `, about ${Math.round(seconds / 60)} min left`;
}

async function send() {
  const tell = (done) => show(`Reading ${done.toLocaleString("en")} of ${files(chosen.entries.length)}`, done / chosen.entries.length);
  const early = objection(chosen, 0);
  if (chosen.entries && /^At most/.test(early)) return show(early);
  const blob = chosen.file ?? (await pack(chosen.entries, tell));
  const sentence = objection(chosen, blob.size);
  if (sentence) return show(sentence);
  const batch = await begun(blob);
  const from = batch.received;
  const start = performance.now();
  for (let at = from; at < blob.size; ) {
    const rest = timeLeft(at - from, blob.size - at, performance.now() - start);
    show(`${megabytes(at)} of ${megabytes(blob.size)} sent${rest}`, at / blob.size);
    at = await sendPiece(batch.pieces_url, blob, at);
  }
  show("All of it has arrived.", 1);
  isSending = false;
  location.assign(batch.url);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isSending) return;
  if (!chosen) return zipInput.click();
  isSending = true;
  button.disabled = true;
  try {
    await send();
  } catch (error) {
    // A DOMException is a file that was moved or changed since it was chosen.
    if (!(error instanceof Refused || error instanceof DOMException || error instanceof TypeError)) throw error;
    const why = error instanceof Refused ? error.message : "A file cannot be read any more, or the connection is down.";
    show(`${why} What has arrived is kept: hand it in once more to go on.`);
  } finally {
    isSending = false;
    button.disabled = false;
  }
});

addEventListener("beforeunload", (event) => {
  if (isSending) event.preventDefault();
});

// What was chosen before this script had loaded, or is kept by a reload.
takeZip();
takeFolder();
