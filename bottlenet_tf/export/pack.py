"""Rate packs: other units of one network, as small files.

Many small units on one network are one network with many rates: a change of
rate swaps only the unit, a few kilobytes. A pack of --unit=datta contains its
complete unit; one of --unit=learned (`unit_changes`) the differences from the
unit it was made from. A pack can only name one of these two layers, no other
code; `pack_file` has its bytes.

Head and tail must swap to the same pack: its `unit_id` is that of its
payloads. A network that runs in Keras swaps by `swap`; a deployment is exported
again, by `export.py --pack`.
"""

import inspect
import pathlib
from typing import NamedTuple

import numpy as np

from bottlenet_tf.common import whole_file
from bottlenet_tf.evaluation import unit_id
from bottlenet_tf.export import pack_file, unit_changes
from bottlenet_tf.export.pack_file import check_whole
from bottlenet_tf.layers import DattaUnit
from bottlenet_tf.layers.depthwise import depthwise_kernel
from bottlenet_tf.models.bottlenet import BottleNet

_FIELDS = {"unit", "config", "feature_shape", "unit_id"}
# The unit's own arguments.
_CONFIG = [
    name
    for name in inspect.signature(DattaUnit.__init__).parameters
    if name not in ("self", "kwargs")
]


class Pack(NamedTuple):
    """One unit with its codec, ready to be put into its network.

    Attributes:
        make: Function from the network it is for to its `layers.Unit`.
        feature_shape: `(H, W, C)` of the cut tensor.
        adapted: A unit's adaptation and its figures, as in
            `unit_changes.check_adapted`; None for others.
        base: `unit_id` of the unit that was adapted; None for others.
    """

    make: object
    feature_shape: tuple
    unit_id: int
    adapted: dict | None = None
    base: int | None = None


def save_pack(path, model):
    """Writes a network's unit as a complete pack, atomically."""
    unit = model.unit
    if not isinstance(unit, DattaUnit) or unit.byte_codec is None:
        raise ValueError(
            "A complete pack contains a trained DattaUnit with its tables. "
            f"Received: unit={type(unit).__name__}, codec={unit.byte_codec!r}"
        )
    config = unit.get_config()
    header = {
        "unit": DattaUnit.__name__,
        "config": {name: config[name] for name in _CONFIG},
        "feature_shape": list(model.prefix.output_shape[1:]),
        "unit_id": unit_id(model),
    }
    weights = [np.asarray(weight) for weight in unit.weights]
    encoded = [pack_file.encode(weight, "float32") for weight in weights]
    data = pack_file.join(header, encoded)
    if len(data) > pack_file.MAX_BYTES:
        raise ValueError(
            f"A pack must be at most {pack_file.MAX_BYTES:,} bytes, so that "
            "changing the rate is cheap. "
            f"Received: a unit of {len(data):,} bytes"
        )
    whole_file.write(path, data)


def load_pack(path):
    """Returns the `Pack` in a file, which may be untrusted."""
    with pathlib.Path(path).open("rb") as file:
        return parse_pack(file.read(pack_file.MAX_BYTES + 1), path)


def parse_pack(data, name):
    """Returns the `Pack` of a file's bytes; see `load_pack`."""
    try:
        header, arrays = pack_file.parse(data)
        kind, number = header.get("unit"), header.get("unit_id")
        shape = header.get("feature_shape")
        check_whole(shape, 3)
        check_whole([number], 1, least=0, most=(1 << 32) - 1)
        if kind == unit_changes.UNIT:
            changes = unit_changes.read(header, arrays)
            return Pack(
                changes.apply,
                tuple(shape),
                number,
                changes.adapted,
                changes.base,
            )
        if kind != DattaUnit.__name__:
            raise ValueError(f"its unit is {kind!r}")
        unit = _build(header, arrays)
        return Pack(lambda model: unit, tuple(shape), number)
    except pack_file.REFUSALS as error:
        raise ValueError(
            f"{name} must be a rate pack of version {pack_file.VERSION}: "
            f"{error}"
        ) from error


def swap(model, pack):
    """Returns the network with another unit; both halves are shared.

    Args:
        model: `BottleNet`, not changed; for a pack of changes, with the unit
            that these were made from.
    """
    shape = tuple(model.prefix.output_shape[1:])
    unit = pack.make(model) if shape == pack.feature_shape else None
    swapped = None
    if unit is not None:
        swapped = BottleNet(model.prefix, unit, model.suffix, name=model.name)
    if swapped is None or unit_id(swapped) != pack.unit_id:
        raise ValueError(
            "A pack fits only the network and split that its unit was trained "
            f"for. Received: feature {pack.feature_shape} in the pack, {shape} "
            f"in the network, unit_id={pack.unit_id:#010x}"
        )
    return swapped


def _build(header, arrays):
    """Returns the complete unit of a header and its weights."""
    config = header["config"]
    if set(header) != _FIELDS:
        raise ValueError(f"its header must have {', '.join(sorted(_FIELDS))}")
    if set(config) != set(_CONFIG) or config["tables"] is None:
        raise ValueError(f"its config must have {', '.join(sorted(_CONFIG))}")
    # Before anything is built: a few bytes may request gigabytes.
    channels = header["feature_shape"][2]
    kernel = depthwise_kernel(config["stride"])
    least = 2 * channels * (config["channels"] + kernel**2)
    if least > sum(array.size for array in arrays):
        raise ValueError("its config requests more weights than it has")
    unit = DattaUnit(**config, dtype="float32", name="unit")
    unit.build((None, *header["feature_shape"]))
    unit.built = True
    made = [(str(w.dtype), tuple(w.shape)) for w in unit.weights]
    if made != [(str(a.dtype), a.shape) for a in arrays]:
        raise ValueError("its weights are not those of its config")
    for weight, array in zip(unit.weights, arrays, strict=True):
        weight.assign(array)
    return unit
