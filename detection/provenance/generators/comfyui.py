"""ComfyUI's graphs: `prompt`, what was run, and `workflow`, what was on the screen."""

from collections.abc import Iterator
from typing import Any

from detection.provenance.generators.record import Record, fields, listed
from detection.provenance.reading import Text

MAX_NODES = 2_000
MAX_HOPS = 40  # from a sampler back to its prompt

_GENERATOR = "ComfyUI"
_MODELS = ("ckpt_name", "unet_name", "model_name")
_WORDS = ("text", "text_g", "t5xxl", "clip_l", "string", "value", "prompt")
_LINKS = ("conditioning", "conditioning_1", "positive", "negative", "guider", "sampler", "noise")
# Places of a sampler's settings among the bare values that a workflow keeps of it.
_WIDGETS = {"KSampler": ("Seed", 0, "Steps", 2, "CFG scale", 3, "Sampler", 4, "Schedule", 5)}


def read(text: Text, graph: dict[str, Any]) -> Record | None:
    """Return what a graph says, or None where it is none.

    A graph without a sampler makes no picture of its own: its record has no steps and is not whole.
    """
    nodes = _run_nodes(graph)
    if nodes:
        return Record(_GENERATOR, text.source, _of_run(nodes))
    drawn = _drawn_nodes(graph)
    if len(drawn) >= 2 and isinstance(graph.get("links"), list):
        return Record(_GENERATOR, text.source, _of_workflow(drawn))
    return None


def _run_nodes(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return class and inputs of each node of a `prompt`."""
    found = {}
    for number, node in list(graph.items())[:MAX_NODES]:
        if isinstance(node, dict) and isinstance(node.get("class_type"), str):
            inputs = node.get("inputs")
            if isinstance(inputs, dict):
                found[number] = {**inputs, "class_type": node["class_type"]}
    return found


def _drawn_nodes(graph: dict[str, Any]) -> list[dict[str, Any]]:
    nodes = graph.get("nodes")
    if not isinstance(nodes, list):
        return []
    return [
        node
        for node in nodes[:MAX_NODES]
        if isinstance(node, dict) and isinstance(node.get("type"), str) and "id" in node
    ]


def _of_run(nodes: dict[str, dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    sampler = next(_samplers(nodes), {})
    seed = _value(nodes, sampler, "seed", "noise_seed")
    steps = _value(nodes, sampler, "steps")
    size = next((n for n in nodes.values() if "Latent" in n["class_type"] and "width" in n), {})
    width, height = _value(nodes, size, "width"), _value(nodes, size, "height")
    return fields(
        {
            "Prompt": _words(nodes, sampler, "positive"),
            "Negative prompt": _words(nodes, sampler, "negative"),
            "Model": listed(_each(nodes, *_MODELS)),
            "LoRAs": listed(_each(nodes, "lora_name")),
            "Seed": seed,
            "Steps": steps,
            "Sampler": _value(nodes, sampler, "sampler_name"),
            "Schedule": _value(nodes, sampler, "scheduler"),
            "CFG scale": _value(nodes, sampler, "cfg"),
            "Denoising strength": _value(nodes, sampler, "denoise"),
            "Size": f"{width} x {height}" if width and height else "",
            "Nodes": len(nodes),
        }
    )


def _samplers(nodes: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what draws: nodes with seed and steps, and those that leave both to other nodes."""
    for node in nodes.values():
        if "steps" in node and ("seed" in node or "noise_seed" in node):
            yield node
    for node in nodes.values():
        if node["class_type"].startswith("SamplerCustom"):
            yield node


def _each(nodes: dict[str, dict[str, Any]], *names: str) -> Iterator[object]:
    seen = set()
    for node in nodes.values():
        for name in names:
            value = node.get(name)
            if isinstance(value, str) and value not in seen:
                seen.add(value)
                yield value


def _value(nodes: dict[str, dict[str, Any]], node: dict[str, Any], *names: str) -> object:
    """Return an input, followed through links to where it is set, else from anywhere."""
    for name in names:
        value = node.get(name)
        for _ in range(MAX_HOPS):
            source = nodes.get(str(value[0])) if isinstance(value, list) and value else None
            if source is None:
                break
            value = next(
                (source[key] for key in (name, "seed", "value", "int") if key in source), ""
            )
        if isinstance(value, str | int | float) and value != "":
            return value
    if not node.get("class_type", "").startswith("SamplerCustom"):
        return ""
    return next((n[name] for n in nodes.values() for name in names if _is_plain(n.get(name))), "")


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _words(nodes: dict[str, dict[str, Any]], sampler: dict[str, Any], side: str) -> str:
    """Return the words that reach a sampler on one side."""
    waiting = [sampler[name] for name in (side, "guider") if name in sampler]
    seen: set[str] = set()
    while waiting and len(seen) < MAX_HOPS:
        link = waiting.pop(0)
        if not (isinstance(link, list) and link) or str(link[0]) in seen:
            continue
        seen.add(str(link[0]))
        node = nodes.get(str(link[0]), {})
        texts = [node[name] for name in _WORDS if isinstance(node.get(name), str)]
        if texts and any(texts):
            return "\n".join(dict.fromkeys(texts))
        other = {"positive": "negative", "negative": "positive"}[side]
        waiting += [node[name] for name in (*_WORDS, *_LINKS) if name in node and name != other]
    return ""


def _of_workflow(nodes: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return what bare values say: only the usual sampler's places are known for sure."""
    values: dict[str, object] = {}
    for node in nodes:
        widgets, places = node.get("widgets_values"), _WIDGETS.get(node["type"])
        if places and isinstance(widgets, list):
            for label, at in zip(places[::2], places[1::2], strict=True):
                if isinstance(at, int) and at < len(widgets):
                    values.setdefault(str(label), widgets[at])
    named = [value for node in nodes for value in _files(node.get("widgets_values"))]
    return fields({"Model": listed(dict.fromkeys(named)), **values, "Nodes": len(nodes)})


def _files(widgets: object) -> Iterator[str]:
    for value in widgets[:50] if isinstance(widgets, list) else ():
        if isinstance(value, str) and value.endswith((".safetensors", ".ckpt", ".gguf")):
            yield value
