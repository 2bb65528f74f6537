// One chosen file and its row in the list: ready, sending, sent, refused, or broken off.
const THUMB_PIXELS = 112;

function readableSize(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(0)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** The name as the server shows it: what turns the direction of text makes "gpj.exe" read as "exe.jpg". */
export function displayName(name) {
  return name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, "").replace(/^[ .]+|[ .]+$/g, "") || "unnamed";
}

async function drawThumbnail(file, canvas) {
  // A canvas, not a blob: address, so that the content security policy can stay closed.
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(THUMB_PIXELS / bitmap.width, THUMB_PIXELS / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(bitmap, (THUMB_PIXELS - width) / 2, (THUMB_PIXELS - height) / 2, width, height);
  bitmap.close();
}

export class UploadItem {
  /** A row for `file`; `handlers` are `onRemove(item)` and `onAgain(item)`. */
  constructor(file, template, handlers) {
    this.file = file;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.bar = this.element.querySelector("progress");
    this.again = this.part("again");
    const name = displayName(file.name);
    this.part("name").textContent = name;
    this.part("remove-label").textContent = `Remove ${name}`;
    this.bar.setAttribute("aria-label", `${name}: sent`);
    this.part("remove").addEventListener("click", () => handlers.onRemove(this));
    this.again.addEventListener("click", () => handlers.onAgain(this));
    this.set("ready", readableSize(file.size));
    this.showThumbnail();
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  set(status, text) {
    this.status = status;
    this.element.dataset.status = status;
    this.part("state").textContent = text;
    this.bar.hidden = status !== "sending";
    this.part("remove").hidden = !["ready", "refused"].includes(status);
    this.again.hidden = status !== "broken";
  }

  async showThumbnail() {
    const canvas = this.element.querySelector("canvas");
    try {
      await drawThumbnail(this.file, canvas);
    } catch {
      return; // TIFF, HEIC or no image at all: the sign for an image stays.
    }
    canvas.hidden = false;
    this.element.querySelector(".thumb .icon").remove();
  }

  sending(part) {
    const percent = Math.round(part * 100);
    this.set("sending", percent < 100 ? `Sending, ${percent} %` : "Being checked");
    this.bar.value = percent;
  }

  sent() {
    this.set("sent", "Arrived");
  }

  refuse(sentence) {
    this.set("refused", sentence);
  }

  failed(error) {
    this.set(error.isTemporary ? "broken" : "refused", error.message);
  }
}
