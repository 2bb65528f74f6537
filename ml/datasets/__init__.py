"""Labelled images, from folders and archives or item by item, prepared for the network."""

from ml.datasets.files import check_both, hashes, labelled_names, labels, listed, load, stream
from ml.datasets.images import (
    LabelledImages,
    Progress,
    Readable,
    check_readable,
    content_sha256,
)
from ml.datasets.items import LabelledItem, load_items, readable_items, stream_items
from ml.errors import DatasetError

__all__ = [
    "DatasetError",
    "LabelledImages",
    "LabelledItem",
    "Progress",
    "Readable",
    "check_both",
    "check_readable",
    "content_sha256",
    "hashes",
    "labelled_names",
    "labels",
    "listed",
    "load",
    "load_items",
    "readable_items",
    "stream",
    "stream_items",
]
