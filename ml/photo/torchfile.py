"""Reads the tensors of a PyTorch file of the old kind, without PyTorch and without running code.

Such a file is a row of pickles (a mark, a version, a description of the machine, the tensors'
shapes, the names of their storages), then each storage's length and raw numbers. A pickle can
call anything; this one may make ordered dictionaries and tensors, and nothing else.
"""

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import ArtifactError

__all__ = ["read_tensors"]

MARK = 0x1950A86A20F9469CFC6C
VERSION = 1001
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

Array = npt.NDArray[Any]


def read_tensors(path: Path) -> dict[str, Array]:
    """Return the tensors of a file by their names, each as an array of its own.

    Raises:
        ArtifactError: `missing_weights` where there is no such file, `invalid_weights` where it is
            not of this kind, damaged, or asks for anything but tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise ArtifactError("missing_weights", f"The file {path} cannot be read.") from error
    # What a pickle answers damage with depends on which of its commands ran into it.
    except (
        pickle.UnpicklingError,
        struct.error,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        EOFError,
    ) as error:
        raise ArtifactError(
            "invalid_weights",
            f"The file {path} does not hold tensors in PyTorch's old form: {error}.",
        ) from error


@dataclass(slots=True, eq=False)
class _Storage:
    """Numbers that tensors are views of; they are read after the tensors were described."""

    dtype: np.dtype[Any]
    length: int
    values: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True, eq=False)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> Array:
        last = self.offset + sum(
            (side - 1) * step for side, step in zip(self.shape, self.strides, strict=True)
        )
        if min(self.offset, *self.strides, 0) < 0 or last >= len(self.storage.values):
            raise ValueError("a tensor lies outside of its storage")
        size = self.storage.dtype.itemsize
        view = np.lib.stride_tricks.as_strided(
            self.storage.values[self.offset :], self.shape, [step * size for step in self.strides]
        )
        return np.ascontiguousarray(view)


class _Reader(pickle.Unpickler):
    """Makes descriptions of tensors; every other name in the pickle is refused."""

    def __init__(self, file: BufferedReader) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
            **{("torch", storage): dtype for storage, dtype in DTYPES.items()},
        }
        try:
            return allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is asked for") from None

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, _, length, _ = pid
        return self.storages.setdefault(key, _Storage(dtype, length))


def _rebuilt(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    """Stand in for PyTorch's function of that name; what follows concerns gradients."""
    return _Tensor(storage, offset, shape, strides)


def _read(file: BufferedReader) -> dict[str, Array]:
    if _Reader(file).load() != MARK or _Reader(file).load() != VERSION:
        raise ValueError("it begins otherwise")
    if not _Reader(file).load()["little_endian"]:
        raise ValueError("its numbers begin with their highest byte")
    reader = _Reader(file)
    tensors = reader.load()
    for key in _Reader(file).load():
        storage = reader.storages[key]
        (length,) = struct.unpack("<q", file.read(8))
        content = file.read(length * storage.dtype.itemsize)
        if length != storage.length:
            raise ValueError("a storage has another length than its tensors say")
        storage.values = np.frombuffer(content, storage.dtype)
    return {name: tensor.array() for name, tensor in tensors.items()}
