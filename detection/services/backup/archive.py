"""The stream itself: tar within gzip within age, written and read without ever being held whole."""

import errno
import gzip
import os
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pyrage

from detection.services.backup.contract import BackupFailed

# Pictures are compressed already: more would cost time and gain nothing.
COMPRESSION = 1
AGE_HEADER = b"age-encryption.org/v1"
PIPE_BYTES = 1 << 16


class ArchiveWriter:
    """Writes parts one after the other."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._tar = tarfile.TarFile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT)

    def add(self, name: str, content: IO[bytes], size: int) -> None:
        """Write a part of this size."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self._tar.addfile(entry, content)
        # It remembers every entry, of which there may be millions.
        self._tar.members.clear()  # type: ignore[attr-defined] # not in its stubs

    def close(self) -> None:
        """Write the end."""
        self._tar.close()

    def abandon(self) -> None:
        """Write nothing more, as its stream would when it is let go."""
        self._tar.fileobj.closed = True  # type: ignore[attr-defined] # tarfile's own `_Stream`


@contextmanager
def archive_written(target: IO[bytes], recipients: list[str]) -> Iterator[ArchiveWriter]:
    """Give a writer into `target`, encrypted for these recipients where there are any."""
    with (
        _encrypted(target, recipients) as sink,
        gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=COMPRESSION, mtime=0) as packed,
    ):
        writer = ArchiveWriter(packed)  # type: ignore[arg-type] # a binary stream in all but name
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abandon()
            raise


@contextmanager
def archive_read(
    path: Path, identity: Path | None = None
) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """Give the parts of a backup, in order: name and content, to be read before the next one.

    Raises:
        BackupFailed: `unreadable`, `encrypted`, `wrong_identity` or `damaged`.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise BackupFailed("unreadable", f"{path} cannot be read: {error.strerror}.") from error
    with (
        source,
        _decrypted(source, identity) as plain,
        _damage_told(),
        gzip.GzipFile(fileobj=plain) as packed,
    ):
        yield _parts(packed)  # type: ignore[arg-type] # a binary stream in all but name


def recipients_read(names: list[str]) -> list[Any]:
    """Return the public keys for whom a backup is encrypted.

    Raises:
        BackupFailed: `bad_recipient`.
    """
    found = []
    for name in names:
        try:
            found.append(pyrage.x25519.Recipient.from_str(name))
        except pyrage.RecipientError as error:
            raise BackupFailed(
                "bad_recipient",
                f"{name[:12]}... is no public key of age: one begins with age1 and is printed by "
                "`age-keygen`.",
            ) from error
    return found


def identities_read(path: Path) -> list[Any]:
    """Return the private keys in a file as `age-keygen` writes it.

    Raises:
        BackupFailed: `bad_identity`.
    """
    try:
        lines = path.read_text().split()
        return [
            pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET")
        ]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        raise BackupFailed("bad_identity", f"{path} holds no private key of age.") from error


def _parts(packed: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with _damage_told(), tarfile.open(fileobj=packed, mode="r|") as tar:
        for entry in tar:
            tar.members.clear()  # type: ignore[attr-defined] # not in its stubs
            content = tar.extractfile(entry)
            if content is None:
                raise BackupFailed("damaged", f"{entry.name} in the backup is no file.")
            yield entry.name, content
        # The checksum of the whole stands at the very end.
        while packed.read(PIPE_BYTES):
            pass


@contextmanager
def _damage_told() -> Iterator[None]:
    """Make one error of whatever a damaged stream raises."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error, tarfile.TarError) as error:
        raise BackupFailed(
            "damaged", f"The backup is damaged, cut off or no backup of Veripix: {error}."
        ) from error


class _Target:
    """Where an encrypted stream goes; keeps the error that ended it."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        """Write some of it."""
        try:
            return self._target.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Leave that to the file itself."""


@contextmanager
def _encrypted(target: IO[bytes], names: list[str]) -> Iterator[IO[bytes]]:
    if not names:
        yield target
        return
    recipients = recipients_read(names)
    read_end, write_end = os.pipe()

    told = _Target(target)

    def work(plain: IO[bytes]) -> None:
        try:
            pyrage.encrypt_io(plain, told, recipients)
        except (pyrage.EncryptError, OSError):
            # Only text is left in it of what the target had said.
            raise told.error or OSError(errno.EIO, "it cannot be encrypted") from None
        # The library says nothing of an error while it writes its last bytes.
        if told.error is not None:
            raise told.error

    with _beside(work, read_end, "rb") as failed, os.fdopen(write_end, "wb") as sink:
        try:
            yield sink
        except BrokenPipeError:
            # It ended first, and said why.
            if not failed:
                raise
            with suppress(BrokenPipeError):
                sink.close()


@contextmanager
def _decrypted(source: IO[bytes], identity: Path | None) -> Iterator[IO[bytes]]:
    is_encrypted = source.read(len(AGE_HEADER)) == AGE_HEADER
    source.seek(0)
    if not is_encrypted:
        yield source
        return
    if identity is None:
        raise BackupFailed(
            "encrypted", "The backup is encrypted: name the file with the private key, --identity."
        )
    identities = identities_read(identity)
    read_end, write_end = os.pipe()

    def work(plain: IO[bytes]) -> None:
        try:
            pyrage.decrypt_io(source, plain, identities)
        except BrokenPipeError:
            return  # nobody reads on
        except (pyrage.DecryptError, OSError) as error:
            is_key = "matching keys" in str(error)
            raise BackupFailed(
                "wrong_identity" if is_key else "damaged",
                "The private key does not fit the backup, or its beginning is damaged."
                if is_key
                else f"The backup is damaged or cut off: {error}.",
            ) from error

    with _beside(work, write_end, "wb") as failed, os.fdopen(read_end, "rb") as plain:
        try:
            yield plain
        except BackupFailed:
            # What was read was cut off, as decrypting it had failed: that is the reason to tell.
            plain.close()
            if not failed:
                raise


@contextmanager
def _beside(
    work: Callable[[IO[bytes]], None], end: int, mode: str
) -> Iterator[list[BaseException]]:
    """Run the one end of a pipe in a thread; what it raises is raised here at the end."""
    failed: list[BaseException] = []

    def run() -> None:
        # Closed last: who meets the end at the other side then finds the reason.
        with suppress(BrokenPipeError), os.fdopen(end, mode) as stream:
            try:
                work(stream)
            except (OSError, BackupFailed) as error:
                failed.append(error)

    thread = threading.Thread(target=run, name="age", daemon=True)
    thread.start()
    try:
        yield failed
    finally:
        thread.join()
    if failed:
        raise failed[0]
