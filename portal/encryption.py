"""Encrypts files with age, by X25519 keys: a kept format and library, nothing of our own.

Only loaded where `MEDIA_KEYS` is set.
"""

import io
from dataclasses import dataclass, field
from typing import IO, Any, cast

import pyrage
from pyrage.x25519 import Identity

from portal.environment import Environment, misconfigured

# Stands first where new files are to be kept plain: on the way out of encryption.
PLAIN = "plain"
# The format: a header, a nonce, and chunks of so many bytes, each with a tag.
NONCE, CHUNK, TAG = 16, 64 * 1024, 16


class NoKeyFits(Exception):
    """None of the keys opens the file, or its header is damaged."""


class FileDamaged(Exception):
    """A key opens the file, and what is in it was changed or cut off."""


@dataclass(frozen=True, slots=True)
class MediaKeys:
    """The keys of an installation.

    Attributes:
        identities: All of them decrypt; never told, as settings are shown where `DEBUG` is on.
        encrypts: New files are encrypted, with the first key; else they are kept plain.
    """

    identities: tuple[Identity, ...] = field(repr=False)
    encrypts: bool

    def seal(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Encrypt from one file to another with the first key.

        Raises:
            OSError: As the files raised it.
        """
        reads, writes = _Watched(source), _Watched(target)
        try:
            pyrage.encrypt_io(reads, writes, [self.identities[0].to_public()])
        except (pyrage.EncryptError, OSError) as error:
            raise reads.error or writes.error or error from None
        # The library says nothing of an error while it writes its last bytes.
        if writes.error is not None:
            raise writes.error

    def unseal(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Decrypt from one file to another.

        Raises:
            NoKeyFits, FileDamaged: What was written until then is worth nothing.
            OSError: As the files raised it.
        """
        self._unseal(source, target, self.identities)

    def is_of_first(self, head: bytes) -> bool:
        """Tell whether the first key opens a file, from its beginning alone.

        An age file does not name its key, but a header is tried in a tenth of a millisecond.
        """
        try:
            self._unseal(io.BytesIO(head), cast("IO[bytes]", _Nowhere()), self.identities[:1])
        except NoKeyFits:
            return False
        except FileDamaged:
            return True  # The header fits; that the beginning breaks off is no damage.
        return True

    def _unseal(
        self, source: IO[bytes], target: IO[bytes], identities: tuple[Identity, ...]
    ) -> None:
        reads, writes = _Watched(source), _Watched(target)
        try:
            pyrage.decrypt_io(reads, writes, list(identities))
        except (pyrage.DecryptError, OSError) as error:
            broken = reads.error or writes.error
            if broken is not None:
                raise broken from None
            if isinstance(error, OSError):
                raise FileDamaged(str(error)) from None
            raise NoKeyFits(str(error)) from None


def plain_size(byte_size: int, head: bytes) -> int:
    """Return how many bytes an encrypted file holds, from its own size and its beginning.

    Raises:
        FileDamaged: That is no whole header.
    """
    at = head.find(b"\n--- ")
    end = head.find(b"\n", at + 1) + 1
    payload = byte_size - end - NONCE
    if at < 0 or end < 1 or payload < TAG:
        raise FileDamaged("The file ends within its header.")
    return payload - TAG * -(-payload // (CHUNK + TAG))


def media_keys(env: Environment, name: str) -> MediaKeys:
    """Return the keys in a variable: age identities, the one that encrypts first.

    A key is a secret: no sentence ever repeats a word of it, only where it stands.
    """
    words = env.words(name)
    encrypts = words[:1] != [PLAIN]
    found = []
    for place, word in enumerate(words if encrypts else words[1:], start=1 if encrypts else 2):
        try:
            found.append(Identity.from_str(word))
        except pyrage.IdentityError:
            misconfigured(
                name,
                "must hold age identities (AGE-SECRET-KEY-1…), separated by commas. "
                f"Number {place} is none.",
            )
    if not found:
        misconfigured(name, "must hold a key behind the word plain: the one to decrypt with.")
    if len({str(key) for key in found}) < len(found):
        misconfigured(name, "holds the same key twice.")
    return MediaKeys(tuple(found), encrypts)


def new_key() -> str:
    """Return a new key, as `MEDIA_KEYS` takes it."""
    return str(Identity.generate())


class _Watched:
    """Passes reading and writing on, and keeps what went wrong: the library tells it as text."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self.error = error
            raise

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """There is nothing to flush: who gave the file closes it."""


class _Nowhere(io.RawIOBase):
    """Takes everything and keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        return len(content)
