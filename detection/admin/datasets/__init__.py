"""Datasets, their images, imports and snapshots in the admin panel."""

from detection.admin.datasets import dataset, from_analyses, imports, items, snapshots

__all__ = ["dataset", "from_analyses", "imports", "items", "snapshots"]
