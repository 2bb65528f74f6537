// The slider that fades the heatmap over its image.

function apply(slider) {
  const evidence = slider.closest("[data-evidence]");
  evidence.querySelector("[data-overlay-heat]").style.opacity = slider.valueAsNumber / 100;
  evidence.querySelector("[data-overlay-value]").value = `${slider.value} %`;
  slider.setAttribute("aria-valuetext", `${slider.value} percent`);
}

// One listener on the document: the slider comes with a fragment when the analysis has ended.
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-overlay-slider]")) apply(event.target);
});

// Browsers keep a slider's place over a reload, but not the picture's.
document.querySelectorAll("[data-overlay-slider]").forEach(apply);
