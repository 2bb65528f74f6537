"""The settings of the fast tests: the embedded installation below a folder that is thrown away.

Service tests and journeys do not use these: they run the portal as it ships, by itself.
"""

import atexit
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="veripix-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
# What the person who runs the tests has configured must not reach them.
for _name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG"):
    os.environ.pop(_name, None)
for _name in ("STORAGE_URL", "STORAGE_PUBLIC_URL", "MEDIA_DELIVERY", "MEDIA_KEYS"):
    os.environ.pop(_name, None)
os.environ["VERIPIX_VAR"] = _FOLDER

from portal.settings import *  # noqa: E402, F403

# Hashing slowly on purpose protects people, not tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Pages are rendered without a collected static folder.
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS.clear()  # noqa: F405
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# A test tells its own process that a worker for training is ready; all tests after it would wait
# behind everything else.
TRAINING_NICE = 0
