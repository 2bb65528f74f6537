// Zooming and moving two images together: what both show is one part of the plane, in shares of it.
const stage = document.querySelector("[data-compare]");
const LARGEST = 8;

if (stage) {
  const slider = stage.querySelector("[data-compare-zoom]");
  const value = stage.querySelector("[data-compare-value]");
  const frames = [...stage.querySelectorAll("[data-compare-frame]")];
  const scenes = frames.map((frame) => {
    const svg = frame.querySelector("[data-compare-scene]");
    const { width, height } = svg.viewBox.baseVal;
    return { svg, width, height };
  });
  const shown = { zoom: 1, x: 0.5, y: 0.5 };

  const draw = () => {
    const part = 1 / shown.zoom;
    shown.x = Math.min(Math.max(shown.x, part / 2), 1 - part / 2);
    shown.y = Math.min(Math.max(shown.y, part / 2), 1 - part / 2);
    for (const { svg, width, height } of scenes) {
      const left = (shown.x - part / 2) * width;
      const top = (shown.y - part / 2) * height;
      svg.setAttribute("viewBox", `${left} ${top} ${width * part} ${height * part}`);
    }
    slider.value = shown.zoom;
    slider.setAttribute("aria-valuetext", `${shown.zoom} times`);
    value.value = `${shown.zoom}×`;
    stage.toggleAttribute("data-zoomed", shown.zoom > 1);
  };

  const zoomTo = (zoom) => {
    shown.zoom = Math.min(Math.max(zoom, 1), LARGEST);
    draw();
  };

  const moveBy = (x, y) => {
    shown.x += x / shown.zoom;
    shown.y += y / shown.zoom;
    draw();
  };

  const keys = {
    ArrowLeft: () => moveBy(-0.1, 0),
    ArrowRight: () => moveBy(0.1, 0),
    ArrowUp: () => moveBy(0, -0.1),
    ArrowDown: () => moveBy(0, 0.1),
    "+": () => zoomTo(shown.zoom + 0.5),
    "-": () => zoomTo(shown.zoom - 0.5),
    0: () => zoomTo(1),
  };

  slider.addEventListener("input", () => zoomTo(slider.valueAsNumber));
  frames.forEach((frame) => {
    frame.addEventListener("keydown", (event) => {
      // Unzoomed, the arrows scroll the page as ever.
      const isMove = event.key.startsWith("Arrow");
      if (!keys[event.key] || event.ctrlKey || event.metaKey || (isMove && shown.zoom === 1)) return;
      event.preventDefault();
      keys[event.key]();
    });
    frame.addEventListener("pointerdown", (event) => {
      if (shown.zoom === 1 || event.button !== 0) return;
      frame.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    frame.addEventListener("pointermove", (event) => {
      if (!frame.hasPointerCapture(event.pointerId)) return;
      moveBy(-event.movementX / frame.clientWidth, -event.movementY / frame.clientHeight);
    });
  });
  // Browsers keep a slider's place over a reload, but not the pictures'.
  zoomTo(slider.valueAsNumber);
}
