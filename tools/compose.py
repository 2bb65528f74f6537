"""Is compose.yaml what Docker Compose accepts, by its schema and, where installed, by itself?"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "compose.yaml"


def has_compose_plugin() -> bool:
    """Whether `docker compose` answers on this machine; its engine need not run."""
    if shutil.which("docker") is None:
        return False
    answer = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)
    return answer.returncode == 0


def main() -> int:
    """Check the file by the schema, then by Compose itself; the worst exit status counts."""
    schema = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    status = subprocess.run([sys.executable, "-m", *schema], check=False).returncode
    if not has_compose_plugin():
        print("docker compose is not installed here: compose.yaml was checked by its schema alone.")
        return status
    config = ["docker", "compose", "--env-file", ".env.example", "--file", str(COMPOSE)]
    done = subprocess.run([*config, "config", "--quiet"], check=False, cwd=ROOT)
    return status or done.returncode


if __name__ == "__main__":
    sys.exit(main())
