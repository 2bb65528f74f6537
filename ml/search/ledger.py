"""A folder of trials that processes share: each is done by one at a time and ends as one file."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock, Timeout

from ml.artifacts import write_text
from ml.jsonform import JsonForm

T = TypeVar("T", bound=JsonForm)

POLL_SECONDS = 0.5

ShouldStop = Callable[[], bool]


class Ledger(Generic[T]):
    """What is known of named trials; the lock of a process that died is free again by itself.

    The kernel holds the lock for the process (flock), so no owner has to be asked whether it
    still lives. Lock files stay: deleting one would let two processes lock two files of one name.

    Args:
        directory: Made if need be; `<name>.json` is a trial's end, `<name>.lock` its claim.
        kind: What a trial ends as.
    """

    def __init__(self, directory: Path, kind: type[T]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.kind = directory, kind

    def read(self, name: str) -> T | None:
        """Return how the trial ended, or `None` while it has not."""
        try:
            return self.kind.from_json((self.directory / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None

    def items(self) -> list[tuple[str, T]]:
        """Return the name and end of every trial that has ended, by name."""
        paths = sorted(self.directory.glob("*.json"))
        return [(path.stem, self.kind.from_json(path.read_bytes())) for path in paths]

    def share(
        self, names: Iterable[str], run: Callable[[str], T | None], should_stop: ShouldStop
    ) -> bool:
        """Do what nobody has done or is doing, then wait for what others are doing.

        A trial whose process dies meanwhile is done here.

        Args:
            names: Of all trials, in the order in which to begin them.
            run: Does one and says how it ended; `None` when it was stopped.
            should_stop: Asked between trials and while waiting.

        Returns:
            True when every trial has ended, False after a stop.
        """
        wanted = tuple(names)
        for wait in (False, True):
            for name in wanted:
                if should_stop() or not self._do(name, run, should_stop, wait=wait):
                    return False
        return True

    def _do(
        self, name: str, run: Callable[[str], T | None], should_stop: ShouldStop, *, wait: bool
    ) -> bool:
        path = self.directory / f"{name}.json"
        if path.exists():
            return True
        claim = FileLock(path.with_suffix(".lock"), poll_interval=POLL_SECONDS)
        try:
            with claim.acquire(blocking=wait, cancel_check=should_stop):
                if path.exists():
                    return True
                result = run(name)
                if result is not None:
                    write_text(path, result.to_json())
                return result is not None
        except Timeout:
            return not should_stop()  # another process has it, or the wait was cut short
