"""Static files under names that change with their content, scripts that import each other too."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib.staticfiles.finders import AppDirectoriesFinder
from whitenoise.storage import CompressedManifestStaticFilesStorage

# What other packages bring and no page here uses: minutes of compression, and megabytes.
UNUSED = ("rest_framework", "drf_spectacular_sidecar/redoc/*", "drf_spectacular_sidecar/*.map")


class UsedFinder(AppDirectoriesFinder):
    """Finds the static files of the installed packages, but those that nobody asks for."""

    def list(self, ignore_patterns: Any) -> Any:
        """Return them with where they lie."""
        return super().list([*(ignore_patterns or ()), *UNUSED])


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites `import` in our own scripts.

    Without it a browser would keep an old module beside a new one after an upgrade. Other
    packages' scripts are left alone: their comments hold examples that lead nowhere.
    """

    support_js_module_import_aggregation = True

    def create_compressor(self, **options: Any) -> Any:
        """Leave Brotli out: at its best it takes most of the first start, for a tenth less."""
        return super().create_compressor(**options, use_brotli=False)

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[re.Match[str]], str]:
        """Return what replaces one reference in the file `name`."""
        is_foreign_script = name.endswith(".js") and not name.startswith("js/")
        if is_foreign_script or name.startswith("drf_spectacular_sidecar/"):
            return lambda match: match.group()
        converter: Any = super().url_converter(name, hashed_files, template)
        return converter
