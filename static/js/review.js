// The label review: single keys press the buttons that name them, and the next image is fetched ahead.
const KEYS_SETTING = "review-keys";
const toggle = document.querySelector("[data-review-keys]");
const announcer = document.querySelector("[data-review-announcer]");

function isTyping(target) {
  return target.matches?.("textarea, select, [contenteditable], input:not([type=checkbox])");
}

// Whoever speaks to their computer presses keys by accident: they can be turned off.
toggle.checked = localStorage.getItem(KEYS_SETTING) !== "off";
toggle.addEventListener("change", () => {
  localStorage.setItem(KEYS_SETTING, toggle.checked ? "on" : "off");
});

document.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (!toggle.checked || !isPlain || isTyping(event.target)) return;
  const button = document.querySelector(`#review [data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});

function fetchAhead() {
  const { following } = document.getElementById("review").dataset;
  if (following) new Image().src = following;
}

document.addEventListener("htmx:afterSettle", () => {
  announcer.textContent = document.getElementById("review").dataset.announcement;
  fetchAhead();
});

// Signed out meanwhile: the whole page says so, where a fragment cannot.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  const [requested] = pathInfo.requestPath.split("?");
  if (new URL(xhr.responseURL).pathname === requested && xhr.status < 400) return;
  event.detail.shouldSwap = false;
  location.reload();
});
fetchAhead();
