// Choosing rows of the history: all at once, how many, and the question before they are deleted.
const form = document.querySelector("[data-selection]");

if (form) {
  const boxes = [...form.querySelectorAll('input[name="analysis"]')];
  const all = form.querySelector("[data-select-all]");
  const count = form.querySelector("[data-selection-count]");
  const remove = form.querySelector("[data-delete-selected]");
  const compare = form.querySelector("[data-compare-selected]");
  const total = count.textContent;

  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    count.textContent = chosen ? `${chosen} selected` : total;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    remove.disabled = chosen === 0;
    compare.disabled = chosen !== 2;
    compare.title = chosen === 2 ? "" : "Select two images to compare them";
    remove.dataset.confirmTitle = chosen === 1 ? "Delete this image?" : `Delete ${chosen} images?`;
  };

  all.addEventListener("change", () => {
    boxes.forEach((box) => (box.checked = all.checked));
    show();
  });
  form.addEventListener("change", show);
  // Coming back by the browser's history restores the boxes after this script has run.
  addEventListener("pageshow", show);
  show();
}
