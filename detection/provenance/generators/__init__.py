"""Notes that image generators leave in a file: whole records first, bare names after."""

from collections.abc import Iterator
from typing import Any

from detection.findings import Detail, Finding
from detection.provenance.facts import Facts
from detection.provenance.generators import a1111, comfyui, dream, json_records, midjourney
from detection.provenance.generators.names import generator_in
from detection.provenance.generators.record import Record, as_object
from detection.provenance.reading import PARSER_ERRORS, Text, shown, why
from detection.provenance.unreadable import unreadable

# Fields of programs; a name in the others may be an author's, a title, or one step of many.
_PROGRAM_KEYS = ("Software", "Source", "Generator", "generator", "Software Agent")

MAX_OBJECTS = 8  # texts of JSON; a file of ComfyUI has two or three


def find(facts: Facts) -> Iterator[Finding]:
    """Yield what generators wrote, each generator once."""
    records: dict[str, Record] = {}
    for found in (*_of_texts(facts), _of_keys(facts)):
        if isinstance(found, Finding):
            yield found
        elif found is not None:
            known = records.get(found.generator)
            if known is None or _weight(found) > _weight(known):
                records[found.generator] = found
    whole = {name: record for name, record in records.items() if record.is_whole}
    yield from map(_of_record, whole.values())
    partial = [record for name, record in records.items() if name not in whole]
    yield from map(_of_partial, partial)
    yield from _of_names(facts, set(records))


def _of_texts(facts: Facts) -> Iterator[Record | Finding | None]:
    """Yield what each text is: a record, none, or a finding that it cannot be read."""
    objects = 0
    for text in facts.texts:
        objects += text.value.lstrip().startswith("{")
        if objects > MAX_OBJECTS:
            yield unreadable("Further JSON", "the file carries too much of it")
            return
        try:
            yield _record(text, facts)
        except PARSER_ERRORS as error:
            yield unreadable(text.source, why(error))


def _of_keys(facts: Facts) -> Record | None:
    """Return the record of a generator that writes each setting as a text of its own."""
    chunks = {text.key: text.value for text in facts.texts if text.source.startswith("PNG")}
    return json_records.read(Text("PNG text chunks", "", ""), chunks)


def _weight(record: Record) -> tuple[bool, int]:
    return record.is_whole, len(record.fields)


def _record(text: Text, facts: Facts) -> Record | None:
    """Return the one record that a text is.

    Raises:
        Damage: It is JSON that cannot be read.
    """
    found = as_object(text.value)
    if found is not None:
        return _of_object(text, found, facts)
    return (
        a1111.read(text)
        or dream.read(text)
        or midjourney.read(text, facts.xmp.first("Iptc4xmpExt:DigImageGUID"))
    )


def _of_object(text: Text, found: dict[str, Any], facts: Facts) -> Record | None:
    # NovelAI keeps the prompt beside its JSON.
    prompt = facts.text("Description") if text.key == "Comment" else ""
    return comfyui.read(text, found) or json_records.read(text, found, prompt=prompt)


def _of_record(record: Record) -> Finding:
    return Finding(
        kind="generator",
        code="generator_record",
        source=record.source,
        strength="strong",
        leaning="ai",
        sentence=(
            f"The file holds a whole record of how {_by(record.generator)} made or reworked it, "
            "with settings that belong together. A record can be copied into another file, but "
            "hardly anybody does."
        ),
        details=_details(record),
    )


def _of_partial(record: Record) -> Finding:
    return Finding(
        kind="generator",
        code="generator_partial",
        source=record.source,
        strength="weak",
        leaning="ai",
        sentence=(
            f"The file holds notes of {_by(record.generator)}, without the settings of a "
            "generated picture. The program may only have changed a picture that was there before."
        ),
        details=_details(record),
    )


def _by(name: str) -> str:
    """Return a generator's name as it stands within a sentence."""
    return name.replace("An ", "an ", 1) if name.startswith("An ") else name


def _details(record: Record) -> tuple[Detail, ...]:
    return (
        Detail("Generator", record.generator),
        *(Detail(label, value) for label, value in record.fields),
    )


def _of_names(facts: Facts, told: set[str]) -> Iterator[Finding]:
    """Yield a finding for each generator that is only named, in the field that says most."""
    for source, value, is_program in _fields(facts):
        name = generator_in(value)
        if not name or name in told:
            continue
        told.add(name)
        yield Finding(
            kind="generator",
            code="generator_named",
            source=source,
            strength="moderate" if is_program else "weak",
            leaning="ai",
            sentence=(
                f"The file names {_by(name)} "
                "as what it comes from. Anybody can write such a name into a file, and a program "
                "of that name may only have edited it."
            ),
            # Other fields may hold a person's name.
            details=(Detail("Written there", shown(value, 200), not is_program), *_prompts(facts)),
        )


def _fields(facts: Facts) -> Iterator[tuple[str, str, bool]]:
    """Yield place, value and whether it is for programs; such places first."""
    exif, xmp, iptc = facts.exif, facts.xmp, facts.iptc
    for key in ("Software", "ProcessingSoftware", "Make", "Model"):
        yield f"EXIF {key}", exif.text(key), True
    for key in ("Iptc4xmpExt:AISystemUsed", "xmp:CreatorTool", "tiff:Software"):
        yield f"XMP {key}", xmp.first(key), True
    for key in ("photoshop:Credit", "tiff:Make", "tiff:Model"):
        yield f"XMP {key}", xmp.first(key), True
    yield "IPTC Program", iptc.text("Program"), True
    yield "IPTC Credit", iptc.text("Credit"), True
    for text in facts.texts:
        if text.key in _PROGRAM_KEYS and text.source.startswith("PNG"):
            yield text.source, text.value, True
    for event in xmp.items("xmpMM:History"):
        yield "XMP xmpMM:History", event.get("stEvt:softwareAgent", ""), False
    for key in ("dc:creator", "dc:title", "photoshop:Source"):
        yield f"XMP {key}", xmp.first(key), False
    yield "EXIF Artist", exif.text("Artist"), False
    yield "IPTC Author", iptc.text("Author"), False
    for text in facts.texts:
        if text.key in ("Title", "Author"):
            yield text.source, text.value, False


def _prompts(facts: Facts) -> tuple[Detail, ...]:
    """Return what IPTC's fields for AI say beside the name."""
    lines = (
        ("Version", "Iptc4xmpExt:AISystemVersionUsed", False),
        ("Prompt", "Iptc4xmpExt:AIPromptInformation", False),
        ("Written by", "Iptc4xmpExt:AIPromptWriterName", True),
    )
    told = ((label, facts.xmp.first(name), private) for label, name, private in lines)
    return tuple(Detail(label, shown(value), private) for label, value, private in told if value)
