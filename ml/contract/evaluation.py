"""What one evaluation of one model on one set of images found."""

from dataclasses import dataclass, field

from ml.jsonform import JsonForm


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures over one set of images; FAKE is the positive class.

    All are in [0, 1] but the counts. What a record of an earlier version does not hold is `None`.

    Attributes:
        recall, specificity: Shares of the FAKE and of the REAL images that were told as such.
        roc_auc: Area under the ROC curve: whether the order is right, whatever the threshold;
            `None` for images of one class.
        average_precision: Sum over the thresholds of precision times the recall gained.
        confusion: Counts, keyed `real_as_real, real_as_fake, fake_as_real, fake_as_fake`.
        ece: Expected calibration error over 15 equally wide bins of the decided class's
            probability.
        ece_uncalibrated: The same before calibration, at temperature 1.
        recall_at_5_percent_fpr: Share of the FAKE images that are told as such where the threshold
            is set so that at most 5 % of the REAL ones are; `None` for images of one class.
        coverage: Share of images outside the inconclusive band.
        selective_accuracy: Accuracy on those; `None` when there are none.
        false_alarms: Share of the REAL images at or above the band's upper end, which get the
            verdict that they are AI-generated.
        misses: Share of the FAKE images at or below its lower end.
    """

    n: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    roc_auc: float | None
    confusion: dict[str, int]
    ece: float
    coverage: float
    selective_accuracy: float | None
    specificity: float | None = None
    average_precision: float | None = None
    ece_uncalibrated: float | None = None
    recall_at_5_percent_fpr: float | None = None
    false_alarms: float | None = None
    misses: float | None = None


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Between which bounds the figures lie when the images are drawn again.

    Percentile intervals; each resample draws as many images of each class as there were, with
    replacement.

    Attributes:
        intervals: Figure -> (low, high), for accuracy, f1, roc_auc and average_precision.
        level: Share of the resamples between the bounds.
    """

    intervals: dict[str, tuple[float, float]]
    resamples: int
    level: float
    seed: int


@dataclass(frozen=True, slots=True)
class Beside:
    """What another model took for an image with heatmap, timed in turns with the one measured."""

    weights_sha256: str
    image_with_heatmap_ms: float


@dataclass(frozen=True, slots=True)
class Speed:
    """How long one prepared image takes, with and without heatmap: the fastest of many tries.

    Other work on the machine can only slow a try. Only figures of one run on one machine compare.

    Attributes:
        machine: Cores and kind.
        load_average: Processes that wanted to run in the minute before, the own ones included;
            `None` where the system does not tell.
        beside: The model that was timed in turns with this one, where there was one.
    """

    image_ms: float
    image_with_heatmap_ms: float
    machine: str
    load_average: float | None = None
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class MapFigures:
    """What the checks found for one way of drawing heatmaps; all are in [0, 1] but the last.

    Attributes:
        deletion_auc: Mean probability of the verdict while the image loses its places, the
            strongest evidence first; lower is better.
        insertion_auc: The same while they come back to its blurred copy; higher is better.
        pointing_game: In images of which one half was replaced by a generated one, the mean share
            of the evidence for FAKE that lies in that half; 0.5 is chance.
        randomised_correlation: Mean rank correlation, in [-1, 1], with the maps of the network
            before training; near 0 where a map depends on what was learnt.
    """

    deletion_auc: float
    insertion_auc: float
    pointing_game: float | None = None
    randomised_correlation: float | None = None


@dataclass(frozen=True, slots=True)
class ExplanationFigures(JsonForm):
    """Whether heatmaps point at what the verdict rests on, beside maps that know no network.

    Attributes:
        images: How many were explained for deletion, insertion and randomised weights.
        pairs: How many half-replaced images the pointing game was played on.
        layer: That was explained; `map_size` is its width and height.
        seed: Of the random maps, of ties and of the halves.
        methods: Method -> its figures.
        baselines: `random` and `sobel` (edges) -> theirs.
    """

    images: int
    pairs: int
    layer: str
    map_size: tuple[int, int]
    seed: int
    methods: dict[str, MapFigures]
    baselines: dict[str, MapFigures]

    def is_like(self, other: "ExplanationFigures") -> bool:
        """Tell whether both were measured alike, so that their methods can stand side by side."""
        fields = ("images", "pairs", "layer", "map_size", "seed")
        return all(getattr(self, field) == getattr(other, field) for field in fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord(Metrics, JsonForm):
    """One evaluation of one model on one set, and how both can be told again.

    Attributes:
        data: Name of the folder or archive.
        split: Which part of the data set it is, as the caller names it.
        data_sha256: Over the sorted content hashes of the images' files.
        threshold: P(FAKE) from which an image is called FAKE.
        threshold_rule: How the threshold was chosen.
        band: The ends of the inconclusive band that the figures are for.
        max_false_alarms: The share of REAL validation images for which its upper end was raised;
            `None` where the model's calibration does not tell how far.
        images_per_second: Of the images as they are; covers reading, decoding and prediction.
        unreadable: Files that were skipped, with the reason.
        deduplicated: Without the images that are also in the training data, where that was given.
        tiers: Degradation -> the figures under it, by the same weights and threshold.
        novel: Share of the images that the model takes for unlike those it was validated on, where
            it can tell.
        seed: Of the noise in the tiers and of the bootstrap.
        versions: Of Python and the libraries.
    """

    model: str
    weights_sha256: str
    data: str
    data_sha256: str
    threshold: float
    images_per_second: float
    unreadable: tuple[str, ...] = ()
    deduplicated: Metrics | None = None
    split: str = ""
    threshold_rule: str = ""
    bootstrap: Bootstrap | None = None
    tiers: dict[str, Metrics] = field(default_factory=dict)
    speed: Speed | None = None
    explanation: ExplanationFigures | None = None
    novel: float | None = None
    seed: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    band: tuple[float, float] | None = None
    max_false_alarms: float | None = None
