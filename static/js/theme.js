// The theme toggle: follows the system until somebody chooses, and again when the choice agrees with it.
const KEY = "veripix-theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches;
}

function remember(theme) {
  try {
    if (theme) localStorage.setItem(KEY, theme);
    else localStorage.removeItem(KEY);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function choose(dark) {
  const theme = dark === systemIsDark.matches ? null : dark ? "dark" : "light";
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  remember(theme);
}

/** Wires one toggle button; its `aria-pressed` tells whether the page is dark. */
export function wireThemeToggle(button) {
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    choose(!isDark());
    show();
  });
  systemIsDark.addEventListener("change", show);
  show();
}
