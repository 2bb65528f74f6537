"""Private files in a bucket that speaks S3, told apart: gone, or not to be had at the moment.

Only loaded where `STORAGE_URL` is set: boto3 takes some 30 MB of every process that imports it.
"""

import logging
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from detection.services.storage import StorageUnavailable
from portal.stored_file import StoredFile

log = logging.getLogger(__name__)

# By the names that the portal gives; what an uploader called a file or its type is never asked.
CONTENT_TYPES = {".webp": "image/webp", ".png": "image/png"}
ANY_TYPE = "application/octet-stream"
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 15, 2
IN_MEMORY = 5_000_000
# As many files go in one request; the protocol allows no more.
DELETED_AT_ONCE = 1000


class ObjectStorage(S3Storage):
    """One bucket; every error is a `FileNotFoundError` or a `StorageUnavailable`.

    A client is made once and shared by all threads, which boto3 allows of clients: each of their
    own would take memory eight times.
    """

    def __init__(self, *, public_endpoint: str, addressing_style: str, **options: Any) -> None:
        """Take where the bucket is, and under which endpoint browsers reach it."""
        client_config = Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing_style},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Checksums in trailers are Amazon's own; others refuse what carries them.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(
            client_config=client_config,
            transfer_config=TransferConfig(use_threads=False),
            default_acl=None,
            file_overwrite=True,
            **options,
        )
        self._public_endpoint = public_endpoint
        self._shared: Any = None
        self._signer: Any = None
        self._making = threading.Lock()

    def get_default_settings(self) -> dict[str, Any]:
        """Take nothing from settings or variables of other names."""
        defaults: dict[str, Any] = dict.fromkeys(super().get_default_settings())
        return defaults | {
            "file_name_charset": "utf-8",
            "location": "",
            "gzip": False,
            "use_ssl": True,
            "url_protocol": "https:",
            "max_memory_size": IN_MEMORY,
        }

    @property
    def connection(self) -> Any:
        """The one resource of this process."""
        with self._making:
            if self._shared is None:
                self._shared = self._resource(self.endpoint_url)
            return self._shared

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    def _resource(self, endpoint: str) -> Any:
        session = boto3.Session(
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key
        )
        return session.resource(
            "s3",
            region_name=self.region_name,
            endpoint_url=endpoint,
            config=self.client_config,
            # The file of an authority; without one boto3 takes the list that it knows.
            verify=self.verify,
        )

    def get_object_parameters(self, name: str) -> dict[str, Any]:
        """Return how an object is stored: its type by the portal's own name for it."""
        suffix = PurePosixPath(name).suffix
        return {
            "ContentType": CONTENT_TYPES.get(suffix, ANY_TYPE),
            "CacheControl": "private, max-age=86400, immutable",
        }

    def url(
        self,
        name: str,
        parameters: dict[str, Any] | None = None,
        expire: int | None = None,
        http_method: str | None = None,
    ) -> str:
        """Return a signed address that holds for a short time; nothing is asked of the storage."""
        with self._making:
            if self._signer is None:
                is_same = self._public_endpoint == self.endpoint_url and self._shared is not None
                self._signer = (
                    self._shared if is_same else self._resource(self._public_endpoint)
                ).meta.client
        asked = {**(parameters or {}), "Bucket": self.bucket_name, "Key": self._key(name)}
        with told_apart(name):
            address: str = self._signer.generate_presigned_url(
                "get_object", Params=asked, ExpiresIn=expire or self.querystring_expire
            )
        return address

    def delete(self, name: str) -> None:
        """Delete an object; one that is gone already is no error."""
        with told_apart(name):
            super().delete(name)

    def delete_many(self, names: Iterable[str]) -> None:
        """Delete many objects with few requests.

        Raises:
            StorageUnavailable: When one of them could not be deleted; others may be gone.
        """
        keys = [{"Key": self._key(name)} for name in names]
        for start in range(0, len(keys), DELETED_AT_ONCE):
            wanted = {"Objects": keys[start : start + DELETED_AT_ONCE], "Quiet": True}
            with told_apart("delete"):
                answer = self._client.delete_objects(Bucket=self.bucket_name, Delete=wanted)
            if answer.get("Errors"):
                raise StorageUnavailable(f"delete: {answer['Errors'][0].get('Code', '')}")

    def exists(self, name: str) -> bool:
        """Tell whether there is such an object."""
        with told_apart(name):
            is_there: bool = super().exists(name)
        return is_there

    def size(self, name: str) -> int:
        """Return how many bytes an object has."""
        with told_apart(name):
            byte_size: int = super().size(name)
        return byte_size

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return folders and files below a name."""
        with told_apart(path):
            found: tuple[list[str], list[str]] = super().listdir(path)
        return found

    def entries(self, prefix: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Yield name, size and time of every object below a prefix, a page of 1000 at a time."""
        pages = self._client.get_paginator("list_objects_v2")
        # Names are told as they are asked for, without the folder that all of them share.
        shared = f"{self.location.strip('/')}/" if self.location else ""
        with told_apart(prefix):
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=shared + prefix):
                for entry in page.get("Contents", ()):
                    yield entry["Key"][len(shared) :], entry["Size"], entry["LastModified"]

    def peek(self, name: str, length: int) -> tuple[bytes, str]:
        """Return the beginning of an object, and what to know this state of it by."""
        wanted = {"Bucket": self.bucket_name, "Key": self._key(name)}
        with told_apart(name):
            try:
                answer = self._client.get_object(**wanted, Range=f"bytes=0-{length - 1}")
            except ClientError as error:
                # Nothing of an empty object can be asked for.
                if error.response.get("Error", {}).get("Code") not in ("InvalidRange", "416"):
                    raise
                return b"", ""
            return answer["Body"].read(), answer["ETag"]

    def replace(self, name: str, content: File, tag: str) -> bool:
        """Put another content in an object's place, at once for all who read it.

        Returns:
            Whether it was still there as `peek` saw it: one that was deleted meanwhile stays
            deleted, where the storage knows the condition `If-Match`.
        """
        wanted = {"Bucket": self.bucket_name, "Key": self._key(name)}
        parameters = self.get_object_parameters(name)
        try:
            with told_apart(name):
                # For those that do not know the condition: as late as can be.
                self._client.head_object(**wanted)
                self._client.put_object(**wanted, **parameters, Body=content, IfMatch=tag)
        except FileNotFoundError:
            return False
        except StorageUnavailable as error:
            if error.reason in ("PreconditionFailed", "412"):
                return False
            raise
        return True

    def check(self) -> None:
        """Ask whether the bucket is there and lets us in.

        Raises:
            StorageUnavailable: Where it does not.
        """
        try:
            with told_apart(self.bucket_name):
                self._client.head_bucket(Bucket=self.bucket_name)
        except FileNotFoundError:
            raise StorageUnavailable("there is no such bucket") from None

    def _key(self, name: str) -> str:
        key: str = self._normalize_name(clean_name(name))
        return key

    def _save(self, name: str, content: File) -> str:
        with told_apart(name):
            stored: str = super()._save(name, content)
        return stored

    def _open(self, name: str, mode: str = "rb") -> File:
        """Fetch an object whole: whoever reads it then waits for no network in the middle."""
        if mode != "rb":
            raise ValueError("Objects are written by `save`, as a whole.")
        fetched = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - handed out
        try:
            with told_apart(name):
                answer = self._client.get_object(Bucket=self.bucket_name, Key=self._key(name))
                shutil.copyfileobj(answer["Body"], fetched)
        except BaseException:
            fetched.close()
            raise
        fetched.seek(0)
        return StoredFile(fetched, name, lambda: self._open(name))


@contextmanager
def told_apart(name: str) -> Iterator[None]:
    """Make of a client's errors those two that the portal knows; the log says what it was."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("NoSuchKey", "404"):
            raise FileNotFoundError(f"There is no object {name}.") from None
        log.warning("the storage refuses %s: %s", name, code)
        raise StorageUnavailable(code) from error
    except (BotoCoreError, Boto3Error) as error:
        log.warning("the storage cannot be reached for %s: %s", name, type(error).__name__)
        raise StorageUnavailable(type(error).__name__) from error
