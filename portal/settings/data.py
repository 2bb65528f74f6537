"""Database, cache and broker: embedded, or MySQL and Redis."""

import os
from typing import Any

from portal.environment import celery_address, certificate_files
from portal.settings.base import EMBEDDED, VAR_ROOT, env

SQLITE_OPTIONS = {
    # A writer takes its lock at the start of a transaction and waits for it, so that two
    # processes queue up where they would otherwise fail with "database is locked".
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000; "
    # What is deleted is overwritten, and not only forgotten where it lies.
    "PRAGMA secure_delete=ON;",
}
MYSQL_OPTIONS = {
    "charset": "utf8mb4",
    "init_command": "SET sql_mode='TRADITIONAL,ONLY_FULL_GROUP_BY'",
    "isolation_level": "read committed",
    "connect_timeout": 5,
}


def database() -> dict[str, Any]:
    """Return the one database, with the options that its engine needs to be strict."""
    if EMBEDDED:
        config: dict[str, Any] = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_ROOT / "veripix.sqlite3",
        }
    else:
        config = env.database("DATABASE_URL")
    is_sqlite = config["ENGINE"].endswith("sqlite3")
    options = SQLITE_OPTIONS if is_sqlite else MYSQL_OPTIONS
    config["OPTIONS"] = {**options, **config.get("OPTIONS", {})}
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

HAS_REDIS = not EMBEDDED or env.has("REDIS_URL")
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix")) if HAS_REDIS else ""
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
    if HAS_REDIS
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VAR_ROOT / "cache",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
# The doctor and the status page warn before one of them ends.
TLS_CERTIFICATES = certificate_files(DATABASES["default"], REDIS_URL, os.environ.get("WEB_TLS", ""))

BROKER_FOLDER = VAR_ROOT / "broker"
if HAS_REDIS:
    CELERY_BROKER_URL = celery_address(REDIS_URL)
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        # Longer than the longest task, else Redis hands a running one to a second worker.
        "visibility_timeout": 3600,
        # A broker that is away is told within seconds; the sweeper enqueues later.
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        "max_retries": 0,
    }
else:
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": env.folder("VERIPIX_BROKER", BROKER_FOLDER),
        "data_folder_out": env.folder("VERIPIX_BROKER", BROKER_FOLDER),
        "control_folder": env.folder("VERIPIX_BROKER_CONTROL", VAR_ROOT / "broker-control"),
        "polling_interval": 0.05,
    }
