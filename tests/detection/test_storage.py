"""Whatever a storage raises, there are two errors: the file is gone, or the storage is away."""

import errno

import pytest

from detection.services.storage import StorageUnavailable, storage_errors


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES, errno.ETIMEDOUT])
def test_a_broken_disk_is_a_storage_that_is_away(number: int) -> None:
    with pytest.raises(StorageUnavailable) as caught, storage_errors():
        raise OSError(number, "what the system says")
    assert caught.value.code == "storage_unavailable"
    assert "what the system says" not in caught.value.sentence
    assert "what the system says" in str(caught.value)


def test_a_file_that_is_gone_stays_gone() -> None:
    with pytest.raises(FileNotFoundError), storage_errors():
        raise FileNotFoundError(errno.ENOENT, "No such file")


def test_what_was_told_once_is_not_told_again() -> None:
    away = StorageUnavailable("403")
    with pytest.raises(StorageUnavailable) as caught, storage_errors():
        raise away
    assert caught.value is away
