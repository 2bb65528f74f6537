// The hand-in page: gathers files by drop, picker or paste, sends them, and goes on to their submission.
import { UploadItem } from "./upload-item.js";
import { openSubmission, sendAll } from "./uploader.js";

const form = document.querySelector("[data-handin]");
const zone = form.querySelector("[data-dropzone]");
const input = zone.querySelector("input");
const list = form.querySelector("[data-upload-list]");
const summary = form.querySelector("[data-upload-summary]");
const submit = form.querySelector("[data-submit]");
const clear = form.querySelector("[data-clear]");
const template = document.querySelector("template[data-upload-item]");
const token = form.elements.csrfmiddlewaretoken.value;
const maxFiles = Number(form.dataset.maxFiles);
const maxBytes = Number(form.dataset.maxMegabytes) * 1_000_000;
const privacy = summary.textContent;

let items = [];
let submission = null;
let isSending = false;

const having = (...states) => items.filter((item) => states.includes(item.status));
const images = (count) => `${count} image${count === 1 ? "" : "s"}`;

const isEmpty = (file) => file.size === 0;

/** The sentence why a file cannot be accepted, or nothing. The server checks again, and more. */
function objection(file) {
  if (isEmpty(file)) return form.dataset.sentenceEmpty;
  if (file.size > maxBytes) return form.dataset.sentenceTooLarge;
  if (having("ready").length >= maxFiles) return form.dataset.sentenceTooMany;
  return null;
}

function describe() {
  const ready = having("ready").length;
  const refused = having("refused").length;
  if (isSending) return `${having("sent").length} of ${images(items.length - refused)} sent`;
  if (!items.length) return privacy;
  return `${images(ready)} ready${refused ? `, ${refused} not accepted` : ""}`;
}

function show() {
  const ready = having("ready").length;
  list.hidden = items.length === 0;
  form.classList.toggle("has-files", items.length > 0);
  clear.hidden = items.length === 0 || isSending;
  submit.disabled = isSending || (items.length > 0 && ready === 0);
  submit.textContent = ready ? `Check ${images(ready)}` : "Check images";
  summary.textContent = describe();
}

function remove(item) {
  items = items.filter((other) => other !== item);
  item.element.remove();
  show();
  (list.querySelector("[data-remove]:not([hidden])") ?? input).focus();
}

function add(files) {
  if (isSending) return;
  for (const file of files) {
    const sentence = objection(file);
    const item = new UploadItem(file, template, { onRemove: remove, onAgain: (one) => send([one]) });
    if (sentence) item.refuse(sentence);
    items.push(item);
    list.append(item.element);
  }
  show();
}

function finish() {
  const sent = having("sent").length;
  const broken = having("broken").length;
  if (sent && !broken) {
    location.assign(submission.url);
  } else if (broken) {
    summary.textContent = `${images(broken)} could not be sent. Try again, or reload this page.`;
  } else {
    summary.textContent = "No image was accepted. The reason is beside each file.";
    submission = null;
  }
}

async function send(chosen) {
  isSending = true;
  show();
  try {
    submission ??= await openSubmission(form.dataset.openUrl, token);
    // The submission's page lists what was refused; empty files cost nothing, so the server is told.
    const untold = having("refused").filter((item) => isEmpty(item.file) && !item.isTold);
    untold.forEach((item) => (item.isTold = true));
    await sendAll([...chosen, ...untold], submission.upload_url, token);
  } catch (error) {
    chosen.forEach((item) => item.failed(error));
  }
  isSending = false;
  show();
  finish();
}

function filesOf(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file");
  return entries.map((item) => item.getAsFile()).filter(Boolean);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (having("ready").length) send(having("ready"));
  else input.click();
});

// The list replaces the input's own memory, so the same file may be chosen again.
input.required = false;
function takeOver() {
  add(input.files);
  input.value = "";
}
input.addEventListener("change", takeOver);

function reset() {
  items.forEach((item) => item.element.remove());
  items = [];
  submission = null;
  show();
}

clear.addEventListener("click", () => {
  reset();
  input.focus();
});

// Coming back from the submission's page: what was sent is no longer to be sent.
addEventListener("pageshow", (event) => {
  if (event.persisted) reset();
});

document.addEventListener("paste", (event) => {
  const files = filesOf(event.clipboardData);
  if (!files.length) return;
  event.preventDefault();
  add(files);
});

// The whole page takes the drop: a file let go beside the zone must not replace the page.
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
  add(filesOf(event.dataTransfer));
});

addEventListener("beforeunload", (event) => {
  if (isSending) event.preventDefault();
});

// What was chosen before this script had loaded, or is kept by a reload, is in the input alone.
takeOver();
