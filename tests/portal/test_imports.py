"""The web process serves every page and takes images in without the heavy libraries."""

import json
import subprocess
import sys
from pathlib import Path

from tests.data import ROOT
from tests.installation import clean_environment

HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib", "scipy", "h5py")
PROGRAM = """
import io, json, sys
import portal.wsgi
from django.contrib import admin
from django.urls import get_resolver
from PIL import Image
from detection.image_files import Limits, inspect
from detection.services import intake

admin.autodiscover()
get_resolver().url_patterns
file = io.BytesIO()
Image.new("RGB", (40, 30)).save(file, "JPEG")
intake._previews(inspect(file, Limits(10**6, 10**6)))
print(json.dumps(sorted(sys.modules)))
"""


def test_heavy_libraries_stay_unloaded(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**clean_environment(), "VERIPIX_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stdout))
    assert {"detection.views.submissions", "portal.accounts", "ml.preprocessing"} <= loaded
    assert loaded & set(HEAVY) == set()
