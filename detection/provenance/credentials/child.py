"""The process that reads one manifest: it runs alone, knows no secret and can open nothing.

`reading.py` starts it as a program of its own, with the image as standard input. What it prints is
one JSON object; whatever happens to it, the worker that started it goes on.
"""

import base64
import io
import json
import math
import resource
import signal
import sys
from pathlib import Path

from c2pa import C2paError, Context, Reader

MEGABYTE = 1 << 20
# What the library takes besides the image: 80 MB at most was seen.
LEAST_MEMORY = 512 * MEGABYTE
MOST_ANSWER = 8 * MEGABYTE
MOST_STORE = 4 * MEGABYTE
MOST_THUMBNAIL = 2 * MEGABYTE
MOST_MANIFESTS = 40


def confine(seconds: float, image_bytes: int) -> None:
    """Give up what a hostile file could use: time, memory, disk, and any new file or connection."""
    memory = LEAST_MEMORY + 4 * image_bytes
    processor = math.ceil(seconds) + 1
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_FSIZE, MOST_ANSWER),
        (resource.RLIMIT_CORE, 0),
        # No number is left for another file or socket; the ones that are open stay open.
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    # The kernel ends the process at the alarm, even in the midst of native code.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def settings(anchors: str) -> dict[str, object]:
    """What the library may do: check everything, ask nobody."""
    return {
        "verify": {
            "verify_after_reading": True,
            "verify_trust": True,
            "verify_timestamp_trust": True,
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        },
        "core": {"allowed_network_hosts": [], "max_decompressed_manifest_size_in_mb": 16},
        # An empty list of anchors is refused; none at all trusts nobody.
        "trust": {"trust_anchors": anchors} if anchors.strip() else {},
    }


def read(content: bytes, media_type: str, anchors: str) -> dict[str, object]:
    """Return what the library reports of a file, of each manifest in it, and the thumbnail."""
    try:
        context = Context.from_dict(settings(anchors))
    except C2paError:
        return {"error": "trust_list"}
    try:
        with Reader(media_type, io.BytesIO(content), context=context) as reader:
            text = reader.json()
            if len(text) > MOST_STORE:
                return {"error": "too_large"}
            store = json.loads(text)
            labels = list(store["manifests"])[:MOST_MANIFESTS]
            return {
                "store": store,
                "checks": {label: _check(reader, label, context) for label in labels},
                "thumbnail": _thumbnail(reader, store),
            }
    except C2paError.ManifestNotFound:
        return {"error": "none"}
    except C2paError as error:
        # The library has no kind of its own for a manifest that it was told not to fetch.
        kind = "remote" if str(error).startswith("Remote:") else "unreadable"
        return {"error": kind, "reason": str(error)[:500]}
    except (MemoryError, RecursionError, ValueError) as error:
        return {"error": "unreadable", "reason": type(error).__name__}


def _check(reader: Reader, label: str, context: Context) -> dict[str, object]:
    """Check one manifest by itself, as if it were the active one of a file that is not there."""
    try:
        alone = io.BytesIO(_resource(reader, label))
        with Reader("application/c2pa", alone, context=context) as single:
            results: dict[str, object] = json.loads(single.json())["validation_results"]
            return results
    except C2paError:
        return {}


def _thumbnail(reader: Reader, store: dict[str, dict[str, dict[str, dict[str, str]]]]) -> str:
    """The signed thumbnail as base64, or nothing where there is none or it is too large."""
    active = store["manifests"].get(str(store.get("active_manifest")), {})
    address = active.get("thumbnail", {}).get("identifier")
    try:
        content = _resource(reader, address) if address else b""
    except C2paError:
        return ""
    return base64.b64encode(content).decode() if len(content) <= MOST_THUMBNAIL else ""


def _resource(reader: Reader, address: str) -> bytes:
    content = io.BytesIO()
    reader.resource_to_stream(address, content)
    return content.getvalue()


def main() -> None:
    """Arguments: media type, path of the trust list, seconds."""
    media_type, trust_list, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    anchors = trust_list.read_text(errors="replace") if trust_list.is_file() else ""
    content = sys.stdin.buffer.read()
    confine(seconds, len(content))
    json.dump(read(content, media_type, anchors), sys.stdout)


if __name__ == "__main__":
    main()
