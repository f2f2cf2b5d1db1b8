"""A rate pack of a learned unit: its differences from another unit.

Weights are as exact as the pack's size allows: float32 if all fit, else
matrices in float16, else large ones in int8 and the largest, such as the
mixing, in as few as 6 bits.
"""

import msgspec
import numpy as np

from bottlenet_tf.common.validation import check
from bottlenet_tf.evaluation import unit_id
from bottlenet_tf.export import pack_file
from bottlenet_tf.export.pack_file import LearnedConfig, LearnedHeader, by_place
from bottlenet_tf.layers import LearnedUnit
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training.freeze_unit import with_unit_config

# Encodings of matrices, by their least number of elements.
_EXACTNESS = (
    pack_file.EXACT,
    {0: "float16"},
    {0: "float16", 1 << 16: "int8"},
    {0: "float16", 1 << 12: "int8"},
    {0: "float16", 1 << 12: "int8", 1 << 17: "int7"},
    {0: "float16", 1 << 12: "int8", 1 << 17: "int6"},
)
# The figures of 64 operating points are added after measuring.
_FIGURES_BYTES = 1 << 13


def apply(header, weights, model):
    """Returns the `LearnedUnit` that a network gets from a pack.

    Args:
        header: `LearnedHeader`.
        weights: Its arrays.
    """
    found = unit_id(model)
    check(
        found == header.base and isinstance(model.unit, LearnedUnit),
        "A pack fits only the network and unit that it was made from: name "
        "the run that was adapted, or adapt this one.",
        unit_id=f"{found:#010x}",
        base=f"{header.base:#010x}",
    )
    config, points = header.config, len(model.unit.points)
    figures = points if header.adapted is None else len(header.adapted.points)
    check(
        config.default_point < points and figures == points,
        "A pack's operating points must be those of its unit.",
        points=points,
        default_point=config.default_point,
        figures=figures,
    )
    unit = with_unit_config(model, **msgspec.structs.asdict(config)).unit
    places = {str(place): weight for place, weight in enumerate(unit.weights)}
    for place, array in weights.items():
        check(
            place in places and places[place].shape == array.shape,
            "A pack's weights must be those of its unit.",
            place=place,
            shape=array.shape,
        )
        places[place].assign(array)
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
    tables = {"tables": unit.get_config()["tables"]}
    data = pack_file.join(tables, by_place(changing), _EXACTNESS[-1])
    size = len(data) + _FIGURES_BYTES
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
    header = LearnedHeader(
        format=pack_file.FORMAT,
        base=unit_id(base),
        config=LearnedConfig(
            tables=config["tables"], default_point=config["default_point"]
        ),
        feature_shape=base.prefix.output_shape[1:],
        unit_id=0,
    )
    before = by_place(base.unit.weights)
    changed = {
        place: array
        for place, array in by_place(model.unit.weights).items()
        if not np.array_equal(array, before[place])
    }
    for exactness in _EXACTNESS:
        data = pack_file.join(header, changed, exactness)
        if len(data) + _FIGURES_BYTES <= pack_file.MAX_BYTES:
            # Its identity is that of the unit that the pack gives.
            unit = apply(*pack_file.parse(data), base)
            made = BottleNet(base.prefix, unit, base.suffix)
            return pack_file.with_header(data, unit_id=unit_id(made))
    raise ValueError(
        f"A pack must be at most {pack_file.MAX_BYTES:,} bytes, so that "
        "changing the unit is cheap. "
        f"Received: {len(data):,} bytes of changes"
    )


def with_figures(data, adapted):
    """Returns a pack's bytes with its measured figures.

    Args:
        adapted: Dictionary of the fields of `pack_file.Adapted`.
    """
    figures = msgspec.convert(adapted, pack_file.Adapted)
    return pack_file.with_header(data, adapted=figures)


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
