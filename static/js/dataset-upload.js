// Sends any number of images, and whole folders, to a dataset as one zip, and says how far it is.
// Without this script the form sends what was chosen as it is, up to a hundred files.

import { MOST_BYTES, MOST_FILES, pack } from "./zip.js";

const form = document.querySelector("[data-dataset-upload]");
const folder = form.querySelector("[data-folder]");
const status = form.querySelector("[data-upload-status]");
const bar = form.querySelector("[data-upload-bar]");
const button = form.querySelector("button[type=submit]");

function chosen() {
  const files = [...form.elements.chosen.files, ...folder.querySelector("input").files];
  return files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

function show(text, share) {
  status.textContent = text;
  bar.hidden = share === undefined;
  if (share !== undefined) bar.value = share;
}

/** What keeps these files from being sent, as a sentence. */
function trouble(images, isLabelled) {
  if (images.length > MOST_FILES) return `At most ${MOST_FILES.toLocaleString("en")} images can be sent at once.`;
  const bytes = images.reduce((sum, { file }) => sum + file.size, 0);
  if (bytes > Math.min(MOST_BYTES, Number(form.dataset.mostBytes))) {
    return "Together the images are too large: put them on the server and import them from there.";
  }
  const isNamed = ({ path }) => /(^|[/])(real|fake)[/]/i.test(path);
  if (!isLabelled && images.some((image) => !isNamed(image))) {
    return "Say what the images are, or choose a folder with folders REAL and FAKE.";
  }
  return "";
}

async function body(images, archives) {
  const data = new FormData(form);
  data.delete("chosen");
  for (const { file } of archives) data.append("chosen", file);
  if (images.length) {
    const tell = (done) => show(`Packing ${done} of ${images.length}`, done / images.length);
    data.append("chosen", await pack(images, tell), `${images.length} images.zip`);
  }
  return data;
}

function send(data) {
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.upload.onprogress = (event) => show("Sending", event.loaded / event.total);
  request.onload = () => {
    // The import's page after a redirect; otherwise this page, with what was refused.
    if (request.responseURL !== form.action) location.assign(request.responseURL);
    else fail(request.status === 200 ? reason(request.responseText) : "The server did not take the images.");
  };
  request.onerror = () => fail("The connection broke off. Nothing was imported; send it once more.");
  request.send(data);
}

function reason(page) {
  const answer = new DOMParser().parseFromString(page, "text/html");
  const error = answer.querySelector("[data-dataset-upload] .errors p, [data-dataset-upload] .errornote");
  return error?.textContent.trim() || "The server did not take the images.";
}

function fail(sentence) {
  show(sentence);
  button.disabled = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = chosen();
  const archives = files.filter(({ path }) => /\.zip$/i.test(path) && !path.includes("/"));
  const images = files.filter((file) => !archives.includes(file));
  const sentence = files.length ? trouble(images, form.elements.label.value) : "Choose at least one image.";
  if (sentence) return fail(sentence);
  button.disabled = true;
  try {
    send(await body(images, archives));
  } catch (error) {
    // A file that was moved or changed since it was chosen.
    if (!(error instanceof DOMException)) throw error;
    fail("One of the files cannot be read any more; choose them once more.");
  }
});

folder.hidden = false;
// Either picker will do; the browser must not insist on the first.
form.elements.chosen.required = false;
