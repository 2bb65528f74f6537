// The stage: the image can be enlarged and moved, with wheel, pointer, buttons or keys.

const LARGEST = 16;
const STEP = 1.5;
const NUDGE = 60;
/** Where each stage stands: its scale, and how far its layers are moved, in pixels of the page. */
const places = new WeakMap();

function placeOf(stage) {
  if (!places.has(stage)) places.set(stage, { scale: 1, x: 0, y: 0 });
  return places.get(stage);
}

/** Moves the layers to a place, as far as something stays to be seen. */
function show(stage, { scale, x, y }) {
  const view = stage.querySelector("[data-stage-window]");
  const bounded = Math.min(Math.max(scale, 1), LARGEST);
  const mostX = (view.clientWidth * (bounded - 1)) / 2;
  const mostY = (view.clientHeight * (bounded - 1)) / 2;
  const place = {
    scale: bounded,
    x: Math.min(Math.max(x, -mostX), mostX),
    y: Math.min(Math.max(y, -mostY), mostY),
  };
  places.set(stage, place);
  const layers = stage.querySelector("[data-stage-layers]");
  layers.style.transform = `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
  view.classList.toggle("is-zoomed", place.scale > 1);
  stage.querySelector("[data-stage-scale]").textContent = `${Math.round(100 * place.scale)} %`;
  stage.querySelector('[data-stage-zoom="out"]').disabled = place.scale <= 1;
  stage.querySelector('[data-stage-zoom="in"]').disabled = place.scale >= LARGEST;
}

/** Enlarges about a point, measured from the middle of the window. */
function zoom(stage, factor, atX = 0, atY = 0) {
  const place = placeOf(stage);
  const scale = Math.min(Math.max(place.scale * factor, 1), LARGEST);
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
  ArrowLeft: (stage) => move(stage, NUDGE, 0),
  ArrowRight: (stage) => move(stage, -NUDGE, 0),
  ArrowUp: (stage) => move(stage, 0, NUDGE),
  ArrowDown: (stage) => move(stage, 0, -NUDGE),
};
const BUTTONS = { in: KEYS["+"], out: KEYS["-"], fit: KEYS[0] };

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
