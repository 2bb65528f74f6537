"""Everything of one person in one zip: asked for, made by a worker, kept for some days."""

from detection.services.data_exports.asking import (
    MAKE_EXPORT,
    ExportRefused,
    Extent,
    export_delete,
    export_request,
    exports_purge,
    exports_sweep,
    extent_of,
    worker_started,
)
from detection.services.data_exports.making import export_fail, export_run

__all__ = [
    "MAKE_EXPORT",
    "ExportRefused",
    "Extent",
    "export_delete",
    "export_fail",
    "export_request",
    "export_run",
    "exports_purge",
    "exports_sweep",
    "extent_of",
    "worker_started",
]
