"""Where the data sets are when no path is given: the one place that the tests look at, too."""

import os
from pathlib import Path

from ml.errors import DatasetError

ROOT = Path(__file__).resolve().parents[2]


def data_set(given: Path | None, *parts: str) -> Path:
    """Return the path that was given, or that of a file below the folder with the data sets.

    That folder is `VERIPIX_DATA`, or `../shared/data` beside the repository.

    Raises:
        DatasetError: `missing_data` when no path was given and the file is not there.
    """
    if given is not None:
        return given
    folder = Path(os.environ.get("VERIPIX_DATA") or ROOT.parent / "shared" / "data")
    path = folder.joinpath(*parts)
    if not path.exists():
        raise DatasetError(
            "missing_data",
            f"Give the images with --data, or set VERIPIX_DATA to the folder that holds "
            f"{'/'.join(parts)}. Received: neither, and {path} is not there.",
        )
    return path
