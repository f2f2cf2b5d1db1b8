"""The flags of a training run, which several programs take."""

import dataclasses

from bottlenet_tf.cli import config_flags
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.config.data import DataConfig
from bottlenet_tf.config.learning import LearningSettings
from bottlenet_tf.config.measuring import MeasuringSettings
from bottlenet_tf.config.network import NetworkSettings
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.config.unit import (
    UNITS,
    DattaUnitConfig,
    LearnedUnitConfig,
    UnitConfig,
)


@dataclasses.dataclass(frozen=True)
class _Kind(Settings):
    """Which of the units' configurations is read."""

    unit: str = setting(
        UnitConfig.kind,
        "bottlenet: reduction, quantizer and an image codec, one training per "
        "rate (BottleNet); learned: transform, entropy coder and synthesis, "
        "one training for all rates; datta: depthwise-separable with an "
        "entropy coder, on a frozen network, one training per rate.",
        choices=tuple(UNITS),
    )


# The settings of a run, by purpose, as --help shows them.
SECTIONS = {
    "What is trained": (NetworkSettings, _Kind),
    "Images": (DataConfig,),
    "How it is trained": (LearningSettings,),
    "Unit of --unit=bottlenet (--channels and --stride of datta, too)": (
        UnitConfig,
    ),
    "Unit of --unit=learned": (LearnedUnitConfig,),
    "Unit of --unit=datta": (DattaUnitConfig,),
    "Measuring, rivals, and files of the run": (MeasuringSettings,),
}


def read(values):
    """Returns the `TrainConfig` of parsed flag values."""
    return config_flags.read(
        TrainConfig,
        values,
        unit=config_flags.read(UNITS[values.unit], values),
        data=config_flags.read(DataConfig, values),
    )
