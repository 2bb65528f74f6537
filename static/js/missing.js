// Pictures that cannot be had, as the storage is away or the file is gone: no broken sign, and on the
// stage a sentence instead. The text that stands for the picture stays for screen readers.
function markMissing(picture) {
  picture.classList.add("is-missing");
}

// Errors of pictures do not bubble; those from before this script came show in the pictures themselves.
document.addEventListener(
  "error",
  (event) => {
    if (event.target instanceof HTMLImageElement) markMissing(event.target);
  },
  true,
);
document.addEventListener(
  "load",
  (event) => {
    if (event.target instanceof HTMLImageElement) event.target.classList.remove("is-missing");
  },
  true,
);
for (const picture of document.images) {
  if (picture.complete && picture.naturalWidth === 0 && picture.currentSrc) markMissing(picture);
}
