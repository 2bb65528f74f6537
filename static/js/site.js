// What every page has: the theme toggle, the account menu, copying, printing, and questions before a loss.
import { wireConfirmations } from "./confirm.js";
import "./missing.js";
import { wireThemeToggle } from "./theme.js";

function wireMenu(menu) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

async function copy(button) {
  const text = button.parentElement.querySelector("[data-copy-text]");
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text.textContent);
    button.dataset.copied = "true";
    button.querySelector("[data-copy-label]").textContent = "Copied";
  } else {
    // Plain http has no clipboard: select the text, so that one key press copies it.
    getSelection().selectAllChildren(text);
  }
}

document.querySelectorAll("[data-theme-toggle]").forEach(wireThemeToggle);
document.querySelectorAll("[data-menu]").forEach(wireMenu);
wireConfirmations();
document.addEventListener("click", (event) => {
  const copier = event.target.closest?.("[data-copy]");
  if (copier) copy(copier);
  if (event.target.closest?.("[data-print]")) print();
});
addEventListener("beforeprint", () => {
  const now = new Date().toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
  for (const place of document.querySelectorAll("[data-printed-at]")) place.textContent = ` ${now}`;
});
