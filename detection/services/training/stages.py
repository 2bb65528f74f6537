"""The stages of a run: a model is made, registered as a version, and judged.

Each can be done again: a run that lost its worker comes here once more, finds what it kept or its
registered version, and goes on from there.
"""

from collections.abc import Callable
from pathlib import Path

from django.db import transaction

from detection.ml_gateway import GatewayError
from detection.models import ModelVersion, Stage, TrainingRun
from detection.services.evaluations import evaluations_make, sealed_sets
from detection.services.gates import gates_check
from detection.services.registry import version_register
from detection.services.storage import StorageUnavailable
from detection.services.training.fits import fit_make
from detection.services.training.networks import network_make
from detection.services.training.reporter import Reporter, persist

MODEL_FOLDER = "model"
# Makes the model that a run asks for, whole, in a folder; raises `Stopped` when it is to end.
Maker = Callable[[TrainingRun, Path, Reporter], None]


def work(claim: TrainingRun, reporter: Reporter) -> None:
    """Bring the run from where it is to a judged version.

    Raises:
        Stopped: When somebody asked the run to stop, or its worker is to end.
        GatewayError: Where the science, the disk or the registry refuses.
    """
    if claim.attempts > 1:
        reporter.log(f"Taken up again by {claim.worker}, attempt {claim.attempts}.")
    version = claim.version or _version_make(claim, reporter)
    _judge(claim, version, reporter)


def _version_make(claim: TrainingRun, reporter: Reporter) -> ModelVersion:
    make: Maker = fit_make if claim.is_fit else network_make
    make(claim, claim.directory / MODEL_FOLDER, reporter)
    reporter.check()
    version = persist(lambda: _version_store(claim))
    reporter.log(f"Registered as {version.label}.")
    return version


def _version_store(claim: TrainingRun) -> ModelVersion:
    """Register the stored model as a version of the run.

    Raises:
        GatewayError: When its files cannot be copied, or the weights are another run's.
        StorageUnavailable: When other machines cannot be given it at the moment.
    """
    try:
        with transaction.atomic():
            version, is_new = version_register(directory=claim.directory / MODEL_FOLDER)
            if not is_new and TrainingRun.objects.filter(version=version).exists():
                raise GatewayError(
                    "known_weights", f"The run came to the very weights of {version.label}."
                )
            TrainingRun.objects.filter(pk=claim.pk).update(version=version)
    except StorageUnavailable:
        raise
    except OSError as error:
        raise GatewayError(
            "files_not_written",
            "The version could not be written to disk, and nothing of it was kept: "
            f"{error.strerror or error}.",
        ) from error
    return version


def _judge(claim: TrainingRun, version: ModelVersion, reporter: Reporter) -> None:
    """Measure the version on all that it never learnt from."""
    reporter.check()
    reporter.tell(stage=Stage.JUDGING, step=0, steps=0)
    is_any = persist(lambda: next(sealed_sets(version), None)) is not None
    if is_any or not claim.is_fit:
        reporter.log("Measuring the version on every sealed set.")
    else:
        reporter.log("No sealed set of photographs is there: what the fit held out has to tell.")

    def tell(done: int, of: int) -> None:
        reporter.tell(step=done, steps=of)

    evaluations = persist(
        lambda: evaluations_make(
            version=version,
            snapshot=claim.snapshot,
            progress=tell,
            should_stop=reporter.should_stop,
        )
    )
    reporter.check()
    for evaluation in evaluations:
        accuracy = evaluation.record.get("accuracy")
        if accuracy is not None:
            reporter.log(f"{evaluation.dataset or 'Held-out test'}: {100 * accuracy:.2f} % right.")
    gates = persist(lambda: gates_check(version=version))
    for gate in gates:
        if not gate.passed:
            reporter.log(f"Gate not passed: {gate.sentence}")
        elif gate.is_binding:
            reporter.log(gate.sentence)
    if all(gate.passed for gate in gates):
        reporter.log("Every gate is passed.")
