// Hands forms to allauth's script, which talks to the browser, and says what went wrong there.
const SENTENCES = {
  NotAllowedError: "Nothing came of it: it was cancelled, or took too long. Try once more.",
  InvalidStateError: "This device or key has a passkey for this account already.",
  SecurityError: "Passkeys do not work at this address. They need a name and https; on this machine, the name localhost.",
};

function tell(sentence) {
  const place = document.querySelector("[data-passkey-problem]");
  if (!place) return;
  place.querySelector("p").textContent = sentence;
  place.hidden = false;
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  tell(SENTENCES[event.detail.exception.name] ?? "That did not work. Try once more, or use another way.");
});

if (!window.PublicKeyCredential) {
  tell(isSecureContext ? "This browser knows no passkeys." : SENTENCES.SecurityError);
}

// Deferred as this is, and before it in the page, allauth's scripts have run by now.
for (const form of document.querySelectorAll("[data-passkey]")) {
  allauth.webauthn.forms[form.dataset.passkey]({ ids: JSON.parse(form.dataset.passkeyIds) });
}
