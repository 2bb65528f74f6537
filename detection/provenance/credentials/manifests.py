"""What a manifest says, and whether it can be believed; made of the library's report."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from unicodedata import category

from detection.image_files import INVISIBLE

# Trusted: valid, and the signer is on the trust list. Valid: unchanged, signed by anybody.
State = Literal["trusted", "valid", "invalid", "none"]
ACTIONS = ("c2pa.actions", "c2pa.actions.v2")
AUTHORS = "stds.schema-org.CreativeWork"
# The vocabularies that a digital source type may come from.
VOCABULARIES = ("cv.iptc.org/newscodes/digitalsourcetype/", "c2pa.org/digitalsourcetype/")
TRUSTED, UNTRUSTED = "signingCredential.trusted", "signingCredential.untrusted"
SIGNED, SAME_RECORD = "claimSignature.validated", "ingredient.manifest.validated"
# The pixels are not those that were signed.
PIXELS = {
    "assertion.dataHash.mismatch", "assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch",
}  # fmt: skip
MOST_DEPTH, MOST_TEXT = 12, 200


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that was done: its name, with what, and what kind of source came of it."""

    name: str
    agent: str
    source_type: str


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A file that went into this one, with the manifest that it had itself."""

    title: str
    relationship: str
    state: State
    manifest: "Manifest | None"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One signed record.

    Attributes:
        failures: The library's codes, in its order.
        mentions_ai: AI as a source is named anywhere in it, in whichever form.
    """

    state: State
    failures: tuple[str, ...]
    signer: str
    organisation: str
    signed_at: str
    generator: str
    title: str
    authors: tuple[str, ...]
    actions: tuple[Action, ...]
    ingredients: tuple[Ingredient, ...]
    mentions_ai: bool
    has_thumbnail: bool


def active_manifest(store: dict[str, Any], checks: dict[str, Any]) -> Manifest | None:
    """Return the manifest that speaks for the file as it is, or None where none is named.

    Args:
        store: The library's report on the file.
        checks: Label of each manifest in it -> the validation results of that one by itself.
    """
    label = store.get("active_manifest")
    if not isinstance(label, str):
        return None
    results = _dict(_dict(store.get("validation_results")).get("activeManifest"))
    failures = tuple(_codes(results.get("failure"))) or tuple(
        _codes(store.get("validation_status"))
    )
    # A broken ingredient makes the whole invalid as well, without a failure of the manifest itself.
    is_valid = store.get("validation_state") in ("Valid", "Trusted")
    state = _state(results, label) if is_valid else "invalid"
    return _Reader(store, checks).manifest(label, state, failures)


class _Reader:
    """Follows ingredients through the store, each manifest once.

    What the library reports of an ingredient leaves out whatever *any* manifest in the file has
    recorded of it, signed or not: a forged record could hide a failure there. So each manifest has
    been checked by itself as well, and that is what counts here.
    """

    def __init__(self, store: dict[str, Any], checks: dict[str, Any]) -> None:
        self._manifests = _dict(store.get("manifests"))
        self._checks = checks
        self._seen: set[str] = set()

    def manifest(
        self, label: str, state: State, failures: tuple[str, ...] = (), depth: int = 0
    ) -> Manifest | None:
        """Return a manifest and what it was made from; None for one that was there before."""
        found = self._manifests.get(label)
        if not isinstance(found, dict) or label in self._seen or depth > MOST_DEPTH:
            return None
        self._seen.add(label)
        signature = _dict(found.get("signature_info"))
        assertions = _dicts(found.get("assertions"))
        return Manifest(
            state=state,
            failures=failures,
            signer=_words(signature.get("common_name")),
            organisation=_words(signature.get("issuer")),
            signed_at=_words(signature.get("time")),
            generator=_generator(found),
            title=_words(found.get("title")),
            authors=tuple(_authors(assertions)),
            actions=tuple(_actions(assertions)),
            ingredients=tuple(
                self._ingredient(part, label, depth) for part in _dicts(found.get("ingredients"))
            ),
            mentions_ai="trainedalgorithmic" in json.dumps(assertions).lower(),
            has_thumbnail="thumbnail" in found,
        )

    def _ingredient(self, part: dict[str, Any], whole: str, depth: int) -> Ingredient:
        title, relationship = _words(part.get("title")), _words(part.get("relationship"))
        label = part.get("active_manifest")
        if not isinstance(label, str):
            return Ingredient(title, relationship, "none", None)
        # What the signer saw when the ingredient was taken in: its pixels are not here any more.
        recorded = {
            *_codes(
                _dict(_dict(part.get("validation_results")).get("activeManifest")).get("failure")
            ),
            *_codes(part.get("validation_status")),
        } - {UNTRUSTED}
        by_itself = _dict(_dict(self._checks.get(label)).get("activeManifest"))
        state: State = "invalid"
        if not recorded and self._is_same(whole, label):
            state = _state(by_itself, label, without_pixels=True)
        return Ingredient(title, relationship, state, self.manifest(label, state, depth=depth + 1))

    def _is_same(self, whole: str, label: str) -> bool:
        """Whether the record of an ingredient is the one that was signed for as part of the whole.

        By name alone it might be another one: the first version of claims does not sign its name.
        """
        deltas = _dicts(_dict(self._checks.get(whole)).get("ingredientDeltas"))
        return any(
            _words(status.get("code")) == SAME_RECORD and _is_within(str(status.get("url")), label)
            for delta in deltas
            for status in _dicts(_dict(delta.get("validationDeltas")).get("success"))
        )


def _state(results: dict[str, Any], label: str, *, without_pixels: bool = False) -> State:
    """Whether a manifest is whole, and its signer trusted; a success must be of that manifest."""
    confirmed = {
        _words(status.get("code"))
        for status in _dicts(results.get("success"))
        if _is_within(str(status.get("url")), label)
    }
    failed = {*_codes(results.get("failure"))} - (PIXELS if without_pixels else set())
    if SIGNED not in confirmed or failed - {UNTRUSTED}:
        return "invalid"
    return "trusted" if TRUSTED in confirmed and not failed else "valid"


def _actions(assertions: list[dict[str, Any]]) -> Iterator[Action]:
    for assertion in assertions:
        if str(assertion.get("label")).split("__")[0] not in ACTIONS:
            continue
        for action in _dicts(_dict(assertion.get("data")).get("actions")):
            yield Action(
                _words(action.get("action")),
                _agent(action.get("softwareAgent")),
                _source_type(action.get("digitalSourceType")),
            )


def _authors(assertions: list[dict[str, Any]]) -> Iterator[str]:
    for assertion in assertions:
        if assertion.get("label") == AUTHORS:
            authors = _dict(assertion.get("data")).get("author")
            yield from filter(None, (_words(author.get("name")) for author in _dicts(authors)))


def _generator(manifest: dict[str, Any]) -> str:
    names = [_agent(part) for part in _dicts(manifest.get("claim_generator_info"))]
    return ", ".join(filter(None, names)) or _words(manifest.get("claim_generator"))


def _agent(value: Any) -> str:
    """A program is told as a name, or as an object of name and version."""
    if isinstance(value, dict):
        return " ".join(filter(None, (_words(value.get("name")), _words(value.get("version")))))
    return _words(value)


def _source_type(value: Any) -> str:
    """Return the last word of an address of one of the vocabularies, or nothing."""
    text = _words(value)
    _, _, address = text.partition("://")
    for vocabulary in VOCABULARIES:
        if address.startswith(vocabulary):
            return address.removeprefix(vocabulary)
    return ""


def _is_within(address: str, label: str) -> bool:
    """Whether an address names a manifest or something in it."""
    place = address.partition("self#jumbf=/c2pa/")[2]
    return place == label or place.startswith(label + "/")


def _codes(statuses: Any) -> Iterator[str]:
    return (_words(status.get("code")) for status in _dicts(statuses))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _words(value: Any) -> str:
    """Return a text as it may be shown: one line, nothing invisible, not too long."""
    if not isinstance(value, str):
        return ""
    shown = "".join(
        " " if letter.isspace() else letter
        for letter in value[: 4 * MOST_TEXT]
        if letter.isspace() or category(letter) not in INVISIBLE
    ).strip()
    return shown if len(shown) <= MOST_TEXT else f"{shown[: MOST_TEXT - 1]}…"
