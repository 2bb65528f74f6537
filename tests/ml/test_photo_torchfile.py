"""A PyTorch file of the old kind is read to the number, and cannot run anything."""

import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ml.errors import ArtifactError
from ml.photo.torchfile import MARK, VERSION, read_tensors

NUMBERS = np.arange(24, dtype="<f4")


class _Named:
    """Stands for a storage; the pickle names it and does not hold it."""

    def __init__(self, kind: type, key: str, values: npt.NDArray[Any]) -> None:
        self.pid = ("storage", kind, key, "cpu", len(values), None)


class _Tensor:
    def __init__(self, rebuild: Any, *arguments: Any) -> None:
        self.rebuild, self.arguments = rebuild, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.rebuild, self.arguments


class _Writer(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, _Named) else None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """The names that such a pickle has in it, as far as pickling needs them."""
    found = {}
    for module, name in (("torch", "FloatStorage"), ("torch._utils", "_rebuild_tensor_v2")):
        stand_in = types.ModuleType(module)
        made = type(name, (), {"__module__": module})
        setattr(stand_in, name, made)
        monkeypatch.setitem(sys.modules, module, stand_in)
        found[name] = made
    return types.SimpleNamespace(float=found["FloatStorage"], rebuild=found["_rebuild_tensor_v2"])


def written(path: Path, torch: types.SimpleNamespace, tensors: dict[str, Any], **odd: Any) -> Path:
    """Write tensors over one storage of `NUMBERS`; `odd` replaces parts of the file."""
    with path.open("wb") as file:
        for part in (MARK, VERSION, {"little_endian": odd.get("little_endian", True)}):
            pickle.dump(part, file, 2)
        _Writer(file, 2).dump(OrderedDict(tensors))
        pickle.dump(["7"], file, 2)
        file.write(struct.pack("<q", odd.get("length", len(NUMBERS))))
        file.write(NUMBERS.tobytes()[: odd.get("bytes")])
    return path


def tensor(torch: types.SimpleNamespace, offset: int, shape: Any, strides: Any) -> _Tensor:
    storage = _Named(torch.float, "7", NUMBERS)
    return _Tensor(torch.rebuild, storage, offset, shape, strides, False, OrderedDict())


def test_tensors_are_read_by_their_strides(tmp_path: Path, torch: types.SimpleNamespace) -> None:
    path = written(
        tmp_path / "weights.pth",
        torch,
        {
            "plain": tensor(torch, 0, (2, 3), (3, 1)),
            "turned": tensor(torch, 4, (2, 3), (1, 2)),
            "scalar": tensor(torch, 23, (), ()),
        },
    )
    found = read_tensors(path)
    assert found["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["turned"].tolist() == [[4, 6, 8], [5, 7, 9]]
    assert found["scalar"] == 23
    assert {values.dtype.name for values in found.values()} == {"float32"}


class _Harm:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_nothing_in_a_file_is_run(tmp_path: Path, torch: types.SimpleNamespace) -> None:
    mark = tmp_path / "harm"
    path = written(tmp_path / "weights.pth", torch, {"harm": _Harm(mark)})
    with pytest.raises(ArtifactError, match="is asked for") as caught:
        read_tensors(path)
    assert caught.value.code == "invalid_weights"
    assert not mark.exists()


@pytest.mark.parametrize(
    ("place", "odd"),
    [
        ((20, (2, 3), (3, 1)), {}),  # beyond the storage's end
        ((-1, (2,), (1,)), {}),
        ((9, (2, 3), (-3, 1)), {}),
        ((0, (2,), (1,)), {"length": 12}),
        ((0, (2,), (1,)), {"bytes": 50}),  # cut off in the middle of a number
        ((0, (2,), (1,)), {"bytes": 0}),
        ((0, (2,), (1,)), {"little_endian": False}),
    ],
)
def test_a_damaged_file_is_told(
    tmp_path: Path, torch: types.SimpleNamespace, place: Any, odd: dict[str, Any]
) -> None:
    path = written(tmp_path / "weights.pth", torch, {"odd": tensor(torch, *place)}, **odd)
    with pytest.raises(ArtifactError) as caught:
        read_tensors(path)
    assert caught.value.code == "invalid_weights"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", pickle.dumps(12), b"\x80\x02."])
def test_another_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        read_tensors(path)
    assert caught.value.code == "invalid_weights"


def test_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_tensors(tmp_path / "weights.pth")
    assert caught.value.code == "missing_weights"
