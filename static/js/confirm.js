// Asks in a dialog before a form sends something that cannot be undone.

function ask(dialog, button) {
  const title = dialog.querySelector("[data-confirm-title]");
  if (button.dataset.confirmTitle) title.textContent = button.dataset.confirmTitle;
  dialog.querySelector("[data-confirm-cancel]").onclick = () => dialog.close();
  dialog.querySelector("[data-confirm-accept]").onclick = () => {
    dialog.close();
    // Sends without a click, so the question is not asked twice.
    button.form.requestSubmit(button);
  };
  dialog.showModal();
}

/** Wires every submit button with `data-confirm="<id of a dialog>"`, also those that fragments bring. */
export function wireConfirmations() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-confirm]");
    const dialog = button && document.getElementById(button.dataset.confirm);
    if (!dialog) return;
    event.preventDefault();
    ask(dialog, button);
  });
}
