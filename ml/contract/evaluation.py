"""What one evaluation of one model on one set of images found."""

from dataclasses import dataclass

from ml.jsonform import JsonForm


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures over one set of images; FAKE is the positive class.

    `coverage` is the share of images outside the inconclusive band and `selective_accuracy` the
    accuracy on those (`None` when there are none). `confusion` counts are keyed
    `real_as_real, real_as_fake, fake_as_real, fake_as_fake`. `roc_auc` is in [0, 1]; `ece` is the
    expected calibration error over 15 equally wide bins of the predicted class's probability.
    """

    n: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    roc_auc: float
    confusion: dict[str, int]
    ece: float
    coverage: float
    selective_accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord(Metrics, JsonForm):
    """One evaluation of one model on one set, and how both can be told again.

    `data_sha256` is over the sorted content hashes of the images' files; `images_per_second`
    covers reading, decoding and prediction; `deduplicated` leaves out the images that are also
    in the training data, where that was given.
    """

    model: str
    weights_sha256: str
    data: str
    data_sha256: str
    threshold: float
    images_per_second: float
    unreadable: tuple[str, ...] = ()
    deduplicated: Metrics | None = None
