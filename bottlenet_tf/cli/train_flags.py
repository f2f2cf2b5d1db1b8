"""The flags of a training run, which several programs take."""

from absl import flags

from bottlenet_tf import config as config_lib
from bottlenet_tf.cli import config_flags

_SECTIONS = (
    config_lib.TrainConfig,
    *config_lib.UNITS.values(),
    config_lib.DataConfig,
)


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
