// Looks after polled fragments: tells a screen reader what they now say, and leaves when they are gone.
const QUIET_MILLISECONDS = 8000;
const announcer = document.querySelector("[data-announcer]");
const said = new Map(fragments().map(({ id, dataset }) => [id, dataset.announcement]));
let saidAt = performance.now();

function fragments() {
  return [...document.querySelectorAll("[data-live]")];
}

/** Says a change, seldom enough not to chatter; the end is always said. */
function announce(fragment) {
  const text = fragment.dataset.announcement;
  const isEnd = !fragment.hasAttribute("hx-trigger");
  if (text === said.get(fragment.id) || (!isEnd && performance.now() - saidAt < QUIET_MILLISECONDS)) return;
  announcer.textContent = text;
  said.set(fragment.id, text);
  saidAt = performance.now();
}

document.addEventListener("htmx:afterSettle", () => {
  fragments().forEach(announce);
});

// Signed out or deleted meanwhile: the whole page says so, where a fragment cannot. A server that is
// away for a moment is simply asked again.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  const [requested] = pathInfo.requestPath.split("?");
  const isElsewhere = new URL(xhr.responseURL).pathname !== requested;
  if (!isElsewhere && xhr.status !== 404) return;
  event.detail.shouldSwap = false;
  location.reload();
});
