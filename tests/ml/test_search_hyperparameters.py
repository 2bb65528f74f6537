"""A study tries the default first, ends early what does not pay, and survives its processes."""

import csv
import dataclasses
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from PIL import Image

from ml.contract import EpochReport, StepReport
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.search import space, study_report
from ml.search.hyperparameters import BUDGETS, configuration, search
from ml.search.ledger import Ledger
from ml.search.outcome import Outcome
from ml.search.study import SharedStudy, best_trial, ended, is_default, stored
from tests.data import ROOT
from tests.ml.conftest import CONFIG

BASE = dataclasses.replace(
    CONFIG, epochs=2, batch_size=32, peak_learning_rate=1e-4, warmup_epochs=0.5
)
TRIALS = 7


class Diary:
    """Notes the epochs that were trained."""

    def __init__(self) -> None:
        self.epochs: list[tuple[str, int]] = []

    def note(self, name: str, report: EpochReport | StepReport) -> None:
        if isinstance(report, EpochReport):
            self.epochs.append((name, report.epoch))


@pytest.fixture(scope="module")
def finished(images: LabelledImages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of seven trials, confirmed with one other seed."""
    path = tmp_path_factory.mktemp("studies") / "whole"
    found = search(images, BASE, path, trials=TRIALS, confirmations=1)
    assert found is not None
    return path


def test_the_default_is_trial_0_and_the_best_is_at_least_as_good(finished: Path) -> None:
    study = stored(finished)
    default = study.trials[0]
    assert is_default(default)
    assert default.state == TrialState.COMPLETE
    assert default.params == space.defaults(BASE)
    assert [is_default(trial) for trial in ended(study)].count(True) == 1
    assert best_trial(study).value == max(
        trial.value for trial in ended(study) if trial.value is not None
    )


def test_all_trials_have_ended_each_in_its_own_way(finished: Path) -> None:
    trials = ended(stored(finished))
    assert len(trials) == TRIALS
    assert {trial.state for trial in trials} <= {
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
    }
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == TRIALS
    # 160 images do not fill a batch of 256: such a trial is a row with its reason.
    for trial in trials:
        too_large = trial.params["batch_size"] > 160
        assert (trial.state == TrialState.FAIL) == too_large
        if too_large:
            assert "do not fill a batch of 256" in trial.user_attrs["reason"]


def test_a_finished_study_trains_nothing_more(finished: Path, images: LabelledImages) -> None:
    diary = Diary()
    again = search(images, BASE, finished, trials=TRIALS, confirmations=1, progress=diary.note)
    assert again is not None
    assert diary.epochs == []
    assert not list((finished / "runs").iterdir())


def test_the_best_and_the_default_were_trained_again_with_another_seed(finished: Path) -> None:
    outcomes = dict(Ledger(finished / "confirmations", Outcome).items())
    best = best_trial(stored(finished))
    assert set(outcomes) == {"default-seed-8", f"trial-{best.number:04d}-seed-8"}
    assert {len(outcome.epochs) for outcome in outcomes.values()} == {2}


def test_results_are_told_in_every_form(finished: Path) -> None:
    study = stored(finished)
    results = study_report.write(study, finished)
    kept = json.loads((finished / "results.json").read_text())
    assert kept["best"]["trial"] == best_trial(study).number
    assert kept["best"]["accuracy"] >= kept["default_accuracy"]
    assert kept["confirmed"]["seeds"] == 1
    assert kept["plan"]["data"]["train_images"] == 160
    with (finished / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(kept["rows"]) == TRIALS
    assert [line["default"] for line in table].count("True") == 1
    assert study_report.sentence(results).startswith(f"best {kept['best']['accuracy']:.2%}, ")
    with Image.open(finished / "results.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 50


def test_importances_wait_for_enough_trials_and_share_the_whole() -> None:
    study = optuna.create_study(direction="maximize")

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("nothing", 0, 1)
        return trial.suggest_float("everything", 0, 1)

    study.optimize(objective, n_trials=3)
    assert study_report.importances(study) == {}
    study.optimize(objective, n_trials=20)
    found = study_report.importances(study)
    assert sum(found.values()) == pytest.approx(1)
    assert found["everything"] > 0.8


def test_a_trial_far_below_the_others_is_ended_early_but_never_the_default(
    images: LabelledImages, tmp_path: Path
) -> None:
    base = dataclasses.replace(BASE, epochs=3, peak_learning_rate=1e-4)
    shared = SharedStudy(tmp_path, base, trials=6)
    for accuracy in (0.9, 0.92, 0.94, 0.96):  # others were good from the start
        shared.study.add_trial(
            optuna.create_trial(
                params=space.defaults(base) | {"peak_learning_rate": 0.03},
                distributions=DISTRIBUTIONS,
                value=accuracy,
                intermediate_values=dict.fromkeys(range(1, 4), accuracy),
            )
        )
    shared.study.enqueue_trial(space.defaults(base) | {"peak_learning_rate": 1.1e-4})
    diary = Diary()
    found = search(images, base, tmp_path, trials=6, progress=diary.note)
    assert found is not None
    default, poor = found.trials[0], found.trials[-1]
    assert (default.state, len(default.intermediate_values)) == (TrialState.COMPLETE, 3)
    assert (poor.state, len(poor.intermediate_values)) == (TrialState.PRUNED, 2)
    assert (f"trial-{poor.number:04d}", 3) not in diary.epochs


DISTRIBUTIONS: dict[str, optuna.distributions.BaseDistribution] = {
    "peak_learning_rate": optuna.distributions.FloatDistribution(*space.RATES, log=True),
    "batch_size": optuna.distributions.CategoricalDistribution(space.BATCH_SIZES),
    "optimiser": optuna.distributions.CategoricalDistribution(space.OPTIMISERS),
    "horizontal_flip": optuna.distributions.CategoricalDistribution((False, True)),
    "erase_size": optuna.distributions.CategoricalDistribution(space.ERASE_SIZES),
    "cutmix": optuna.distributions.FloatDistribution(*space.CUTMIX),
    "degradation": optuna.distributions.FloatDistribution(*space.DEGRADATION),
}

# Claims a trial, says which and with what, and holds it until it is killed.
PROCESS = """
import json, sys
from pathlib import Path
from ml.contract import TrainingConfig
from ml.search.study import SharedStudy

base = TrainingConfig.from_json(sys.argv[2])
claimed = SharedStudy(Path(sys.argv[1]), base, trials=4).claim()
print(json.dumps([claimed.trial.number, claimed.trial.params]), flush=True)
sys.stdin.readline()
"""


class Holder:
    """Another process that holds a trial."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(directory), BASE.to_json()],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.number, self.params = json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_processes_get_different_trials_and_no_more_than_are_wanted(tmp_path: Path) -> None:
    holders: list[Holder] = []
    try:
        holders += [Holder(tmp_path), Holder(tmp_path)]
        shared = SharedStudy(tmp_path, BASE, trials=4)
        mine = [shared.claim(), shared.claim()]
        numbers = [holder.number for holder in holders]
        numbers += [claimed.trial.number for claimed in mine if claimed]
        assert sorted(numbers) == [0, 1, 2, 3]
        assert shared.claim() is None
        assert [trial.state for trial in shared.study.trials] == [TrialState.RUNNING] * 4
    finally:
        for holder in holders:
            holder.kill()


def test_the_trial_of_a_killed_process_is_done_again_with_its_values(tmp_path: Path) -> None:
    holder = Holder(tmp_path)
    assert holder.number == 0
    shared = SharedStudy(tmp_path, BASE, trials=1)
    assert shared.claim() is None  # somebody lives who does it
    holder.kill()
    claimed = shared.claim()
    assert claimed
    assert claimed.trial.params == holder.params == space.defaults(BASE)
    assert claimed.run == holder.number
    assert is_default(claimed.trial)
    assert ended(shared.study) == []


def test_who_has_nothing_to_do_waits_for_the_others_and_does_what_they_leave(
    images: LabelledImages, tmp_path: Path
) -> None:
    holder = Holder(tmp_path)
    asked: list[None] = []

    def should_stop() -> bool:
        asked.append(None)
        if len(asked) == 3:  # asked again while it waits for the other's trial
            holder.kill()
        return False

    try:
        found = search(images, BASE, tmp_path, trials=1, should_stop=should_stop)
    finally:
        holder.kill()
    assert found is not None
    (trial,) = ended(found)
    assert trial.state == TrialState.COMPLETE
    assert trial.number != holder.number


def test_a_stopped_trial_goes_on_after_its_last_epoch(
    images: LabelledImages, tmp_path: Path
) -> None:
    first, rest = Diary(), Diary()
    stopped = search(
        images,
        BASE,
        tmp_path,
        trials=1,
        progress=first.note,
        should_stop=lambda: len(first.epochs) == 1,
    )
    assert stopped is None
    found = search(images, BASE, tmp_path, trials=1, progress=rest.note)
    assert found is not None
    assert (first.epochs, rest.epochs) == ([("trial-0000", 1)], [("trial-0000", 2)])
    (trial,) = ended(found)
    assert sorted(trial.intermediate_values) == [1, 2]


def test_a_study_without_a_single_result_says_so(images: LabelledImages, tmp_path: Path) -> None:
    few = images.take(np.concatenate([np.arange(20), np.arange(100, 120)]))
    with pytest.raises(TrainingError) as caught:
        search(few, dataclasses.replace(BASE, validation_images=20), tmp_path, trials=1)
    assert caught.value.code == "no_finished_trial"
    (trial,) = ended(stored(tmp_path))
    assert "do not fill a batch of 32" in trial.user_attrs["reason"]


def test_a_folder_belongs_to_one_plan(finished: Path, images: LabelledImages) -> None:
    with pytest.raises(TrainingError, match=r"epochs=2 \(received: 3\)") as caught:
        search(images, dataclasses.replace(BASE, epochs=3), finished, trials=TRIALS)
    assert caught.value.code == "search_changed"


def test_the_default_configuration_lies_within_the_space() -> None:
    base = configuration("topology", {}, BUDGETS["tiny"], seed=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as Optuna tells of a value that lies outside
        assert space.suggested(optuna.trial.FixedTrial(space.defaults(base)), base) == base


def test_a_trial_that_failed_and_died_before_it_could_say_so_is_not_done_again(
    tmp_path: Path,
) -> None:
    shared = SharedStudy(tmp_path, BASE, trials=1)
    claimed = shared.claim()
    assert claimed
    claimed.trial.set_user_attr("reason", "failed: no room")
    claimed.lock.release()
    assert shared.claim() is None
    (trial,) = ended(shared.study)
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, "failed: no room")
