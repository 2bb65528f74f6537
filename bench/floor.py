"""The floor loop: one process that does for an image only what no portal can leave out.

Decode, one fused pass at batches of 64, the heatmap's PNG, two files, and the image's rows in the
database: no web, no queue, no evidence, no previews. `python -m bench.floor DATABASE_URL FOLDER
COUNT` prints its images a second as JSON; `docs/benchmarks.md` holds the portal against it.
"""

import io
import json
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import MySQLdb
import numpy as np

from bench.sample import ROOT, cifake_sample
from ml.heatmaps import colourise
from ml.inference import BATCH, Detector
from ml.preprocessing import prepare

MODEL = ROOT / "ml" / "pretrained" / "cifake-residual"
THREADS = 2
HEATMAP = (256, 256)
ROUNDS = 3
IMAGE_ROW = (
    "INSERT INTO floor_image (public_id, file_name, original, sha256, width, height, byte_size,"
    " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
ANALYSIS_ROW = (
    "INSERT INTO floor_analysis (public_id, file, state, p_fake, verdict, reasons, heatmap,"
    " created_at, finished_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
# Like the portal's own as far as a row that an image cannot do without goes.
IMAGE_TABLE = (
    "CREATE TABLE IF NOT EXISTS floor_image (id BIGINT AUTO_INCREMENT PRIMARY KEY, public_id"
    " VARCHAR(24) NOT NULL UNIQUE, file_name VARCHAR(255), original VARCHAR(100),"
    " sha256 VARCHAR(64), width INT, height INT, byte_size BIGINT, created_at DATETIME(6),"
    " KEY (sha256))"
)
ANALYSIS_TABLE = (
    "CREATE TABLE IF NOT EXISTS floor_analysis (id BIGINT AUTO_INCREMENT PRIMARY KEY, public_id"
    " VARCHAR(24) NOT NULL UNIQUE, file VARCHAR(24), state VARCHAR(16), p_fake DOUBLE, verdict"
    " VARCHAR(16), reasons LONGTEXT, heatmap VARCHAR(100), created_at DATETIME(6), finished_at"
    " DATETIME(6), KEY (state), KEY (created_at))"
)
REASONS = json.dumps([{"code": "model_sure", "sentence": "The model is sure of it."}] * 2)


def main() -> None:
    """Run the loop over so many images, the best of three rounds, and print the rate."""
    address, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    files = cifake_sample(count)
    detector = Detector.load(MODEL, threads=THREADS)
    for size in (BATCH, len(files) % BATCH or BATCH):
        detector.explain_arrays(np.zeros((size, 32, 32, 3), np.uint8))
    parts = urlsplit(address)
    database = MySQLdb.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        passwd=parts.password,
        db=parts.path.lstrip("/"),
    )
    with database.cursor() as cursor:
        for table in (IMAGE_TABLE, ANALYSIS_TABLE):
            cursor.execute(table)
    seconds = min(one_round(detector, database, folder, files) for _ in range(ROUNDS))
    print(json.dumps({"images_per_second": len(files) / seconds}))


def one_round(
    detector: Detector, database: MySQLdb.Connection, folder: Path, files: list[tuple[str, bytes]]
) -> float:
    """Seconds for all files, in batches of 64."""
    started = time.perf_counter()
    for start in range(0, len(files), BATCH):
        one_batch(detector, database, folder, files[start : start + BATCH])
    return time.perf_counter() - started


def one_batch(
    detector: Detector, database: MySQLdb.Connection, folder: Path, files: list[tuple[str, bytes]]
) -> None:
    """Decode, judge and explain together, write two files each, and all rows in one transaction."""
    form = detector.spec.preprocessing
    pixels = np.stack([prepare(content, form) for _, content in files])
    images, analyses = [], []
    for (name, content), answer in zip(files, detector.explain_arrays(pixels), strict=True):
        if answer.heatmap is None:
            raise RuntimeError("no heatmap")
        key, now = secrets.token_hex(12), datetime.now(UTC).replace(tzinfo=None)
        picture = io.BytesIO()
        colourise(answer.heatmap.values, HEATMAP).save(picture, "PNG", compress_level=3)
        (folder / f"{key}.bin").write_bytes(content)
        (folder / f"{key}.png").write_bytes(picture.getvalue())
        images.append((key, name, f"{key}.bin", key, 32, 32, len(content), now))
        verdict = "likely_ai" if answer.p_fake >= 0.5 else "likely_real"
        row = (key, key, "finished", answer.p_fake, verdict, REASONS, f"{key}.png", now, now)
        analyses.append(row)
    with database.cursor() as cursor:
        cursor.executemany(IMAGE_ROW, images)
        cursor.executemany(ANALYSIS_ROW, analyses)
    database.commit()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
