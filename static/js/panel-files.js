// The panel's own script writes the name of a chosen file into the nearest text field, which it
// takes for a part of its file widget. Our forms have other text fields there, or none.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.matches("input[type=file]")) event.stopImmediatePropagation();
  },
  true,
);
