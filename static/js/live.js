// Looks after a polled fragment: tells a screen reader what it now says, and leaves when it is gone.
const QUIET_MILLISECONDS = 8000;
const announcer = document.querySelector("[data-announcer]");
let said = document.querySelector("[data-live]")?.dataset.announcement;
let saidAt = performance.now();

/** Says a change, seldom enough not to chatter; the end is always said. */
function announce(fragment) {
  const text = fragment.dataset.announcement;
  const isEnd = !fragment.hasAttribute("hx-trigger");
  if (text === said || (!isEnd && performance.now() - saidAt < QUIET_MILLISECONDS)) return;
  announcer.textContent = text;
  said = text;
  saidAt = performance.now();
}

document.addEventListener("htmx:afterSettle", () => {
  const fragment = document.querySelector("[data-live]");
  if (fragment) announce(fragment);
});

// Signed out or deleted meanwhile: the whole page says so, where a fragment cannot. A server that is
// away for a moment is simply asked again.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  const isElsewhere = new URL(xhr.responseURL).pathname !== pathInfo.requestPath;
  if (!isElsewhere && xhr.status !== 404) return;
  event.detail.shouldSwap = false;
  location.reload();
});
