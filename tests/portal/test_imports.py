"""The web process serves every page and takes images in without the heavy libraries."""

import json
import subprocess
import sys
from pathlib import Path

from tests.data import ROOT
from tests.installation import clean_environment

HEAVY = (
    *("tensorflow", "keras", "sklearn", "matplotlib", "scipy", "h5py", "weasyprint"),
    # For a bucket alone, which an installation on a folder has none of.
    *("boto3", "botocore"),
)
PROGRAM = """
import io, json, sys
from pathlib import Path
import numpy as np
import portal.wsgi
from django.contrib import admin
from django.urls import get_resolver
from PIL import Image
from detection import ml_gateway
from detection.decoding import Work
from detection.services.decoding import decode

admin.autodiscover()
get_resolver().url_patterns
file = io.BytesIO()
Image.new("RGB", (40, 30)).save(file, "JPEG")
decode(file, work=Work.PREVIEWS, side=40)
# What the pages of models do: verify a version, compare answers, look for drift.
ml_gateway.read_verified_spec(Path("ml/pretrained/cifake-residual"))
scores, labels = np.array([0.2, 0.8]), np.array([0, 1], np.uint8)
ml_gateway.answers_compared(
    ml_gateway.answers_flipped(scores, 1 - scores, labels, (0.5, 0.5)), 2
)
ml_gateway.scores_drifted(scores, scores)
from detection.services.storage import storage_check
storage_check()
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
    assert {"detection.views.submissions", "portal.accounts", "detection.decoding"} <= loaded
    assert loaded & set(HEAVY) == set()
    # What decodes runs apart.
    assert loaded & {"ml.preprocessing", "detection.decoding.pictures"} == set()
