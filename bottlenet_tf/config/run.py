"""What a training run is, and its JSON."""

import dataclasses
import json
import typing

from bottlenet_tf.common.settings import Settings, as_typed, flag_name, setting
from bottlenet_tf.common.validation import check, check_choice
from bottlenet_tf.config import train_rules
from bottlenet_tf.config.data import DataConfig
from bottlenet_tf.config.unit import (
    UNITS,
    DattaUnitConfig,
    LearnedUnitConfig,
    UnitConfig,
)

MODES = ("baseline", "cloud", "aware", "naive", "tail", "frozen")
_MODE = """What is trained:
baseline: the network without unit;
cloud: the same, tuned on images that went through --image_codec: the rival \
that sends the image;
aware: unit and network with the codec in the loop (BottleNet);
naive: the same without the codec, which is switched on afterwards;
tail: unit and the blocks after it; the device's blocks stay as they are;
frozen: the unit alone, the network stays as it is."""


@dataclasses.dataclass(frozen=True)
class TrainConfig(Settings):
    """One training run. `python train.py --help` explains every field."""

    workdir: str = setting(
        "runs/run",
        "Folder for checkpoints, logs, model.keras and report.json. Started "
        "again with the same flags, a run resumes there.",
    )
    mode: str = setting("aware", _MODE, choices=MODES)
    backbone: str = setting(
        "cifar_resnet20",
        "Network: resnet18 ... resnet152, cifar_resnet20 ... cifar_resnet110, "
        "any keras.applications model (mobilenet_v2, ...), or the path of a "
        "functional .keras model that takes raw RGB, or grey, which is the "
        "luma of RGB.",
    )
    imports: tuple[str, ...] = setting(
        (),
        "Modules or .py files, with commas between, that define the layers of "
        "your own in a .keras file.",
        flag="import",
    )
    backbone_weights: str | None = setting(
        None,
        "'imagenet', a weights file (.npz, .h5, .keras), or the workdir of a "
        "finished --mode=baseline run. Unset: random.",
    )
    new_head: bool = setting(
        False,
        "Of --mode=baseline and a .keras file: replace its classifier by one "
        "for the data set's classes, for transfer learning.",
    )
    head_dropout: float = setting(
        0.2, "Dropout before the classifier of --new_head.", least=0, below=1
    )
    backbone_rate: float = setting(
        0.1,
        "With --new_head: learning rate of the layers before it, relative to "
        "--learning_rate, which is the classifier's. 0 leaves them as they "
        "are.",
        least=0,
    )
    train_frozen: bool = setting(
        False,
        "Train the layers, too, that the .keras file declares not trainable, "
        "as transfer learning does.",
    )
    preprocessing: str = setting(
        "auto",
        "auto, none, unit (0..1), signed (-1..1, the same as tf), torch or "
        "caffe: what the network expects of raw RGB. It becomes part of the "
        "graph. auto is what a network by name was trained with, and none for "
        "a .keras file; a run that would do better with unit or signed says so "
        "and stops.",
    )
    output: str = setting(
        "auto",
        "What the network's outputs are: softmax, one class an image; sigmoid, "
        "any number of labels an image (exact match is its accuracy, beside "
        "mean average precision). auto: as its .keras file ends, or else as "
        "the data set is labelled. A single output tells two classes apart.",
        choices=("auto", "softmax", "sigmoid"),
    )
    allow_chance: bool = setting(
        False,
        "Go on although a network that comes trained has no more images right "
        "than guessing.",
    )
    split: str = setting(
        "RB1",
        "Where to cut: RB1, RB2, ... or the name of a layer whose output "
        "separates the network.",
    )
    init_from: str | None = setting(
        None,
        "Workdir of a run with the same backbone, split and unit to start "
        "from, e.g. of another quality or byte budget.",
    )
    init_partly: bool = setting(
        False,
        "Take from --init_from what fits and leave the rest as it is new: for "
        "a unit of other channels or stride. One of fewer channels is cut out "
        "of the other.",
    )
    freeze_prefix: bool = setting(
        False,
        "Leave the network before the unit as it is: faster training, and "
        "units of several rates can share one device network.",
    )
    unit: UnitConfig | LearnedUnitConfig | DattaUnitConfig = UnitConfig()
    data: DataConfig = DataConfig()
    epochs: int = setting(10, "Passes over the training images.", least=0)
    max_steps: int | None = setting(
        None, "Stop after this many steps (the schedule follows).", least=1
    )
    first_epoch: int = setting(
        0,
        "Number that the first epoch has for order and crops: a run that goes "
        "on with --init_from sees other ones.",
        least=0,
    )
    norm_batches: int = setting(
        0,
        "After training, estimate batch norms' statistics anew from this many "
        "batches: for runs too short for moving averages.",
        least=0,
    )
    batch_size: int = setting(
        128, "Images a step, over all devices together.", least=1
    )
    optimizer: str | None = setting(
        None,
        "sgd (Nesterov momentum 0.9), adam or adamw; unset: what suits the "
        "unit, sgd or, learned and datta, adam.",
        choices=("sgd", "adam", "adamw"),
    )
    learning_rate: float | None = setting(
        None,
        "Peak rate; a cosine takes it to 0. Unset: what suits the unit, 0.1, "
        "or 0.01 for a network that comes trained, or, learned, 0.0008, or, "
        "datta, 0.01.",
        above=0,
    )
    warmup_epochs: float = setting(
        0.5, "Epochs of linear warm-up to the peak.", least=0
    )
    weight_decay: float | None = setting(
        None,
        "Decoupled, times the learning rate; spares biases, norms and ranges. "
        "With sgd, 10 times the usual L2 coefficient.",
        least=0,
    )
    clip_norm: float | None = setting(
        None,
        "Clip gradients to this global norm. Unset: none or, learned unit, 2.",
        above=0,
    )
    label_smoothing: float = setting(
        0.0, "Share of each label spread over all classes.", least=0, most=1
    )
    mixup: float = setting(
        0.0,
        "Blend images and their labels in pairs, with shares from "
        "Beta(mixup, mixup). Off in the last fifth. Slows short runs down.",
        least=0,
    )
    distillation: float | None = setting(
        None,
        "Weight, 0 to 1, of imitating the unsplit network "
        "(--backbone_weights), or the teacher; the labels keep the rest.",
        least=0,
        most=1,
    )
    teacher_backbone: str | None = setting(
        None,
        "A larger network to imitate in place of the unsplit one, named as "
        "--backbone is. It trains, and is not deployed.",
    )
    teacher_weights: str | None = setting(
        None, "Its weights, as --backbone_weights."
    )
    temperature: float = setting(
        2.0, "Softens both networks' outputs in distillation.", above=0
    )
    feature_weight: float | None = setting(
        None,
        "Weight of the restored feature's squared error, in units of each "
        "channel's variance. Helps where the network after the unit doesn't "
        "learn along: --mode=frozen.",
        least=0,
    )
    codec_warmup: float = setting(
        0.0,
        "Share of all steps, from the first, that train without the codec.",
        least=0,
        most=1,
    )
    clean_finish: float = setting(
        0.0,
        "Share of the epochs, the last ones, that see the images without "
        "augmentation.",
        least=0,
        most=1,
    )
    feature_cache_gb: float = setting(
        4.0,
        "Learned unit: disk space, in 10^9 bytes, for the features of the "
        "frozen blocks, computed once for several augmented versions of every "
        "image and removed at the end. 0, or too little for four versions: "
        "computed anew in every epoch.",
        least=0,
    )
    quality_start: int | None = setting(
        None,
        "JPEG quality the codec starts with, annealed to --quality.",
        least=1,
        most=100,
    )
    quality_epochs: float = setting(
        0.0, "Epochs that the annealing takes.", least=0
    )
    rate_weight: float = setting(
        0.0,
        "Weight of the bytes (per 100 B) in the loss. 0 is the paper, which "
        "leaves the rate to the codec.",
        least=0,
    )
    byte_budget: float | None = setting(
        None,
        "Mean wire bytes to train for: the weight of the bytes is steered "
        "until the budget is met.",
        above=0,
    )
    precision: str = setting(
        "float32",
        "Of training: float32, mixed_bfloat16 or mixed_float16; what is "
        "measured and deployed is float32.",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
    )
    strategy: str = setting(
        "none",
        "none, mirrored (all GPUs of this machine) or multiworker (TF_CONFIG "
        "names the workers).",
        choices=("none", "mirrored", "multiworker"),
    )
    seed: int = setting(0, "Decides initial weights, order and crops.", least=0)
    evaluate_every: int = setting(
        1, "Epochs between validations; 0: only the finished network.", least=0
    )
    keep: str = setting(
        "last",
        "last: what the last epoch leaves; best: the epoch that is most "
        "accurate on the validation images, within --byte_budget if there is "
        "one.",
        choices=("last", "best"),
    )
    early_stopping: int | None = setting(
        None,
        "Stop after this many validations without a better accuracy. The best "
        "epoch is kept.",
        least=1,
    )
    measure_on: str = setting(
        "test",
        "Images of the final figures; use validation to compare settings, so "
        "that test images stay unseen.",
        choices=("test", "validation"),
    )
    image_codec: str | None = setting(
        None, "Of --mode=cloud: jpeg, webp, avif or jxl."
    )
    image_quality: int | None = setting(
        None,
        "Of --mode=cloud: the encoder's quality, 1 to 100.",
        least=1,
        most=100,
    )
    image_side: int | None = setting(
        None,
        "Of --mode=cloud: pixels to which images are shrunk before they are "
        "sent; unset: as the network sees them.",
        least=1,
    )
    tuned_rivals: tuple[str, ...] = setting(
        (),
        "Image codecs, with commas between, whose cloud-only rival is tuned as "
        "well (--mode=cloud) with this run's recipe and at most as many "
        "training images, and reported beside the untouched one. Costs one "
        "training per codec and loss; runs in one folder share them. May be "
        "added to a finished run.",
    )
    tuned_losses: tuple[float, ...] = setting(
        (3.0, 8.0),
        "Each codec's rival is tuned at the qualities at which the untouched "
        "network loses so many points on the validation images.",
        above=0,
    )
    tuned_epochs: int | None = setting(
        None,
        "Passes of a rival's training, at most this run's images; unset: as "
        "many.",
        least=1,
    )
    tuned_learning_rate: float | None = setting(
        None, "Peak rate of a rival's training; unset: this run's.", above=0
    )
    checkpoint_minutes: float = setting(
        10.0, "Minutes between checkpoints within an epoch.", least=0
    )
    keep_checkpoints: bool = setting(
        False,
        "Keep the checkpoints of a finished run, most of its disk space. "
        "--epochs can be raised without them, too; with them, optimizer and "
        "best epoch are continued exactly.",
    )
    sweep_qualities: tuple[int, ...] = setting(
        (
            1, 2, 4, 7, 10, 15, 20, 30, 40, 50, 60, 70, 75, 80, 83, 86, 88, 90,
            92, 95,
        ),
        "Qualities at which cloud-only image codecs are measured for "
        "comparison.",
        least=1,
        most=100,
    )  # fmt: skip

    def resolved_defaults(self):
        defaults = self.unit.defaults(self.mode)
        is_new = self.new_head or not self.starts_trained
        if defaults["optimizer"] == "sgd" and not is_new:
            # The rate for new networks would undo what they know.
            defaults["learning_rate"] = 0.01
        return defaults

    def check_together(self):
        train_rules.check_run(self)

    @property
    def has_unit(self):
        """Whether the network is split; "baseline" and "cloud" are whole."""
        return self.mode not in ("baseline", "cloud")

    @property
    def starts_trained(self):
        """Whether the backbone comes with weights."""
        return is_trained(self.backbone, self.backbone_weights)

    @property
    def teacher_is_trained(self):
        """Whether the teacher comes with weights."""
        return is_trained(self.teacher_backbone, self.teacher_weights)

    def to_json(self):
        """Returns the run as JSON text; `from_json` is its inverse."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text):
        """Returns the run that `to_json` wrote.

        Raises:
            ValueError: if the text is no JSON object, a field is unknown or
                its value is refused.
            TypeError: if a value has the wrong type.
        """
        return _from_dict(cls, json.loads(text))


def is_trained(backbone, weights):
    """Whether a network comes with weights: given, or in its own file."""
    return weights is not None or (backbone or "").endswith(".keras")


def differing_flags(before, now, free=()):
    """Returns the flags by which two configurations differ.

    Args:
        before, now: Dataclasses of the same type; nested ones are looked into.
        free: Names of fields that may differ.

    Returns:
        List of "--name=value there, --name=value here".
    """
    found = []
    for field in dataclasses.fields(now):
        there, here = getattr(before, field.name), getattr(now, field.name)
        if dataclasses.is_dataclass(here):
            found += differing_flags(there, here, free)
        elif there != here and field.name not in free:
            found.append(differing(flag_name(field), there, here))
    return found


def differing(name, there, here):
    """Returns what differs between two values of a flag, as it is typed."""
    return f"{as_typed(name, there)} there, {as_typed(name, here)} here"


def _from_dict(cls, values):
    """Builds dataclass `cls` from nested dictionaries."""
    check(
        isinstance(values, dict),
        f"{cls.__name__} must be a JSON object.",
        values=values,
    )
    unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
    check(
        not unknown,
        f"Unknown fields for {cls.__name__}; is it from another version?",
        fields=unknown,
    )
    hints = typing.get_type_hints(cls)
    built = {}
    for name, value in values.items():
        if name == "unit":
            value = _from_dict(_unit_class(value), value)
        elif dataclasses.is_dataclass(hints[name]):
            value = _from_dict(hints[name], value)
        built[name] = value
    return cls(**built)


def _unit_class(values):
    """Returns the unit's dataclass; early files had one kind and no name."""
    kind = UnitConfig.kind
    if isinstance(values, dict):
        kind = values.get("kind", kind)
    check_choice("unit", kind, tuple(UNITS))
    return UNITS[kind]
