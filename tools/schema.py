"""Is the kept description of the REST interface what the code says? `--write` makes it so."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "detection" / "api" / "openapi.yaml"
# What a person's shell configures must not reach the description.
LEFT_OUT = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "EMAIL_URL", "DEBUG")


def described() -> str | None:
    """Return the description of the code as it is; `None` where it cannot be made without doubt."""
    with tempfile.TemporaryDirectory(prefix="veripix-schema-") as folder:
        made = Path(folder) / "openapi.yaml"
        command = [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn"]
        environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        environment["VERIPIX_VAR"] = folder
        done = subprocess.run(
            [*command, "--file", str(made)], check=False, cwd=ROOT, env=environment
        )
        return made.read_text(encoding="utf-8") if done.returncode == 0 else None


def main(arguments: list[str]) -> int:
    """Compare, or write; a status as processes end with."""
    text = described()
    if text is None:
        return 1
    if "--write" in arguments:
        KEPT.write_text(text, encoding="utf-8")
        return 0
    if KEPT.read_text(encoding="utf-8") != text:
        print(f"{KEPT.relative_to(ROOT)} is not what the code says: `make schema` writes it anew.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
