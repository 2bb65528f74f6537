"""Where an installation keeps its things, its key, and whether it needs servers."""

from pathlib import Path

from portal.environment import Environment, kept_secret

BASE_DIR = Path(__file__).resolve().parents[2]
# As in pyproject.toml, which no image of the portal holds; reports tell it.
VERSION = "0.1.0"
env = Environment()

EMBEDDED = not env.has("DATABASE_URL")
DEBUG = env.flag("DEBUG", default=False)
VAR_ROOT = env.folder("VERIPIX_VAR", BASE_DIR / "var")
SECRET_KEY = (
    kept_secret(VAR_ROOT / "secret-key")
    if EMBEDDED and not env.has("SECRET_KEY")
    else env.text("SECRET_KEY")
)
# Former keys, with which what they protect can still be read while people come and go.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", default=[])
