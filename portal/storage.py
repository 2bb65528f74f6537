"""Static files under names that change with their content, scripts that import each other too."""

import re
from collections.abc import Callable
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites `import` in our own scripts.

    Without it a browser would keep an old module beside a new one after an upgrade. Other
    packages' scripts are left alone: their comments hold examples that lead nowhere.
    """

    support_js_module_import_aggregation = True

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[re.Match[str]], str]:
        """Return what replaces one reference in the file `name`."""
        if name.endswith(".js") and not name.startswith("js/"):
            return lambda match: match.group()
        converter: Any = super().url_converter(name, hashed_files, template)
        return converter
