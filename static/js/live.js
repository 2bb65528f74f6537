// Tells a screen reader what a polled fragment now says, seldom enough not to chatter.
const QUIET_MILLISECONDS = 8000;
const announcer = document.querySelector("[data-announcer]");
let said = document.querySelector("[data-live]")?.dataset.announcement;
let saidAt = performance.now();

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
