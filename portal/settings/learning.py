"""Datasets, training, and what a version has to reach before it answers."""

import os

from portal.settings.base import BASE_DIR, VAR_ROOT, env

MODELS_ROOT = env.folder("MODELS_ROOT", VAR_ROOT / "models")
SHIPPED_MODELS = BASE_DIR / "ml" / "pretrained"
# From here staff import in the admin panel; whoever has a shell imports from anywhere.
DATASETS_ROOT = env.folder("DATASETS_ROOT", VAR_ROOT / "datasets")
IMPORT_MAX_UPLOAD_BYTES = (
    env.number("IMPORT_MAX_UPLOAD_MEGABYTES", default=2000, most=100_000) * 1_000_000
)
IMPORT_MAX_UNPACKED_BYTES = (
    env.number("IMPORT_MAX_UNPACKED_MEGABYTES", default=50000, most=10_000_000) * 1_000_000
)
IMPORT_MAX_FILES = env.number("IMPORT_MAX_FILES", default=500000, most=10_000_000)
# With fewer images, or fewer of one kind, a model learns the labels and not the images.
SNAPSHOT_MIN_IMAGES = env.number("SNAPSHOT_MIN_IMAGES", default=40, least=10)
SNAPSHOT_MIN_CLASS_SHARE = env.decimal("SNAPSHOT_MIN_CLASS_SHARE", default=0.2, least=0, most=0.5)

# More threads than this gain nothing on images this small.
INFERENCE_THREADS = env.number("INFERENCE_THREADS", default=min(os.cpu_count() or 1, 4), most=256)
RUNS_ROOT = env.folder("RUNS_ROOT", VAR_ROOT / "runs")
# Verdicts go first: training is nice to them, and may be kept to fewer cores.
TRAINING_THREADS = env.number("TRAINING_THREADS", default=os.cpu_count() or 1, most=256)
TRAINING_NICE = env.number("TRAINING_NICE", default=19, least=0, most=19)
# A training worker that has given no sign of life this long is taken to be dead.
TRAINING_LEASE_SECONDS = env.number("TRAINING_LEASE_SECONDS", default=120, least=5)
TRAINING_MAX_ATTEMPTS = env.number("TRAINING_MAX_ATTEMPTS", default=3, most=20)
# Fewer images of a class to learn from than this are no ground for a model.
TRAINING_MIN_IMAGES = env.number("TRAINING_MIN_IMAGES", default=50)
# Fewer photographs of a class are no ground to fit on, nor to tell what a fit is worth.
PHOTO_LEAST_IMAGES = env.number("PHOTO_LEAST_IMAGES", default=20, least=20)
PHOTO_FALSE_ALARMS = env.decimal("PHOTO_FALSE_ALARMS", default=0.05, least=0.01, most=0.5)
# What a version has to reach before it may answer without somebody's written reason.
GATE_MIN_ACCURACY = env.decimal("GATE_MIN_ACCURACY", default=0.9, least=0, most=1)
GATE_MAX_DROP = env.decimal("GATE_MAX_DROP", default=0.01, least=0, most=1)
GATE_MAX_COVERAGE_DROP = env.decimal("GATE_MAX_COVERAGE_DROP", default=0.1, least=0, most=1)
GATE_MAX_ECE = env.decimal("GATE_MAX_ECE", default=0.05, least=0, most=1)
# Some hundred photographs tell a calibration less sharply than thousands of thumbnails.
GATE_PHOTO_MAX_ECE = env.decimal("GATE_PHOTO_MAX_ECE", default=0.08, least=0, most=1)
GATE_MAX_SLOWDOWN = env.decimal("GATE_MAX_SLOWDOWN", default=2.0, least=0.1, most=1000)
GATE_MAX_MEGABYTES = env.number("GATE_MAX_MEGABYTES", default=250, most=10_000)
