"""The flags of a training run, which several programs take."""

from absl import flags

from bottlenet_tf.cli import config_flags
from bottlenet_tf.config import run as config_lib

_SECTIONS = (
    config_lib.TrainConfig,
    *config_lib.UNITS.values(),
    config_lib.DataConfig,
)
# What --help shows by purpose, first what every run is asked for.
GROUPS = {
    "What is trained": (
        "workdir", "mode", "dataset", "image_size", "backbone",
        "backbone_weights", "split", "unit", "byte_budget", "epochs",
    ),
    "How it is trained": (
        "batch_size", "optimizer", "learning_rate", "distillation",
        "precision", "strategy", "seed", "keep", "early_stopping",
        "freeze_prefix", "init_from", "init_partly", "max_steps",
        "warmup_epochs", "weight_decay", "clip_norm", "label_smoothing",
        "mixup", "temperature", "teacher_backbone", "teacher_weights",
        "feature_weight", "codec_warmup", "clean_finish", "rate_weight",
        "quality_start", "quality_epochs", "first_epoch", "norm_batches",
    ),
    "Images": (
        "preprocessing", "resize", "augmentation", "flip", "skip_corrupt",
        "validation_fraction", "test_fraction", "split_seed", "max_train",
        "max_validation", "max_test", "class_indices", "num_outputs",
        "unseen_classes", "data_dir", "manual_dir",
    ),
    "Networks of your own": (
        "new_head", "head_dropout", "backbone_rate", "train_frozen", "output",
        "import", "allow_chance",
    ),
    "Unit of --unit=bottlenet (--channels and --stride of datta, too)": (
        "channels", "stride", "codec", "quality", "quantizer", "bits", "order",
        "hidden_channels", "restoration_channels", "channel_kernel",
        "spatial_kernel", "activation",
    ),
    "Unit of --unit=learned": (
        "num_points", "fine_rate_weight", "coarse_rate_weight", "patch",
        "patch_channels", "coefficients", "mixed", "mixed_to",
        "shared_frequencies", "encoder", "synthesis_width", "synthesis_blocks",
        "statistics_images", "feature_cache_gb",
    ),
    "Unit of --unit=datta": ("latent_step", "task_weight", "tables"),
    "Measuring, and rivals": (
        "measure_on", "evaluate_every", "sweep_qualities", "tuned_rivals",
        "tuned_losses", "tuned_epochs", "tuned_learning_rate", "image_codec",
        "image_quality", "image_side",
    ),
    "Files of the run": (
        "checkpoint_minutes", "keep_checkpoints",
    ),
}  # fmt: skip


def define(flag_values=flags.FLAGS, module_name=None):
    """Defines a flag for every setting of a run, its unit and its data.

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
    for section in _SECTIONS:
        config_flags.define(section, flag_values, module_name)


def read(values):
    """Returns the `TrainConfig` of parsed flag values.

    Args:
        values: `absl.flags.FLAGS` or anything with the same attributes.

    Raises:
        ValueError: if a value or a combination is refused.
    """
    return config_flags.read(
        config_lib.TrainConfig,
        values,
        unit=config_flags.read(config_lib.UNITS[values.unit], values),
        data=config_flags.read(config_lib.DataConfig, values),
    )
