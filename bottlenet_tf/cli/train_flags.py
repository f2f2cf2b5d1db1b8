"""The flags of `train.py`, and the `TrainConfig` they make."""

import dataclasses
import os
import sys
import types
import typing

from absl import app, flags, logging

from bottlenet_tf import config as config_lib
from bottlenet_tf import unit_config
from bottlenet_tf.evaluate_config import PARTS

_MODES = """What is trained:
baseline: the network without unit;
cloud: the same, tuned on images that went through --image_codec: the rival
that sends the image;
aware: unit and network with the codec in the loop (BottleNet);
naive: the same without the codec, which is switched on afterwards;
tail: unit and the blocks after it; the device's blocks stay as they are;
frozen: the unit alone, the network stays as it is."""

# Help texts by field. Defaults stand in config.py alone.
_HELP = {
    "workdir": "Folder for checkpoints, logs, model.keras and report.json. "
    "Started again with the same flags, a run resumes there.",
    "mode": _MODES,
    "backbone": "Network: resnet18 ... resnet152, cifar_resnet20 ... "
    "cifar_resnet110, any keras.applications model (mobilenet_v2, ...), or "
    "the path of a functional .keras model that takes raw RGB.",
    "backbone_weights": "'imagenet', a weights file (.npz, .h5, .keras), or "
    "the workdir of a finished --mode=baseline run. Unset: random.",
    "preprocessing": "auto, none, tf, torch or caffe: what the network "
    "expects of raw RGB. It becomes part of the graph.",
    "split": "Where to cut: RB1, RB2, ... or the name of a layer whose "
    "output separates the network.",
    "init_from": "Workdir of a run with the same backbone, split and unit "
    "to start from, e.g. of another quality or byte budget.",
    "init_partly": "Take from --init_from what fits and leave the rest as it "
    "is new: for a unit of other channels or stride. One of fewer channels is "
    "cut out of the other.",
    "freeze_prefix": "Leave the network before the unit as it is: faster "
    "training, and units of several rates can share one device network.",
    "epochs": "Passes over the training images.",
    "max_steps": "Stop after this many steps (the schedule follows).",
    "first_epoch": "Number that the first epoch has for order and crops: "
    "a run that goes on with --init_from sees other ones.",
    "norm_batches": "After training, estimate batch norms' statistics anew "
    "from this many batches: for runs too short for moving averages.",
    "batch_size": "Images a step, over all devices together.",
    "optimizer": "sgd (Nesterov momentum 0.9), adam or adamw; unset: what "
    "suits the unit, sgd or, learned and datta, adam.",
    "learning_rate": "Peak rate; a cosine takes it to 0. Unset: what suits the "
    "unit, 0.1 or, learned, 0.0008, or, datta, 0.01.",
    "warmup_epochs": "Epochs of linear warm-up to the peak.",
    "weight_decay": "Decoupled, times the learning rate; spares biases, "
    "norms and ranges. With sgd, 10 times the usual L2 coefficient.",
    "clip_norm": "Clip gradients to this global norm. Unset: none or, learned "
    "unit, 2.",
    "label_smoothing": "Share of each label spread over all classes.",
    "mixup": "Blend images and their labels in pairs, with shares from "
    "Beta(mixup, mixup). Off in the last fifth. Slows short runs down.",
    "distillation": "Weight, 0 to 1, of imitating the unsplit network "
    "(--backbone_weights), or the teacher; the labels keep the rest.",
    "teacher_backbone": "A larger network to imitate in place of the unsplit "
    "one, named as --backbone is. It trains, and is not deployed.",
    "teacher_weights": "Its weights, as --backbone_weights.",
    "temperature": "Softens both networks' outputs in distillation.",
    "feature_weight": "Weight of the restored feature's squared error, in "
    "units of each channel's variance. Helps where the network after the "
    "unit doesn't learn along: --mode=frozen.",
    "codec_warmup": "Share of all steps, from the first, that train without "
    "the codec.",
    "quality_start": "JPEG quality the codec starts with, annealed to "
    "--quality.",
    "quality_epochs": "Epochs that the annealing takes.",
    "rate_weight": "Weight of the bytes (per 100 B) in the loss. 0 is the "
    "paper, which leaves the rate to the codec.",
    "byte_budget": "Mean wire bytes to train for: the weight of the bytes "
    "is steered until the budget is met.",
    "precision": "Of training: float32, mixed_bfloat16 or mixed_float16; what "
    "is measured and deployed is float32.",
    "strategy": "none, mirrored (all GPUs of this machine) or multiworker "
    "(TF_CONFIG names the workers).",
    "seed": "Decides initial weights, order and crops.",
    "evaluate_every": "Epochs between validations; 0: only "
    "the finished network.",
    "keep": "last: what the last epoch leaves; best: the epoch that is most "
    "accurate on the validation images, within --byte_budget if there is one.",
    "early_stopping": "Stop after this many validations without a better "
    "accuracy. The best epoch is kept.",
    "measure_on": "Images of the final figures; use validation to compare "
    "settings, so that test images stay unseen.",
    "image_codec": "Of --mode=cloud: jpeg, webp, avif or jxl.",
    "image_quality": "Of --mode=cloud: the encoder's quality, 1 to 100.",
    "image_side": "Of --mode=cloud: pixels to which images are shrunk before "
    "they are sent; unset: as the network sees them.",
    "tuned_rivals": "Image codecs, with commas between, whose cloud-only "
    "rival is tuned as well (--mode=cloud) with this run's recipe and at most "
    "as many training images, and reported beside the untouched one. Costs "
    "one training per codec and loss; runs in one folder share them. May be "
    "added to a finished run.",
    "tuned_losses": "Each codec's rival is tuned at the qualities at which the "
    "untouched network loses so many points on the validation images.",
    "tuned_epochs": "Passes of a rival's training, at most this run's images; "
    "unset: as many.",
    "tuned_learning_rate": "Peak rate of a rival's training; unset: this "
    "run's.",
    "checkpoint_minutes": "Minutes between checkpoints within an epoch.",
    "sweep_qualities": "Qualities at which cloud-only image codecs are "
    "measured for comparison.",
    "clean_finish": "Share of the epochs, the last ones, that see the images "
    "without augmentation.",
    "feature_cache_gb": "Learned unit: disk space, in 10^9 bytes, for the "
    "features of the frozen blocks, computed once for several augmented "
    "versions of every image and removed at the end. 0, or too little for "
    "four versions: computed anew in every epoch.",
    # The learned unit.
    "patch": "Learned unit: side of the patches that the feature is cut into. "
    "This and the next four, unset: what suits the feature.",
    "patch_channels": "Learned unit: channels that a patch is projected to.",
    "coefficients": "Learned unit: coefficients that may be sent.",
    "mixed": "Learned unit: values of the grid that enter a dense matrix; "
    "--mixed times --mixed_to multiply-accumulates on the device.",
    "mixed_to": "Learned unit: coefficients that this matrix makes; the other "
    "--coefficients are values of the grid as they are.",
    "shared_frequencies": "Learned unit: one channel matrix for all "
    "frequencies of the grid, for features of many positions.",
    "encoder": "Learned unit: linear, or residual for a nonlinear branch "
    "beside it on the device.",
    "synthesis_width": "Learned unit: channels of the server's nonlinear "
    "branch; 0 leaves it out.",
    "synthesis_blocks": "Learned unit: its residual blocks at each size.",
    "num_points": "Learned unit: operating points it offers once trained.",
    "fine_rate_weight": "Learned unit: weight of a bit in the loss at the "
    "point of most bytes.",
    "coarse_rate_weight": "The same at the point of fewest bytes. Between "
    "them one unit learns all rates.",
    "statistics_images": "Learned unit: training images that the closed form "
    "is computed from.",
    # The rate-distortion-optimised unit.
    "latent_step": "Datta's unit: q, the step to which the latent is rounded.",
    "task_weight": "Datta's unit: lambda, the weight of the task loss against "
    "the l1 norm of an image's latent; more of it makes more bytes.",
    "tables": "Datta's unit: codes that share an entropy coder's table: shared "
    "(the paper), per_channel or per_coefficient.",
    # The bottleneck unit, and Datta's.
    "channels": "c', channels that are sent.",
    "stride": "s, spatial reduction; 1 keeps all positions.",
    "order": "channels_first (cheap on the device) or spatial_first.",
    "hidden_channels": "Width between the unit's two reductions.",
    "restoration_channels": "Width of a larger restoration in the cloud.",
    "channel_kernel": "Kernel of the channel-wise convolutions.",
    "spatial_kernel": "Kernel of the spatial reduction.",
    "activation": "Of what is quantized: relu (the paper) or linear.",
    "bits": "Quantizer width, 1 to 8.",
    "quantizer": "per_image: minimum and maximum are sent with each image "
    "(the paper, 4 bytes); learned: a fixed range, nothing to send.",
    "codec": "jpeg, png or raw.",
    "quality": "JPEG quality, 1 to 100.",
    # The data.
    "dataset": "digits; mini_imagenet; any TFDS name (cifar10, ...); or a "
    "folder of class folders, with or without train/ and test/.",
    "data_dir": "Where TFDS keeps its records (~/tensorflow_datasets).",
    "manual_dir": "Where the images of mini_imagenet lie.",
    "image_size": "Side in pixels of what the network sees.",
    "resize": "Shorter side before a crop is cut (224 from 256).",
    "augmentation": "auto, pad_crop, resize_crop or none.",
    "flip": "Mirror half of the training images (default: not for digits).",
    "skip_corrupt": "Check all images first and leave out what does not "
    "decode, instead of stopping there.",
    "split_seed": "Decides which images train, validate and test. Runs that "
    "build on each other must share it.",
    "test_fraction": "Share held out where a data set has no test split.",
    "validation_fraction": "Share of the training images that is held back to "
    "choose by: the best epoch, a unit, a split. 0 holds back none, and what "
    "chooses then refuses.",
    "max_train": "Use at most this many training images.",
    "max_validation": "Use at most this many validation images.",
    "max_test": "Use at most this many test images.",
    "class_indices": "Of a trained network that knows more classes, which "
    "outputs those of the data set are, counted from 0, in the sorted order "
    "of their names, with commas between. It keeps all its outputs. Unset: "
    "the network has one for each class.",
    "num_outputs": "With --class_indices: outputs of that network.",
    "unseen_classes": "Names of classes, with commas between, from which "
    "nothing is learned or chosen. Their test images are measured apart.",
}  # fmt: skip

# What a person can cause and mend; anything else is a bug and shows itself.
EXPECTED_ERRORS = (ValueError, TypeError, OSError, RuntimeError)

_KINDS = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}

_CHOICES = {
    "mode": config_lib.MODES,
    "optimizer": config_lib.OPTIMIZERS,
    "precision": config_lib.PRECISIONS,
    "strategy": config_lib.STRATEGIES,
    "keep": config_lib.KEPT_EPOCHS,
    "measure_on": config_lib.MEASURED_PARTS,
    "order": ("channels_first", "spatial_first"),
    "activation": ("relu", "linear"),
    "encoder": ("linear", "residual"),
    "tables": unit_config.TABLES,
    "part": PARTS,
    "quantizer": ("per_image", "learned"),
    "augmentation": ("auto", "pad_crop", "resize_crop", "none"),
}


def define(flag_values=flags.FLAGS, module_name=None):
    """Defines a flag for every field of the configuration.

    A field that two units have is one flag, and must have one default.

    Args:
        flag_values: Where to define them.
        module_name: The program whose --help lists them.
    """
    flags.DEFINE_enum(
        "unit",
        config_lib.UnitConfig.kind,
        tuple(config_lib.UNITS),
        "bottlenet: reduction, quantizer and an image codec, one training for "
        "each rate (BottleNet); learned: transform, entropy coder and "
        "synthesis, one training for all rates; datta: depthwise-separable "
        "with an entropy coder, on a frozen network, one training a rate.",
        flag_values=flag_values,
        module_name=module_name,
    )
    defined = {}
    for section in (
        config_lib.TrainConfig,
        *config_lib.UNITS.values(),
        config_lib.DataConfig,
    ):
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            if field.name in ("unit", "data", "kind"):
                continue
            if field.name not in defined:
                defined[field.name] = field.default
                define_field(field, hints[field.name], flag_values, module_name)
            elif defined[field.name] != field.default:
                raise ValueError(
                    "Fields of one name share a flag and need one default. "
                    f"Received: {section.__name__}.{field.name}="
                    f"{field.default!r}, {defined[field.name]!r} elsewhere"
                )


def define_field(field, hint, flag_values, module_name, text=None):
    """Defines the flag of one field of a configuration.

    Args:
        field: Of a dataclass.
        hint: Its type.
        flag_values, module_name: As in `define`.
        text: What --help says; what it says of this flag in training if None.
    """
    common = {
        "help": text or _HELP[field.name],
        "flag_values": flag_values,
        "module_name": module_name,
    }
    if field.name in _CHOICES:
        flags.DEFINE_enum(
            field.name, field.default, _CHOICES[field.name], **common
        )
        return
    # `int | None` is an int that may be left unset.
    union = typing.get_origin(hint) is types.UnionType
    kind = typing.get_args(hint)[0] if union else hint
    if kind in _KINDS:
        _KINDS[kind](field.name, field.default, **common)
    else:  # tuple[int, ...]: with commas between.
        default = field.default and [str(value) for value in field.default]
        flags.DEFINE_list(field.name, default, **common)


def read(values):
    """Returns the `TrainConfig` of parsed flag values.

    Args:
        values: `absl.flags.FLAGS` or anything with the same attributes.

    Raises:
        ValueError: if a value or a combination is refused.
    """
    sections = {}
    for name, section in (
        ("unit", config_lib.UNITS[values.unit]),
        ("data", config_lib.DataConfig),
    ):
        fields = {
            field.name: getattr(values, field.name)
            for field in dataclasses.fields(section)
            if field.name != "kind"
        }
        if name == "data":
            fields["class_indices"] = whole_numbers(
                "class_indices", [v for v in fields["class_indices"] if v]
            )
            fields["unseen_classes"] = tuple(
                filter(None, fields["unseen_classes"])
            )
        sections[name] = section(**fields)
    for field in dataclasses.fields(config_lib.TrainConfig):
        if field.name not in sections:
            sections[field.name] = getattr(values, field.name)
    sections["sweep_qualities"] = whole_numbers(
        "sweep_qualities", sections["sweep_qualities"]
    )
    sections["tuned_losses"] = numbers("tuned_losses", sections["tuned_losses"])
    sections["tuned_rivals"] = tuple(filter(None, sections["tuned_rivals"]))
    return config_lib.TrainConfig(**sections)


def prepare_tensorflow():
    """Sets what TensorFlow reads as it is imported: quiet, with oneDNN."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow uses oneDNN by itself on some processors only; without it,
    # training takes over twice as long on an AVX2 machine.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.set_verbosity(logging.ERROR)


def report(error):
    """Prints an error as a person wants it; returns the exit code.

    With BOTTLENET_TRACEBACK set, raises it again for a developer.
    """
    if os.environ.get("BOTTLENET_TRACEBACK"):
        raise error
    print(
        f"Error: {error}\n(BOTTLENET_TRACEBACK=1 shows where.)",
        file=sys.stderr,
    )
    return 1


def whole_numbers(name, values):
    """Returns a list flag's values as a tuple of integers.

    Raises:
        ValueError: if one is not a whole number.
    """
    return _listed(name, values, int, "whole numbers")


def numbers(name, values):
    """Returns a list flag's values as a tuple of floats.

    Raises:
        ValueError: if one is not a number.
    """
    return _listed(name, values, float, "numbers")


def _listed(name, values, kind, noun):
    try:
        return tuple(kind(value) for value in values)
    except ValueError as error:
        raise ValueError(
            f"--{name} must be {noun} with commas between. "
            f"Received: {name}={','.join(map(str, values))}"
        ) from error


def refuse_arguments(argv):
    """Raises absl's usage error if anything but flags was given."""
    if len(argv) > 1:
        raise app.UsageError(
            f"Flags start with two dashes. Received: {' '.join(argv[1:])}"
        )
