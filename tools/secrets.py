"""`python -m tools.secrets [--write]`: does a tracked file hold a password, a key or a token?

detect-secrets looks; what it takes for a secret and is none (an example, a password of the tests,
a hash) is kept in known-secrets.json by file and hash. Anything else fails the check.
"""

import json
import subprocess
import sys
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

ROOT = Path(__file__).resolve().parent.parent
KNOWN = Path("tools/known-secrets.json")
# Pins, weights and pictures are hashes and noise from end to end.
LEFT_OUT = (".txt", ".h5", ".tflite", ".png", ".npz", ".webp", ".jpg", ".svg")

# Of each file the hashes of what was looked at and found to be no secret.
Found = dict[str, list[str]]


def tracked_files(root: Path) -> list[str]:
    """Return what git keeps and what is about to be kept, without pins and pictures."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    names = (name for name in done.stdout.splitlines() if (root / name).is_file())
    return sorted(name for name in names if not name.endswith(LEFT_OUT) and name != str(KNOWN))


def secrets_in(root: Path, files: list[str]) -> tuple[Found, list[str]]:
    """Scan files: of each the hashes, and for people a line each with its place."""
    hashes: dict[str, set[str]] = {}
    told = []
    with default_settings():
        for name in files:
            found = SecretsCollection(root=str(root))
            found.scan_file(name)
            for _, secret in found:
                hashes.setdefault(name, set()).add(secret.secret_hash)
                told.append(
                    f"{name}:{secret.line_number}: {secret.type} ({secret.secret_hash[:8]})"
                )
    return {name: sorted(values) for name, values in sorted(hashes.items())}, told


def unknown_of(found: Found, told: list[str], known: Found) -> list[str]:
    """Return the lines on what is not among the known."""
    new = {
        (name, value[:8])
        for name, values in found.items()
        for value in set(values) - set(known.get(name, []))
    }
    return [line for line in told if (line.split(":", 1)[0], line[-9:-1]) in new]


def main(arguments: list[str]) -> int:
    """Write down what is there, or name what is new."""
    found, told = secrets_in(ROOT, tracked_files(ROOT))
    path = ROOT / KNOWN
    if "--write" in arguments:
        path.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    new = unknown_of(found, told, json.loads(path.read_text()))
    if new:
        print("Looks like a secret:", *new, sep="\n")
        print("If each is none, say so: .venv/bin/python -m tools.secrets --write")
        return 1
    print(f"No secret in the tracked files; {len(told)} places are known to be none.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
