"""Where static files, people's files and models' files lie, and how they reach a browser."""

from typing import Any

from portal.environment import misconfigured
from portal.settings.base import BASE_DIR, VAR_ROOT, env
from portal.storage_address import object_address, public_endpoint

STATIC_URL = "/static/"
STATIC_ROOT = env.folder("STATIC_ROOT", VAR_ROOT / "static", is_private=False)
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "portal.storage.UsedFinder",
]
MEDIA_ROOT = env.folder("MEDIA_ROOT", VAR_ROOT / "media")
# User files are only ever reached through a view that asks who is asking, on this machine too.
MEDIA_URL = "/no-public-media/"
# Where files are kept: in the folder, or, where this is set, in a bucket of an object storage.
BUCKET = object_address(env, "STORAGE_URL")
STORAGE_PUBLIC_URL = public_endpoint(env, "STORAGE_PUBLIC_URL")
# How a file gets to a browser once it is known who asks: through the web process, by a signed
# address in the bucket, or by the proxy in front, which reads it from the folder.
MEDIA_DELIVERY = env.choice("MEDIA_DELIVERY", ("stream", "redirect", "accel"), default="stream")
MEDIA_ADDRESS_SECONDS = env.number("MEDIA_ADDRESS_SECONDS", default=60, least=5, most=3600)
if ("redirect" if BUCKET is None else "accel") == MEDIA_DELIVERY:
    misconfigured(
        "MEDIA_DELIVERY", "may be redirect only with STORAGE_URL, and accel only without it."
    )
# What encrypts stored files; the name keeps it off the pages that show settings.
MEDIA_KEYS = None
if env.has("MEDIA_KEYS"):
    # Only then the library is loaded.
    from portal.encryption import media_keys

    MEDIA_KEYS = media_keys(env, "MEDIA_KEYS")
    if MEDIA_DELIVERY != "stream":
        misconfigured(
            "MEDIA_DELIVERY",
            "must be stream with MEDIA_KEYS: neither a bucket nor a proxy can decrypt.",
        )
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "portal.encrypted_storage.EncryptedStorage",
        "OPTIONS": {
            "keys": MEDIA_KEYS,
            "backend": "portal.folder_storage.FolderStorage",
            "options": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
        }
        if BUCKET is None
        else {
            "keys": MEDIA_KEYS,
            "backend": "portal.object_storage.ObjectStorage",
            "options": BUCKET.options(public=STORAGE_PUBLIC_URL, seconds=MEDIA_ADDRESS_SECONDS),
        },
    },
    "staticfiles": {"BACKEND": "portal.storage.StaticStorage"},
}
# Model versions are then kept there too, and fetched by whoever needs one.
IS_STORAGE_REMOTE = BUCKET is not None
MEDIA_ORIGINS = (
    [BUCKET.origin(STORAGE_PUBLIC_URL)] if BUCKET and MEDIA_DELIVERY == "redirect" else []
)
