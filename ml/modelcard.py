"""The model card: what a model is, what it reached and where it must not be trusted."""

import json
from dataclasses import asdict, dataclass

from ml import cardfigures
from ml.contract import MAX_FALSE_ALARMS, ModelSpec, TrainingConfig, TrainingRecord

FILE_NAME = "MODEL_CARD.md"
TRAIN = "--data train.zip"
SEALED = "--test test.zip --train train.zip"


@dataclass(frozen=True, slots=True)
class About:
    """What no record can know of a data set: its story, terms and limits, in Markdown.

    `prepare` is what comes before training, `train` and `sealed` how the data is named for it and
    for the figures.
    """

    data: str
    licence: str
    limits: str
    prepare: str = ""
    train: str = TRAIN
    sealed: str = SEALED


CIFAKE = About(
    data="""\
CIFAKE: 32x32 RGB JPEG files. REAL is CIFAR-10; FAKE was made with Stable Diffusion 1.4 for the same
ten subjects. 378 of the 10,000 FAKE test files are byte-identical to a training file; the table
therefore tells the figures without them as well. For validation, images were split off the training
files by content hash, so that copies of one image are on one side.""",
    licence="""\
CIFAKE is published under the MIT licence, the same as CIFAR-10; the weights may be used
under the same terms. Please cite both works wherever results are shown:

- J. J. Bird and A. Lotfi, "CIFAKE: Image Classification and Explainable Identification of
  AI-Generated Synthetic Images", IEEE Access, 2024 (arXiv 2303.14126).
- A. Krizhevsky and G. Hinton, "Learning Multiple Layers of Features from Tiny Images", University
  of Toronto, 2009.""",
    limits="""\
- **Ordinary photographs: at chance.** Detectors trained on CIFAKE reach a balanced accuracy of 0.45
  to 0.59 on full-size images. An image of another size is scaled down so that a number can be told,
  but that number is not validated and must not be shown as a verdict.
- One generator (Stable Diffusion 1.4) and ten subjects; other generators were never seen.
- All training images are JPEG of quality 75. Images that arrive otherwise are brought to that form
  first; traces that another compression erased do not come back.
- The heatmap shows where evidence for the verdict lies at the resolution of the last feature map.
  It explains the model, not the image: it proves nothing about any region.
- The model was not tested against pictures that were made or changed in order to deceive it.""",
    sealed=f"{SEALED} \\\n    --tolerated-copies 0.02",  # CIFAKE's test images have 1.9 % of them
)

FACES = About(
    data="""\
1,700 portraits of 320x320 pixels, JPEG of quality 92, from two public repositories
(roeishc/real-or-fake-face-image-classification and dinablachman/realorfake), in the split that
they came with: trained on 780 photographs and 428 made faces, 110 and 54 for validation, 210 and
118 for the figures. REAL is FFHQ; FAKE was made with StyleGAN and StyleGAN2. The network sees the
face that MTCNN finds, cut out as a square with a tenth of margin and scaled to 160x160, in training
as in serving. In four of the 780 photographs it finds none; these were left out.""",
    licence="""\
FFHQ is published under CC BY-NC-SA 4.0, and these weights come from it: **for research and
evaluation only**, with attribution and under the same terms.

- T. Karras, S. Laine and T. Aila, "A Style-Based Generator Architecture for Generative Adversarial
  Networks", CVPR 2019 (arXiv 1812.04948): FFHQ and StyleGAN.
- T. Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020
  (arXiv 1912.04958): StyleGAN2.
- C. Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
  Learning", 2016 (arXiv 1602.07261); F. Schroff et al., "FaceNet", CVPR 2015 (arXiv 1503.03832).
- K. Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
  Networks", 2016 (arXiv 1604.02878): MTCNN.""",
    limits="""\
- **It proves the face track; it is no product-grade detector.** Some twelve hundred portraits, and
  no weights that had seen faces before, do not make one.
- Two generators of one family, aligned portraits, one size and one encoder. Other generators (all
  that make pictures by diffusion among them), other cameras and faces cut from larger scenes were
  never seen. On such images the portal shows the number and gives no verdict.
- With so many errors, a band that keeps its promise of 1 in 100 leaves hardly a face outside: the
  coverage above is what is decided, all else is inconclusive and tells its number only.
- The few validation images make band and calibration rough; the intervals of the figures are wide.
- Who is rarer in FFHQ may be judged worse: nothing was measured for groups of people.
- The heatmap shows where evidence for the verdict lies at 8x8 places of the network's middle
  stage. It explains the model, not the face.
- The model was not tested against pictures that were made or changed in order to deceive it.""",
    prepare="python -m ml faces --data faces.zip --out FACES",
    train="--recipe faces-inception --data FACES/train --validation FACES/val",
    sealed="--test FACES/test --train FACES/train",
)
_ABOUT = {"thumbnail": CIFAKE, "face": FACES}


def about(spec: ModelSpec) -> About:
    """Return what is to be said of the data behind a model of this track."""
    return _ABOUT.get(spec.track, CIFAKE)


def render(spec: ModelSpec, about: About) -> str:
    """Return the card in Markdown, its figures taken from the spec's own records."""
    parts = [f"# {spec.name}", _summary(spec)]
    if spec.evaluation:
        parts += cardfigures.sections(spec.evaluation)
    parts += ["## Limits", about.limits, "## Data", about.data]
    if spec.training:
        parts += ["## Training", _training(spec.training, spec, about)]
    parts += ["## Calibration", _calibration(spec), "## Licence and citations", about.licence]
    return "\n\n".join(parts) + "\n"


def _summary(spec: ModelSpec) -> str:
    width, height = spec.input_size
    mirror = " and its mirror image, their logits averaged" if spec.flip_averaging else ""
    return (
        f"Tells photographs (REAL) from AI-generated pictures (FAKE, the positive class).\n"
        f"Validated for: {spec.domain.sentence}\n\n"
        f"Architecture `{spec.architecture}`; input {width}x{height} RGB{mirror}; Grad-CAM on the\n"
        f"logit at the layer `{spec.gradcam_layer}`. Weights: `{spec.weights_file}`, sha256\n"
        f"`{spec.weights_sha256}`.\n\n"
        "This card is written by `python -m ml publish` from `spec.json`."
    )


def _training(record: TrainingRecord, spec: ModelSpec, about: About) -> str:
    kept = record.kept
    accuracy = kept.averaged_accuracy if record.weights == "averaged" else kept.validation_accuracy
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    remark = f" {record.remark}" if record.remark else ""
    commands = _commands(record.config, spec.graph_precision, about)
    return (
        f"{record.data.train_images:,} images to train on, {record.data.validation_images:,} for "
        f"validation; {record.epochs[-1].epoch} of {record.config.all_epochs} epochs; "
        f"{record.weights} weights, {accuracy:.2%} on validation.\n"
        f"Made with {versions}.{remark}\n\n```\n{commands}\n```"
    )


def _commands(config: TrainingConfig, graph_precision: str, about: About) -> str:
    """Return the commands that make such a model again."""
    train = [f"python -m ml train {about.train} --out RUN"]
    if "--recipe" not in about.train:
        train += [f"--{name.replace('_', '-')} {value}" for name, value in _changed(config).items()]
    compiling = [
        f"python -m ml compile --model MODEL --precision {graph_precision}",
        f"python -m ml false-alarms --model MODEL {about.train}",
    ]
    return "\n".join(
        [
            *([about.prepare] if about.prepare else []),
            " \\\n    ".join(train),
            f"python -m ml export --run RUN {about.train} --out MODEL",
            *(compiling if graph_precision != "float32" else []),
            f"python -m ml publish --model MODEL {about.sealed}",
        ]
    )


def _changed(config: TrainingConfig) -> dict[str, object]:
    """Return the fields that differ from the defaults, as the command line takes them."""
    defaults, values = asdict(TrainingConfig()), asdict(config)
    changed = {name: value for name, value in values.items() if value != defaults[name]}
    if "architecture_options" in changed:
        changed["architecture_options"] = f"'{json.dumps(changed['architecture_options'])}'"
    if "horizontal_flip" in changed:
        changed["horizontal_flip"] = str(changed["horizontal_flip"]).lower()
    return changed


def _calibration(spec: ModelSpec) -> str:
    fitted = spec.calibration
    text = (
        f"P(FAKE) = sigmoid(logit / {fitted.temperature:.4f}). Between {fitted.band_low:.4f} and "
        f"{fitted.band_high:.4f} the model\ndoes not decide: the band was fitted on validation so "
        "that at most 1 % of the decided images\nare wrong there."
    )
    return text if fitted.false_alarms is None else f"{text}\n\n{_bound(spec)}"


def _bound(spec: ModelSpec) -> str:
    """Tell how far the upper end of the band is raised, and what it would be for other shares."""
    fitted, table = spec.calibration, spec.calibration.false_alarms
    if table is None:
        return ""
    rows = "\n".join(
        f"| {point.share:.2%} | {int(point.share * table.real + 1e-9):,} | {point.threshold:.6f} |"
        for point in table.points
    )
    high = fitted.bounded(MAX_FALSE_ALARMS).band_high
    few = f"at most {MAX_FALSE_ALARMS:.0%} of the {table.real:,} REAL validation images lie"
    told = (
        f"the upper end is raised to {high:.4f}, from which on\n{few}."
        if high > fitted.band_high
        else f"{few} above\nthe upper end as it is."
    )
    return (
        f"False alarms are bounded as well: {told} Another share is a setting of the portal,\n"
        "`MAX_FALSE_ALARMS`; between two rows the stricter one holds, and never less than the band "
        "above.\n\n"
        "| of the REAL ones at most | images | P(FAKE) from |\n| --- | --- | --- |\n" + rows
    )
