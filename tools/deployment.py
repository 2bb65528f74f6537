"""Does Django's own list for deployment object to anything in a production configuration?"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Production as compose.yaml sets it up; nothing is contacted, so the addresses lead nowhere.
PRODUCTION = {
    "DATABASE_URL": "mysql://veripix:secret@127.0.0.1:1/veripix",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "only-this-check-uses-it-2p6Xq9vRw4Zt8Lk3Mf7Jd1Sg5Ha0Yc",
    "ALLOWED_HOSTS": "veripix.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://veripix.example.org",
    "EMAIL_URL": "smtp+tls://veripix:secret@mail.example.org:587",
    "TRUST_PROXY": "true",
    "OPERATOR_NAME": "Example Newsroom",
    "OPERATOR_ADDRESS": "1 Example Street, 12345 Example",
    "OPERATOR_EMAIL": "privacy@example.org",
    "OPERATOR_DATA_PLACE": "in Example, by Example Hosting",
}


def main() -> int:
    """Run `check --deploy`; a warning counts as a failure."""
    with tempfile.TemporaryDirectory(prefix="veripix-check-") as folder:
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        environment = {**os.environ, **PRODUCTION, "VERIPIX_VAR": folder}
        return subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
