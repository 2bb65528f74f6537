"""The text that AUTOMATIC1111's web interface, Forge and many others write.

The prompt, "Negative prompt: ..." and one line of settings: "Steps: 20, Sampler: Euler a, ...".
"""

from detection.provenance.generators.record import Record, fields, loras_in
from detection.provenance.reading import Text

MAX_SETTINGS = 32_768  # characters
MAX_PAIRS = 200
_NEGATIVE = "Negative prompt:"
_STEPS = "Steps:"

# Who else writes the form gives itself away in a setting.
_WRITERS = (
    ("fooocus", "Fooocus"),
    ("comfyui", "ComfyUI"),
    ("sd.next", "SD.Next"),
    ("neo", "Forge Neo"),
    ("f0.", "Forge"),
    ("f1.", "Forge"),
    ("f2.", "Forge"),
)


def read(text: Text) -> Record | None:
    """Return the record in a text, or None where it is none."""
    parts = _parts(text.value)
    if parts is None:
        return None
    prompt, negative, settings = parts
    pairs = _pairs(settings)
    if not {"steps", "seed", "sampler"} <= pairs.keys():
        return None
    found = fields(
        {
            "Prompt": prompt,
            "Negative prompt": negative,
            "Model": pairs.get("model", ""),
            "Model hash": pairs.get("model hash", ""),
            "LoRAs": loras_in(prompt) or pairs.get("lora hashes", ""),
            "Seed": pairs["seed"],
            "Steps": pairs["steps"],
            "Sampler": pairs["sampler"],
            "Schedule": pairs.get("schedule type", ""),
            "CFG scale": pairs.get("cfg scale", ""),
            "Size": pairs.get("size", ""),
            "Denoising strength": pairs.get("denoising strength", ""),
            "Version": pairs.get("version", ""),
        }
    )
    record = Record(_writer(pairs), text.source, found)
    return record if record.is_whole else None


def _parts(value: str) -> tuple[str, str, str] | None:
    """Return prompt, negative prompt and settings, which begin with the last line of steps."""
    at = value.rfind(f"\n{_STEPS}") + 1
    if not value.startswith(_STEPS, at):
        return None
    settings = value[at : at + MAX_SETTINGS]
    prompt, _, negative = value[:at].partition(_NEGATIVE)
    return prompt.strip(), negative.strip(), settings


def _pairs(settings: str) -> dict[str, str]:
    """Return the settings; commas within quotes and braces part nothing."""
    found: dict[str, str] = {}
    for part in _split(settings.replace("\n", ", ")):
        name, colon, value = part.partition(":")
        if colon and len(name) <= 60:
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
        if len(found) >= MAX_PAIRS:
            break
    return found


def _split(settings: str) -> list[str]:
    parts, start, depth, is_quoted, is_escaped = [], 0, 0, False, False
    for at, character in enumerate(settings):
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif not is_quoted and character in "{[":
            depth += 1
        elif not is_quoted and character in "}]":
            depth = max(0, depth - 1)
        elif character == "," and not is_quoted and not depth:
            parts.append(settings[start:at])
            start = at + 1
    return [*parts, settings[start:]]


def _writer(pairs: dict[str, str]) -> str:
    told = f"{pairs.get('app', '')} {pairs.get('version', '')}".lower().strip()
    for mark, name in _WRITERS:
        if told.startswith(mark):
            return name
    return "Stable Diffusion web UI (AUTOMATIC1111 or alike)"
