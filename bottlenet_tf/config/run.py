"""Settings of one training run, and their JSON."""

import dataclasses
import json

from bottlenet_tf.common.settings import as_typed, flag_name
from bottlenet_tf.common.validation import check, check_choice
from bottlenet_tf.config import train_rules
from bottlenet_tf.config.data import DataConfig
from bottlenet_tf.config.learning import LearningSettings
from bottlenet_tf.config.measuring import MeasuringSettings
from bottlenet_tf.config.network import NetworkSettings
from bottlenet_tf.config.unit import (
    UNITS,
    DattaUnitConfig,
    LearnedUnitConfig,
    UnitConfig,
)

# Fields of earlier versions, whose runs still load.
_FORMER_FIELDS = ("init_partly",)


@dataclasses.dataclass(frozen=True)
class TrainConfig(MeasuringSettings, LearningSettings, NetworkSettings):
    """One training run. `python train.py --help` explains every field."""

    unit: UnitConfig | LearnedUnitConfig | DattaUnitConfig = UnitConfig()
    data: DataConfig = DataConfig()

    def resolved_defaults(self):
        defaults = self.unit.defaults(self.mode)
        is_new = self.new_head or not self.starts_trained
        if defaults["optimizer"] == "sgd" and not is_new:
            # The rate for new networks would undo what they know.
            defaults["learning_rate"] = 0.01
        return defaults

    def rules(self):
        return train_rules.of(self)

    def to_json(self):
        """Returns the run as JSON text; `from_json` is its inverse."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text):
        """Returns the run that `to_json` wrote."""
        values = json.loads(text)
        given = values if isinstance(values, dict) else {}
        if "unit" in given:
            values["unit"] = _made(_unit_class(values["unit"]), values["unit"])
        if "data" in given:
            values["data"] = _made(DataConfig, values["data"])
        for name in _FORMER_FIELDS:
            given.pop(name, None)
        return _made(cls, values)


def differing_flags(before, now, free=()):
    """Returns a list of "--name=value there, --name=value here"."""
    found = []
    for field in dataclasses.fields(now):
        there, here = getattr(before, field.name), getattr(now, field.name)
        if dataclasses.is_dataclass(here):
            found += differing_flags(there, here, free)
        elif there != here and field.name not in free:
            found.append(differing(flag_name(field), there, here))
    return found


def differing(name, there, here):
    """Returns two values of a flag as command-line arguments."""
    return f"{as_typed(name, there)} there, {as_typed(name, here)} here"


def _made(cls, values):
    """Builds dataclass `cls` from a JSON object."""
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
    return cls(**values)


def _unit_class(values):
    """Returns the unit's dataclass; early files had one kind and no name."""
    kind = UnitConfig.kind
    if isinstance(values, dict):
        kind = values.get("kind", kind)
    check_choice("unit", kind, tuple(UNITS))
    return UNITS[kind]
