"""Labelled images, from folders and archives or item by item, prepared for the network."""

from ml.datasets.files import hashes, labelled_names, labels, load, stream
from ml.datasets.images import LabelledImages, Progress, content_sha256
from ml.datasets.items import LabelledItem, load_items, stream_items
from ml.errors import DatasetError

__all__ = [
    "DatasetError",
    "LabelledImages",
    "LabelledItem",
    "Progress",
    "content_sha256",
    "hashes",
    "labelled_names",
    "labels",
    "load",
    "load_items",
    "stream",
    "stream_items",
]
