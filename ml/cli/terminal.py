"""Where words go: results to standard output, progress and errors to standard error."""

import sys

from ml.contract import EpochReport, StepReport


def answer(text: str) -> None:
    """Write a result."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def tell(line: str) -> None:
    """Write one line of progress at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def tell_loading(done: int, count: int) -> None:
    """Tell how many images have been read, some ten times in all."""
    if done == count or done % max(count // 10_000 * 1000, 1000) == 0:
        tell(f"read {done:,} of {count:,} images")


def tell_report(report: EpochReport | StepReport) -> None:
    """Tell where training stands."""
    place = f"epoch {report.epoch}/{report.epochs}"
    if isinstance(report, StepReport):
        speed = f"{report.images_per_second:.0f} images/s"
        tell(f"{place} step {report.step}/{report.steps} loss {report.loss:.4f} {speed}")
        return
    raw = f"raw {report.validation_accuracy:.2%} ({report.validation_loss:.4f})"
    averaged = f"averaged {report.averaged_accuracy:.2%} ({report.averaged_loss:.4f})"
    tell(f"{place} loss {report.train_loss:.4f} {raw} {averaged} {report.seconds:.0f} s")
