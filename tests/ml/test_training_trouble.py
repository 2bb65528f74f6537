"""A full disk, a signal, a kill, a foreign file: what was learned stays, and a sentence says so."""

import dataclasses
import json
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ml import checkpoints
from ml.cli import main
from ml.contract import EpochReport, StepReport, TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.training import TrainingData, fit
from tests.data import ROOT
from tests.ml.conftest import CONFIG, blob
from tests.ml.test_training import stored

LONG = dataclasses.replace(CONFIG, epochs=60)


@pytest.fixture(scope="module")
def data(images: LabelledImages) -> TrainingData:
    return TrainingData.divide(images, CONFIG)


@contextmanager
def full_disk() -> Iterator[Callable[[], None]]:
    """From the call on and to the block's end, this process can write no file beyond 2,000 bytes.

    No fixture: pytest itself writes to a file, where its output is kept in one, and must be able
    to as soon as the test is over.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def flags(config: TrainingConfig) -> list[str]:
    """The configuration as the command line takes it."""
    values, defaults = dataclasses.asdict(config), dataclasses.asdict(TrainingConfig())
    changed = {name: value for name, value in values.items() if value != defaults[name]}
    return [
        part
        for name, value in changed.items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]


@contextmanager
def training(archive: Path, run: Path) -> Iterator["subprocess.Popen[str]"]:
    """A `train` in a process of its own, from the moment at which it has stored some epochs."""
    command = [sys.executable, "-m", "ml", "train", "--data", str(archive), "--out", str(run)]
    with subprocess.Popen(
        [*command, *flags(LONG)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert any(line.startswith("epoch 5/60 loss") for line in process.stderr)
            yield process
        finally:
            process.kill()


class TestFullDisk:
    """The checkpoint that cannot be written leaves the one before as it was."""

    def test_the_run_ends_with_a_code_and_its_last_good_epoch(
        self, data: TrainingData, tmp_path: Path
    ) -> None:
        file = tmp_path / checkpoints.FILE_NAME
        whole: list[bytes] = []

        def fill(report: EpochReport | StepReport) -> None:
            """Fill the disk once the first epoch is stored."""
            whole.append(file.read_bytes())
            fill_disk()

        with (
            pytest.raises(TrainingError, match="Received: File too large") as caught,
            full_disk() as fill_disk,
        ):
            fit(CONFIG, data, out_dir=tmp_path, progress=fill)
        assert caught.value.code == "checkpoint_not_written"
        assert list(tmp_path.iterdir()) == [file]
        assert file.read_bytes() == whole[0]
        assert len(stored(tmp_path)[0].epochs) == 1

    def test_a_folder_that_cannot_be_written_is_told_before_hours_are_spent(
        self, data: TrainingData, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(TrainingError, match="Received: ") as caught:
            fit(CONFIG, data, out_dir=tmp_path / "file" / "run")
        assert caught.value.code == "checkpoint_not_written"


class TestInterruption:
    """Ended from outside, a run goes on as if nothing had been."""

    def test_sigterm_ends_in_good_order_and_says_how_to_go_on(
        self, archive: Path, tmp_path: Path
    ) -> None:
        with training(archive, tmp_path / "run") as process:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=120)
        assert process.returncode == 1
        epochs = len(stored(tmp_path / "run")[0].epochs)
        assert 5 <= epochs < 60
        assert "SIGTERM: ending after this step" in errors
        assert f"holds the run after epoch {epochs}; the same command with --resume" in errors
        assert "Traceback" not in errors

    def test_a_run_that_was_killed_and_resumed_equals_one_that_was_not(
        self, archive: Path, data: TrainingData, tmp_path: Path
    ) -> None:
        killed, whole = tmp_path / "killed", tmp_path / "whole"
        with training(archive, killed) as process:
            process.kill()
        assert 5 <= len(stored(killed)[0].epochs) < 60
        assert fit(LONG, data, out_dir=killed, resume=True).status == "finished"
        fit(LONG, data, out_dir=whole)
        expected, found = stored(whole), stored(killed)
        for group, arrays in expected[1].items():
            for before, now in zip(arrays, found[1][group], strict=True):
                np.testing.assert_allclose(now, before, rtol=1e-3, atol=1e-5)
        losses = [[report.train_loss for report in state.epochs] for state, _ in (expected, found)]
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


class TestForeignCheckpoints:
    """What is not this run's own state is refused by name."""

    def changed(self, run_dir: Path, tmp_path: Path, **state: object) -> Path:
        """A copy of the run's checkpoint with other values in its state."""
        with np.load(run_dir / checkpoints.FILE_NAME) as file:
            arrays = dict(file)
        text = json.loads(arrays["state"].tobytes()) | state
        arrays["state"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
        with (tmp_path / checkpoints.FILE_NAME).open("wb") as out:
            np.savez(out, **arrays)
        return tmp_path

    def test_one_of_a_newer_format_is_told_by_its_number(
        self, run_dir: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(TrainingError, match=r"format 1 or lower\. Received: 2\.") as caught:
            checkpoints.read(self.changed(run_dir, tmp_path, format_version=2, colour="red"))
        assert caught.value.code == "newer_checkpoint"

    def test_one_whose_state_is_none_is_damaged(self, run_dir: Path, tmp_path: Path) -> None:
        with pytest.raises(TrainingError, match="Received: RunState") as caught:
            checkpoints.read(self.changed(run_dir, tmp_path, epochs="three"))
        assert caught.value.code == "damaged_checkpoint"

    def test_one_that_was_cut_short_is_damaged(self, run_dir: Path, tmp_path: Path) -> None:
        content = (run_dir / checkpoints.FILE_NAME).read_bytes()
        (tmp_path / checkpoints.FILE_NAME).write_bytes(content[: len(content) // 2])
        with pytest.raises(TrainingError) as caught:
            checkpoints.read(tmp_path)
        assert caught.value.code == "damaged_checkpoint"

    def test_one_of_another_network_is_refused(
        self, run_dir: Path, data: TrainingData, tmp_path: Path
    ) -> None:
        state, arrays = stored(run_dir)
        arrays["model"][0] = arrays["model"][0][..., :2]
        checkpoints.write(tmp_path, dataclasses.replace(state, epochs=state.epochs[:1]), arrays)
        with pytest.raises(TrainingError, match="Received: ") as caught:
            fit(CONFIG, data, out_dir=tmp_path, resume=True)
        assert caught.value.code == "checkpoint_mismatch"


def test_a_test_set_that_is_trained_on_stops_the_training(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test" / "REAL").mkdir(parents=True)
    (tmp_path / "test" / "FAKE").mkdir()
    (tmp_path / "test" / "REAL" / "other.jpg").write_bytes(blob(0, 5))  # one of the archive's
    (tmp_path / "test" / "FAKE" / "new.jpg").write_bytes(blob(1, 5000))
    command = ["train", "--data", str(archive), "--out", str(tmp_path / "run")]
    command += ["--test", str(tmp_path / "test"), *flags(CONFIG)]
    assert main(command) == 1
    assert "test_overlaps_training: " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert main([*command, "--tolerated-copies", "0.5"]) == 0
    told = capsys.readouterr().err
    assert "1 images are both in the training data and in test" in told
    assert "finished: " in told


def test_an_unreadable_image_in_the_middle_is_named_skipped_and_counted(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "blobs.zip"
    shutil.copy(archive, copy)
    with zipfile.ZipFile(copy, "a") as file:
        file.writestr("blobs/REAL/050 broken.jpg", blob(0, 50)[:300])
    command = ["train", "--data", str(copy), "--out", str(tmp_path / "run")]
    assert main([*command, *flags(dataclasses.replace(CONFIG, epochs=1, warmup_epochs=0.5))]) == 0
    assert "skipped blobs/REAL/050 broken.jpg: " in capsys.readouterr().err
    data = stored(tmp_path / "run")[0].data
    assert (data.unreadable_images, data.train_images + data.validation_images) == (1, 200)


@pytest.mark.parametrize(
    ("flags", "has_bfloat16"),
    [
        ("fpu avx2 avx512f avx512_bf16", True),
        ("fpu amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f", False),
    ],
)
def test_a_processor_says_whether_it_has_bfloat16(
    tmp_path: Path, flags: str, has_bfloat16: bool
) -> None:
    from ml.training import device

    info = tmp_path / "cpuinfo"
    info.write_text(f"model name\t: A processor\nflags\t\t: {flags}\n\n")
    assert device.cpu_has_bfloat16(info) is has_bfloat16
    assert not device.cpu_has_bfloat16(tmp_path / "none")


def test_automatic_precision_is_what_the_processor_has() -> None:
    import tensorflow as tf

    from ml.training import device

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    chosen = [
        device.precision(TrainingConfig(precision=wanted))
        for wanted in ("auto", "float32", "mixed_bfloat16")
    ]
    automatic = "mixed_bfloat16" if device.cpu_has_bfloat16() else "float32"
    assert chosen == [automatic, "float32", "mixed_bfloat16"]


def test_training_in_bfloat16_learns(data: TrainingData, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, precision="mixed_bfloat16")
    result = fit(config, data, out_dir=tmp_path)
    assert result.epochs[-1].validation_accuracy > 0.85
    assert stored(tmp_path)[1]["model"][0].dtype == np.float32
