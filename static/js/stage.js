// The stage: the image can be enlarged and moved, with wheel, pointer, buttons or keys.

const LARGEST = 16;
/** Screen pixels for a pixel of the image that can always be reached, however small the image is shown. */
const LARGEST_PIXEL = 8;
/** From here on a pixel is shown as a square. */
const SQUARES = 4;
const STEP = 1.5;
const NUDGE = 60;
/** Where each stage stands: its scale over "fits", and how far its layers are moved, in pixels of the page. */
const places = new WeakMap();
/** Of each stage that asked for one: the picture with more pixels, once it is there. */
const sharper = new WeakMap();

function placeOf(stage) {
  if (!places.has(stage)) places.set(stage, { scale: 1, x: 0, y: 0 });
  return places.get(stage);
}

function baseOf(stage) {
  return stage.querySelector("[data-stage-layers] img");
}

/** How large a pixel of the image itself is on the page where the image fits. */
function pixelOf(stage) {
  const base = baseOf(stage);
  return base.offsetWidth / Number(base.getAttribute("width"));
}

function largestOf(stage) {
  return Math.max(LARGEST, LARGEST_PIXEL / pixelOf(stage));
}

/** Moves the layers to a place, as far as something stays to be seen. */
function show(stage, { scale, x, y }) {
  const view = stage.querySelector("[data-stage-window]");
  const largest = largestOf(stage);
  const bounded = Math.min(Math.max(scale, 1), largest);
  const layers = stage.querySelector("[data-stage-layers]");
  const mostX = Math.max(0, (layers.offsetWidth * bounded - view.clientWidth) / 2);
  const mostY = Math.max(0, (layers.offsetHeight * bounded - view.clientHeight) / 2);
  const place = {
    scale: bounded,
    x: Math.min(Math.max(x, -mostX), mostX),
    y: Math.min(Math.max(y, -mostY), mostY),
  };
  places.set(stage, place);
  layers.style.transform = place.scale > 1 ? `translate(${place.x}px, ${place.y}px) scale(${place.scale})` : "";
  view.classList.toggle("is-zoomed", place.scale > 1);
  const buttons = Object.fromEntries(
    [...stage.querySelectorAll("[data-stage-zoom]")].map((button) => [button.dataset.stageZoom, button]),
  );
  buttons.out.disabled = place.scale <= 1;
  buttons.in.disabled = place.scale >= largest;
  buttons.fit.setAttribute("aria-pressed", place.scale === 1);
  buttons.own.disabled = pixelOf(stage) > 1;
  tellDetail(stage, place.scale);
}

/** Says the scale in percent of the image's own pixels, and where there is no more to be seen. */
function tellDetail(stage, scale) {
  const base = baseOf(stage);
  const [width, height] = ["width", "height"].map((side) => Number(base.getAttribute(side)));
  const pixel = pixelOf(stage) * scale;
  const tooFew = (picture) => base.offsetWidth * scale * devicePixelRatio > 1.02 * picture.naturalWidth;
  const isLoading = scale > 1 && base.complete && base.naturalWidth < width && tooFew(base) && sharpen(stage);
  const shown = sharper.get(stage)?.isConnected ? sharper.get(stage) : base;
  const hasAll = shown.naturalWidth >= width;
  stage.querySelector("[data-stage-window]").classList.toggle("is-pixels", hasAll && pixel >= SQUARES);
  write(stage.querySelector("[data-stage-scale]"), `${Math.round(100 * pixel)} %`);
  let note = "";
  if (isLoading) note = "A sharper picture is loading …";
  else if (scale > 1 && hasAll && pixel > 1.02) note = "Larger than the image’s own pixels: there is no more detail.";
  else if (scale > 1 && !hasAll && shown.complete && tooFew(shown))
    note = `No more detail here: the picture shown has ${shown.naturalWidth} × ${shown.naturalHeight} pixels, the image ${width} × ${height}.`;
  write(stage.querySelector("[data-stage-note]"), note);
}

/** Writes only what changed: screen readers say it. */
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Loads the picture with more pixels, if there is one; tells whether it is still to come. */
function sharpen(stage) {
  const asked = sharper.get(stage);
  if (asked) return !asked.isConnected && !asked.dataset.failed;
  // Drawn with the views, so their card knows of it.
  const address = document.querySelector("[data-full-picture]")?.dataset.fullPicture;
  if (!address || !("stageSharpens" in stage.dataset)) return false;
  const picture = new Image();
  picture.alt = "";
  picture.className = "stage-sharp";
  picture.draggable = false;
  picture.src = address;
  sharper.set(stage, picture);
  picture
    .decode()
    .then(() => baseOf(stage).after(picture))
    .catch(() => (picture.dataset.failed = "yes"))
    .then(() => show(stage, placeOf(stage)));
  return true;
}

/** Enlarges about a point, measured from the middle of the window. */
function zoom(stage, factor, atX = 0, atY = 0) {
  const place = placeOf(stage);
  const scale = Math.min(Math.max(place.scale * factor, 1), largestOf(stage));
  const grown = scale / place.scale;
  show(stage, { scale, x: atX - (atX - place.x) * grown, y: atY - (atY - place.y) * grown });
}

function move(stage, x, y) {
  const place = placeOf(stage);
  show(stage, { ...place, x: place.x + x, y: place.y + y });
}

const KEYS = {
  "+": (stage) => zoom(stage, STEP),
  "=": (stage) => zoom(stage, STEP),
  "-": (stage) => zoom(stage, 1 / STEP),
  0: (stage) => show(stage, { scale: 1, x: 0, y: 0 }),
  1: (stage) => zoom(stage, 1 / (pixelOf(stage) * placeOf(stage).scale)),
  ArrowLeft: (stage) => move(stage, NUDGE, 0),
  ArrowRight: (stage) => move(stage, -NUDGE, 0),
  ArrowUp: (stage) => move(stage, 0, NUDGE),
  ArrowDown: (stage) => move(stage, 0, -NUDGE),
};
const BUTTONS = { in: KEYS["+"], out: KEYS["-"], fit: KEYS[0], own: KEYS[1] };

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-stage-zoom]");
  if (button) BUTTONS[button.dataset.stageZoom](button.closest("[data-stage]"));
});

document.addEventListener("keydown", (event) => {
  if (!event.target.matches("[data-stage-window]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const stage = event.target.closest("[data-stage]");
  const isArrow = event.key.startsWith("Arrow");
  // At its own size there is nothing to move: the arrows scroll the page as everywhere.
  if (!(event.key in KEYS) || (isArrow && placeOf(stage).scale === 1)) return;
  event.preventDefault();
  KEYS[event.key](stage);
});

// The wheel alone scrolls the page; with Ctrl, and by pinching a touch pad, it enlarges.
document.addEventListener(
  "wheel",
  (event) => {
    const view = event.target.closest?.("[data-stage-window]");
    if (!view || !event.ctrlKey) return;
    event.preventDefault();
    const box = view.getBoundingClientRect();
    const atX = event.clientX - box.left - box.width / 2;
    const atY = event.clientY - box.top - box.height / 2;
    zoom(view.closest("[data-stage]"), Math.exp(-event.deltaY / 200), atX, atY);
  },
  { passive: false },
);

document.addEventListener("pointerdown", (event) => {
  const view = event.target.closest("[data-stage-window]");
  if (!view || event.button !== 0 || placeOf(view.closest("[data-stage]")).scale === 1) return;
  view.setPointerCapture(event.pointerId);
  view.classList.add("is-held");
});

document.addEventListener("pointermove", (event) => {
  const view = event.target.closest?.("[data-stage-window]");
  if (view?.hasPointerCapture(event.pointerId)) move(view.closest("[data-stage]"), event.movementX, event.movementY);
});

for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, (event) => {
    event.target.closest?.("[data-stage-window]")?.classList.remove("is-held");
  });
}

const sizes = new ResizeObserver((changed) => {
  for (const { target } of changed) show(target.closest("[data-stage]"), placeOf(target.closest("[data-stage]")));
});

function begin() {
  document.querySelectorAll("[data-stage]").forEach((stage) => sizes.observe(stage.querySelector("[data-stage-layers]")));
}

begin();
// Fragments bring stages of their own, and the views the picture with more pixels.
document.addEventListener("htmx:load", begin);
