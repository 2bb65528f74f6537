// Compares a chosen file with the hash on the page; the file stays in the browser.

// A browser reads a whole file to hash it: beyond this the terminal does better.
const MOST_BYTES = 500_000_000;

async function sha256Of(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function tell(result, state, sentence) {
  result.dataset.state = state;
  result.textContent = sentence;
}

async function compare(file, expected, result) {
  if (file.size > MOST_BYTES) {
    tell(result, "trouble", "This file is too large for the browser; use a terminal.");
    return;
  }
  tell(result, "busy", "Reading …");
  try {
    const isSame = (await sha256Of(file)) === expected;
    tell(
      result,
      isSame ? "same" : "other",
      isSame
        ? `Yes: ${file.name} is the very file that was examined.`
        : `No: ${file.name} is another file, or a copy that was changed or saved again.`,
    );
  } catch {
    tell(result, "trouble", "The file could not be read.");
  }
}

const box = document.querySelector("[data-compare]");
// Plain http has no SubtleCrypto, but for this very machine.
if (crypto.subtle) {
  box.hidden = false;
  document.querySelector("[data-compare-by-hand]").hidden = true;
  const expected = document.querySelector("[data-sha256]").textContent.trim();
  const result = box.querySelector("[data-compare-result]");
  box.querySelector("[data-compare-file]").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) compare(file, expected, result);
  });
}
