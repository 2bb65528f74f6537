"""Reads where files are kept, `STORAGE_URL`, into what Django and the object storage need."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from portal.environment import Environment, misconfigured

SCHEMES = {"s3": "https", "s3+http": "http"}
OPTIONS = ("region", "path_style", "prefix", "ca")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Known to answer for buckets by name; whatever else speaks S3 may know the bucket as a path alone.
AMAZON = ".amazonaws.com"
TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """One bucket of an S3-compatible storage.

    Attributes:
        endpoint: Scheme, host and port.
        bucket: Its name.
        key: Who asks; empty: the machine's own role, as boto3 finds it.
        secret: Of that key.
        region: That requests are signed for.
        path_style: The bucket is named in the path and not in the host.
        prefix: Folder in the bucket below which everything is kept.
        ca: File with the authority that vouches for the endpoint; empty: the machine's own list.
    """

    endpoint: str
    bucket: str
    key: str
    # Never told: settings are shown on error pages where `DEBUG` is on.
    secret: str = field(repr=False)
    region: str
    path_style: bool
    prefix: str
    ca: str = ""

    def options(self, *, public: str, seconds: int) -> dict[str, Any]:
        """Return the options of `portal.object_storage.ObjectStorage`.

        Args:
            public: Endpoint under which browsers reach the storage; empty: the same.
            seconds: How long a signed address holds.
        """
        return {
            "endpoint_url": self.endpoint,
            "public_endpoint": public or self.endpoint,
            "bucket_name": self.bucket,
            "access_key": self.key or None,
            "secret_key": self.secret or None,
            "region_name": self.region,
            "addressing_style": "path" if self.path_style else "virtual",
            "location": self.prefix,
            "verify": self.ca or None,
            "querystring_auth": True,
            "querystring_expire": seconds,
        }

    def origin(self, public: str) -> str:
        """Return the origin of signed addresses, as a content security policy names it."""
        parts = urlsplit(public or self.endpoint)
        host = parts.netloc if self.path_style else f"{self.bucket}.{parts.netloc}"
        return f"{parts.scheme}://{host}"


def object_address(env: Environment, name: str) -> ObjectAddress | None:
    """Return the bucket at an address such as `s3://key:secret@host:port/bucket?region=…`.

    Returns:
        `None` where the variable is not set: files are kept in a folder then.
    """
    if not env.has(name):
        return None
    parts = urlsplit(env.url(name, tuple(SCHEMES)))
    bucket = unquote(parts.path).strip("/")
    if not parts.hostname:
        misconfigured(name, "names no host after s3://.")
    if not BUCKET.fullmatch(bucket):
        misconfigured(
            name,
            "must end with the name of one bucket: 3 to 63 small letters, digits, dots, hyphens.",
        )
    if bool(parts.username) != bool(parts.password):
        misconfigured(name, "must hold both halves of a key, or neither of them.")
    given = _options(name, parts)
    host = parts.netloc.rpartition("@")[2]
    path_style = given.get("path_style", str(not parts.hostname.endswith(AMAZON)).lower())
    if path_style not in TRUTH:
        misconfigured(name, "takes path_style=true or path_style=false.")
    ca = given.get("ca", "")
    if ca and not Path(ca).is_file():
        misconfigured(name, "names a file that is not there by ca.")
    return ObjectAddress(
        endpoint=f"{SCHEMES[parts.scheme]}://{host}",
        bucket=bucket,
        key=unquote(parts.username or ""),
        secret=unquote(parts.password or ""),
        region=given.get("region", "us-east-1"),
        path_style=TRUTH[path_style],
        prefix=given.get("prefix", "").strip("/"),
        ca=ca,
    )


def public_endpoint(env: Environment, name: str) -> str:
    """Return the endpoint that browsers use, such as `https://files.example.org`; empty: none."""
    if not env.has(name):
        return ""
    address = env.url(name, ("https", "http"))
    parts = urlsplit(address)
    if parts.path.strip("/") or parts.query or parts.username:
        misconfigured(name, "must be scheme, host and port alone, as in https://files.example.org.")
    return address.rstrip("/")


def _options(name: str, parts: SplitResult) -> dict[str, str]:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for option in given:
        if option not in OPTIONS:
            misconfigured(name, f"takes {', '.join(OPTIONS)} after the question mark, no others.")
    return given
