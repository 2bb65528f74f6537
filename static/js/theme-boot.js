// Sets the chosen theme before the first paint; a classic script in the head, so that nothing flashes.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("veripix-theme");
  } catch {
    // Storage may be closed to us (private windows, strict settings): the system's theme holds.
  }
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
})();
