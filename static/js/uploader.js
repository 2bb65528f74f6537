// Sends files to the portal one request each, a few at a time, and tells how each of them fares.
const PARALLEL = 3;

/** An answer that is not a success: a code, a sentence, and whether sending again may help. */
export class UploadError extends Error {
  constructor(code, sentence, isTemporary) {
    super(sentence);
    this.code = code;
    this.isTemporary = isTemporary;
  }
}

const LOST = "The connection was lost before the file had arrived.";
const UNREADABLE = "The server did not answer as expected.";

function errorOf(status, body) {
  const told = body?.error;
  const isTemporary = status === 0 || status === 429 || status >= 500;
  if (told?.message) return new UploadError(told.code, told.message, isTemporary);
  if (status === 403) {
    return new UploadError("forbidden", "You are signed out, or the page is too old: reload it.", false);
  }
  return new UploadError("no_answer", status === 0 ? LOST : UNREADABLE, true);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Posts form data with the CSRF token and resolves with the answer's JSON.
 * `onProgress` gets the part that has been sent, 0 to 1. Rejects with an UploadError.
 */
function post(url, token, data, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    });
    request.addEventListener("loadend", () => {
      const body = parse(request.responseText);
      // A redirect to the sign-in page ends as a success without our JSON: that is no success.
      if (request.status === 201 && body) resolve(body);
      else reject(errorOf(request.status === 200 ? 403 : request.status, body));
    });
    request.send(data);
  });
}

/** Opens a submission; resolves with its `id`, `url` and `upload_url`. */
export function openSubmission(url, token) {
  return post(url, token, new FormData());
}

function sendOne(url, token, file, onProgress) {
  const data = new FormData();
  data.append("image", file, file.name);
  return post(url, token, data, onProgress);
}

/**
 * Sends every item's `file` to `url`, at most three at a time. Each item is told by its methods
 * `sending(part)`, `sent()` and `failed(error)`; resolves when all have been told.
 */
export async function sendAll(items, url, token) {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) {
      item.sending(0);
      try {
        await sendOne(url, token, item.file, (part) => item.sending(part));
        item.sent();
      } catch (error) {
        item.failed(error);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
