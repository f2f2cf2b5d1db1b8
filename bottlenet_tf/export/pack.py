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

import functools
import pathlib
from typing import NamedTuple

import msgspec

from bottlenet_tf.common import whole_file
from bottlenet_tf.evaluation import unit_id
from bottlenet_tf.export import pack_file, unit_changes
from bottlenet_tf.export.pack_file import DattaConfig, DattaHeader
from bottlenet_tf.layers import DattaUnit
from bottlenet_tf.layers.depthwise import depthwise_kernel
from bottlenet_tf.models.bottlenet import BottleNet


class Pack(NamedTuple):
    """One unit with its codec, ready to be put into its network.

    Attributes:
        make: Function from the network it is for to its `layers.Unit`.
        feature_shape: `(H, W, C)` of the cut tensor.
        adapted: A unit's adaptation, the fields of `pack_file.Adapted`; None
            for others.
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
    header = DattaHeader(
        format=pack_file.FORMAT,
        config=DattaConfig(
            **{name: config[name] for name in DattaConfig.__struct_fields__}
        ),
        feature_shape=model.prefix.output_shape[1:],
        unit_id=unit_id(model),
    )
    data = pack_file.join(header, pack_file.by_place(unit.weights))
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
        shape, number = header.feature_shape, header.unit_id
        if isinstance(header, DattaHeader):
            unit = _build(header, arrays)
            return Pack(lambda model: unit, shape, number)
        make = functools.partial(unit_changes.apply, header, arrays)
        adapted = msgspec.to_builtins(header.adapted)
        return Pack(make, shape, number, adapted, header.base)
    except Exception as error:  # Archive, NumPy and unit have their own.
        raise ValueError(
            f"{name} must be a rate pack, {pack_file.FORMAT}: {error}"
        ) from error


def swap(model, pack):
    """Returns the network with another unit; both halves are shared.

    Args:
        model: `BottleNet`, not changed; for a pack of changes, with the unit
            that these were made from.
    """
    shape = tuple(model.prefix.output_shape[1:])
    if shape == pack.feature_shape:
        unit = pack.make(model)
        swapped = BottleNet(model.prefix, unit, model.suffix, name=model.name)
        if unit_id(swapped) == pack.unit_id:
            return swapped
    raise ValueError(
        "A pack fits only the network and split that its unit was trained for. "
        f"Received: feature {pack.feature_shape} in the pack, {shape} in the "
        f"network, unit_id={pack.unit_id:#010x}"
    )


def _build(header, arrays):
    """Returns the complete `DattaUnit` of a header and its weights."""
    config = header.config
    # Before anything is built: a few bytes may request gigabytes.
    channels = header.feature_shape[2]
    kernel = depthwise_kernel(config.stride)
    least = 2 * channels * (config.channels + kernel**2)
    if least > sum(array.size for array in arrays.values()):
        raise ValueError("its config requests more weights than it has")
    unit = DattaUnit(
        **msgspec.structs.asdict(config), dtype="float32", name="unit"
    )
    unit.build((None, *header.feature_shape))
    unit.built = True
    unit.set_weights([arrays[str(place)] for place in range(len(arrays))])
    return unit
