"""A rate pack of a learned unit: its differences from another unit.

The header has that unit's identity (`base`) and the weights that change
(`changed`, by position); the config has new tables and a default point. Weights
are as exact as the pack's size allows: float32 if all fit, else matrices in
float16, else large ones in int8 and the largest, such as the mixing, in as few
as 6 bits.
"""

import dataclasses
import math

import numpy as np

from bottlenet_tf.common.validation import check
from bottlenet_tf.evaluation import unit_id
from bottlenet_tf.export import pack_file
from bottlenet_tf.export.pack_file import check_whole
from bottlenet_tf.layers import LearnedUnit
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training.freeze_unit import with_unit_config

UNIT = LearnedUnit.__name__
_FIELDS = {
    "unit", "base", "config", "changed", "feature_shape", "unit_id", "adapted",
}  # fmt: skip
_CONFIG = ("tables", "default_point")
# Encodings of matrices, by their least number of elements.
_EXACTNESS = (
    {0: "float32"},
    {0: "float16"},
    {0: "float16", 1 << 16: "int8"},
    {0: "float16", 1 << 12: "int8"},
    {0: "float16", 1 << 12: "int8", 1 << 17: "int7"},
    {0: "float16", 1 << 12: "int8", 1 << 17: "int6"},
)
# The figures of 64 operating points are added after measuring.
_FIGURES_BYTES = 1 << 13
# A unit's adaptation, and numbers of each point, before and after.
_ADAPTED = ("refit", "steps", "photos", "held_out", "points")
FIGURES = (
    "wire_bytes_before", "wire_bytes", "agreement_before", "agreement",
    "divergence_before", "divergence",
)  # fmt: skip
_REFITS = ("tables", "transform")


@dataclasses.dataclass(frozen=True, eq=False)
class Changes:
    """The changes of a learned unit in a pack.

    Attributes:
        base: `evaluation.unit_id` of its network.
        config: `{"tables": base64 text, "default_point": index}`.
        weights: `{place: float32 or int32 array}`.
        adapted: See `check_adapted`; None before it is measured.
    """

    base: int
    config: dict
    weights: dict
    adapted: dict | None

    def apply(self, model):
        """Returns the `LearnedUnit` that a network gets."""
        found = unit_id(model)
        check(
            found == self.base and isinstance(model.unit, LearnedUnit),
            "A pack fits only the network and unit that it was made from: name "
            "the run that was adapted, or adapt this one.",
            unit_id=f"{found:#010x}",
            base=f"{self.base:#010x}",
        )
        unit = with_unit_config(model, **self.config).unit
        points = len(unit.points)
        figures = (
            points if self.adapted is None else len(self.adapted["points"])
        )
        check(
            self.config["default_point"] < points and figures == points,
            "A pack's operating points must be those of its unit.",
            points=points,
            default_point=self.config["default_point"],
            figures=figures,
        )
        for place, array in self.weights.items():
            shapes = [tuple(w.shape) for w in unit.weights[place : place + 1]]
            check(
                shapes == [array.shape],
                "A pack's weights must be those of its unit.",
                place=place,
                shape=array.shape,
            )
            unit.weights[place].assign(array)
        _check_places(unit)
        return unit


def check_size(unit, tuned):
    """Raises ValueError if the changes of a unit will be too large for a pack.

    Args:
        unit: Frozen `LearnedUnit`; only its weights' sizes matter.
        tuned: Whether all weights change, or only the transform.
    """
    changing = unit.weights
    if not tuned:
        changing = [*unit.analysis.weights, *unit.synthesis.weights]
    encoded = [_encode(np.asarray(w), _EXACTNESS[-1]) for w in changing]
    tables = unit.get_config()["tables"]
    size = len(pack_file.join({"tables": tables}, encoded)) + _FIGURES_BYTES
    check(
        size <= pack_file.MAX_BYTES,
        f"A pack must be at most {pack_file.MAX_BYTES:,} bytes, so that "
        "changing the unit is cheap. Use --refit=tables without --steps, "
        "which changes no weight.",
        bytes=f"about {size:,}",
    )


def pack_changes(base, model):
    """Returns a pack's bytes: a network's unit as changes of another's.

    Args:
        model: The same network with a unit of the same sizes, frozen.
    """
    config = model.unit.get_config()
    config = {name: config[name] for name in _CONFIG}
    pairs = zip(model.unit.weights, base.unit.weights, strict=True)
    pairs = [tuple(map(np.asarray, pair)) for pair in pairs]
    changed = {
        place: new
        for place, (new, old) in enumerate(pairs)
        if not np.array_equal(new, old)
    }
    for exactness in _EXACTNESS:
        encoded = [_encode(new, exactness) for new in changed.values()]
        header = {
            "unit": UNIT,
            "base": unit_id(base),
            "config": config,
            "changed": list(changed),
            "feature_shape": list(base.prefix.output_shape[1:]),
            "unit_id": 0,
            "adapted": None,
        }
        data = pack_file.join(header, encoded)
        if len(data) + _FIGURES_BYTES <= pack_file.MAX_BYTES:
            # Its identity is that of the unit that the pack gives.
            unit = read(*pack_file.parse(data)).apply(base)
            made = BottleNet(base.prefix, unit, base.suffix)
            return pack_file.with_header(data, unit_id=unit_id(made))
    raise ValueError(
        f"A pack must be at most {pack_file.MAX_BYTES:,} bytes, so that "
        "changing the unit is cheap. "
        f"Received: {len(data):,} bytes of changes"
    )


def with_figures(data, adapted):
    """Returns a pack's bytes with its measured figures."""
    check_adapted(adapted)
    return pack_file.with_header(data, adapted=adapted)


def read(header, arrays):
    """Returns the `Changes` of a pack's header and arrays.

    Raises:
        One of `pack_file.REFUSALS`: if they are invalid.
    """
    if set(header) != _FIELDS:
        raise ValueError(f"its header must have {', '.join(sorted(_FIELDS))}")
    config, changed = header["config"], header["changed"]
    if set(config) != set(_CONFIG) or not isinstance(config["tables"], str):
        raise ValueError(f"its config must have {', '.join(_CONFIG)}")
    check_whole([header["base"]], 1, least=0, most=(1 << 32) - 1)
    check_whole([config["default_point"]], 1, least=0, most=63)
    check_whole(changed, len(arrays), least=0)
    if len(set(changed)) != len(changed):
        raise ValueError("it changes a weight twice")
    if header["adapted"] is not None:
        check_adapted(header["adapted"])
    weights = dict(zip(changed, arrays, strict=True))
    return Changes(header["base"], config, weights, header["adapted"])


def check_adapted(adapted):
    """Raises an error unless a pack's figures have an adaptation's form.

    `refit` is "tables" or "transform"; `steps`, `photos` and `held_out` are
    integers; `points` has the `FIGURES` of each operating point. They are shown
    in a deployment's README.
    """
    if set(adapted) != set(_ADAPTED) or adapted["refit"] not in _REFITS:
        raise ValueError(f"its figures must be {', '.join(_ADAPTED)}")
    numbers = [adapted[name] for name in _ADAPTED[1:4]]
    check_whole(numbers, 3, least=0, most=(1 << 31) - 1)
    for row in adapted["points"]:
        if len(row) != len(FIGURES) or not all(
            type(value) in (int, float) and math.isfinite(value)
            for value in row
        ):
            raise ValueError(f"its points must have {', '.join(FIGURES)}")


def _encode(array, exactness):
    if array.ndim < 2:
        return pack_file.encode(array, "float32")
    least = max(each for each in exactness if each <= array.size)
    return pack_file.encode(array, exactness[least])


def _check_places(unit):
    """Raises ValueError unless the transform's positions are in the grid."""
    places = np.asarray(unit.synthesis.places)
    kept = np.asarray(unit.analysis.kept)
    wanted = np.full(len(places), len(kept), np.int32)
    inside = kept.min() >= 0 and kept.max() < len(places)
    if inside:
        wanted[kept] = np.arange(len(kept))
    check(
        inside
        and np.array_equal(places, wanted)
        and np.array_equal(unit.synthesis.kept, kept),
        "A pack's positions must be those of the grid, the same on both sides.",
        kept=(int(kept.min()), int(kept.max())),
    )
