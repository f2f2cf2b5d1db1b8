"""Rate packs: other rates of one network, as small files of units alone.

Many tiny units on one frozen network are one network with many rates: a
change of rate swaps the unit, some kilobytes, and leaves the rest as it is.

    "BTPK", version (1 byte), bytes of the header (4, big-endian)
    header        JSON: unit, config, feature_shape, unit_id, arrays
    arrays        the unit's weights in order, little-endian, C order
    SHA-256       of everything before

The SHA-256 detects damage; it proves no origin. A pack holds no code, and
naming one of two layers is all that it may say about the program. Head and
tail must swap to the same pack: its `unit_id` is that of its payloads.

This is for networks that run in Keras. An export has one graph for network
and unit; to swap units there, prefix and `encode`, `decode` and suffix must
be graphs of their own, and a pack would carry the two small ones and the
codec's tables for unit.json.
"""

import hashlib
import inspect
import json
import math
import pathlib
import struct
from typing import NamedTuple

import numpy as np

from bottlenet_tf import whole_file
from bottlenet_tf.codec.tables import MAX_POINTS
from bottlenet_tf.evaluation import unit_id
from bottlenet_tf.layers import DattaUnit, LearnedUnit, Unit
from bottlenet_tf.layers.depthwise import depthwise_kernel
from bottlenet_tf.models.bottlenet import BottleNet

VERSION = 1
MAX_BYTES = 1_000_000
_START = struct.Struct(">4sBI")
_MAGIC = b"BTPK"
_DIGEST = hashlib.sha256().digest_size
_DTYPES = {"float32": "<f4", "int32": "<i4"}
_UNITS = {unit.__name__: unit for unit in (DattaUnit, LearnedUnit)}
_FIELDS = ("unit", "config", "feature_shape", "unit_id", "arrays")
_MAX_SIDE = 1 << 16
# What wrong values raise; deeply nested JSON is a recursion too deep.
_REFUSALS = (
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class Pack(NamedTuple):
    """One unit with its codec, ready to be put into its network.

    Attributes:
        unit: Built `layers.Unit` with tables.
        feature_shape: `(H, W, C)` of the cut tensor.
        unit_id: `evaluation.unit_id` of the network with this unit.
        size: Bytes of the file.
    """

    unit: Unit
    feature_shape: tuple
    unit_id: int
    size: int


def save_pack(path, model, max_bytes=MAX_BYTES):
    """Writes a network's unit as a pack, whole or not at all.

    Args:
        path: File to write, by custom `*.pack`.
        model: `BottleNet` with a trained and frozen unit.
        max_bytes: How large the file may be. A learned unit with dense mixing
            is larger than packs are by default.

    Returns:
        Bytes of the file.

    Raises:
        ValueError: if the unit has no tables, is of another kind, or larger.
    """
    unit = model.unit
    kind = type(unit).__name__
    if kind not in _UNITS or unit.byte_codec is None:
        raise ValueError(
            f"A pack holds a trained {' or '.join(_UNITS)} with its tables. "
            f"Received: unit={kind}, codec={unit.byte_codec!r}"
        )
    config = unit.get_config()
    weights = [np.asarray(weight) for weight in unit.weights]
    header = {
        "unit": kind,
        "config": {name: config[name] for name in _arguments(kind)},
        "feature_shape": list(model.prefix.output_shape[1:]),
        "unit_id": unit_id(model),
        "arrays": [[str(w.dtype), list(w.shape)] for w in weights],
    }
    text = json.dumps(header, allow_nan=False).encode()
    data = b"".join(
        [
            _START.pack(_MAGIC, VERSION, len(text)),
            text,
            *(w.astype(_DTYPES[str(w.dtype)]).tobytes() for w in weights),
        ]
    )
    data += hashlib.sha256(data).digest()
    if len(data) > max_bytes:
        raise ValueError(
            f"A pack must be at most {max_bytes:,} bytes, so that changing "
            f"the rate is cheap. Received: a unit of {len(data):,} bytes"
        )
    whole_file.write(path, data)
    return len(data)


def load_pack(path, max_bytes=MAX_BYTES):
    """Returns the `Pack` in a file, which may be anybody's.

    Args:
        path: The file.
        max_bytes: How large it may be; no more is read.

    Raises:
        OSError: if it can't be read.
        ValueError: naming the file, if it is not a whole pack of this version.
    """
    with pathlib.Path(path).open("rb") as file:
        data = file.read(max_bytes + 1)
    try:
        header, weights = _parse(data, max_bytes)
        unit = _build(header, weights)
    except _REFUSALS as error:
        raise ValueError(
            f"{path} must be a rate pack of version {VERSION}: {error}"
        ) from error
    shape = tuple(header["feature_shape"])
    return Pack(unit, shape, header["unit_id"], len(data))


def swap(model, pack):
    """Returns the network with another unit; both halves are shared.

    Args:
        model: `BottleNet`, whatever its unit.
        pack: `Pack` that was saved from the same network.

    Returns:
        `BottleNet`; `model` stays as it is.

    Raises:
        ValueError: if the pack is of another network or another split.
    """
    shape = tuple(model.prefix.output_shape[1:])
    swapped = None
    if shape == pack.feature_shape:
        swapped = BottleNet(
            model.prefix, pack.unit, model.suffix, name=model.name
        )
    if swapped is None or unit_id(swapped) != pack.unit_id:
        raise ValueError(
            "A pack fits the very network and split that its unit was trained "
            "for, and no other. "
            f"Received: feature {pack.feature_shape} in the pack, {shape} in "
            f"the network, unit_id={pack.unit_id:#010x}"
        )
    return swapped


def _arguments(kind):
    """Returns the names of what decides a unit, in order."""
    names = inspect.signature(_UNITS[kind].__init__).parameters
    return [name for name in names if name not in ("self", "kwargs")]


def _parse(data, max_bytes):
    """Returns a pack's header and flat weights, checked for wholeness."""
    if len(data) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes:,} bytes")
    if len(data) < _START.size + _DIGEST:
        raise ValueError("it is too short")
    magic, version, length = _START.unpack_from(data)
    if (magic, version) != (_MAGIC, VERSION):
        raise ValueError(f"it begins with {data[:5]!r}")
    if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise ValueError("it is damaged or cut short")
    body = data[_START.size : -_DIGEST]
    header = json.loads(body[:length].decode())
    if not isinstance(header, dict) or set(header) != set(_FIELDS):
        raise ValueError(f"its header must hold {', '.join(_FIELDS)}")
    if header["unit"] not in _UNITS:
        raise ValueError(f"its unit must be one of {', '.join(_UNITS)}")
    wanted = set(_arguments(header["unit"]))
    if set(header["config"]) != wanted or header["config"]["tables"] is None:
        raise ValueError(f"its config must hold {', '.join(sorted(wanted))}")
    _check_whole(header["feature_shape"], 3)
    _check_whole([header["unit_id"]], 1, least=0, most=(1 << 32) - 1)
    return header, body[length:]


def _build(header, body):
    """Returns the unit of a header with the weights in `body`."""
    shape, config = tuple(header["feature_shape"]), header["config"]
    arrays, at = [], 0
    for dtype, sides in header["arrays"]:
        _check_whole(sides, len(sides))
        size = math.prod(sides)
        array = np.frombuffer(body, _DTYPES[dtype], size, at).reshape(sides)
        if not np.isfinite(array).all():
            raise ValueError("a weight is not finite")
        arrays.append(array)
        at += array.nbytes
    if at != len(body):
        raise ValueError("its weights are not as many as its header says")
    # Before anything is made: a few bytes may ask for gigabytes.
    if _least_weights(header["unit"], config, shape) > len(body) // 4:
        raise ValueError("its config asks for more weights than it has")
    unit = _UNITS[header["unit"]](**config, dtype="float32", name="unit")
    unit.build((None, *shape))
    unit.built = True
    made = [(str(w.dtype), tuple(w.shape)) for w in unit.weights]
    if made != [(str(a.dtype), a.shape) for a in arrays]:
        raise ValueError("its weights are not those of its config")
    for weight, array in zip(unit.weights, arrays, strict=True):
        weight.assign(array)
    return unit


def _least_weights(kind, config, shape):
    """Returns how many weights a unit has at least, the large ones."""
    height, width, channels = shape
    if kind == "DattaUnit":
        kernel = depthwise_kernel(config["stride"])
        return 2 * channels * (config["channels"] + kernel**2)
    points = config["num_points"]
    _check_whole([points], 1, most=MAX_POINTS)
    _check_whole([config["default_point"]], 1, least=0, most=points - 1)
    patch, kept = config["patch"], config["channels"]
    sizes = [config[name] for name in ("mixed", "mixed_to", "coefficients")]
    sizes += [config[name] for name in ("width", "blocks", "components")]
    _check_whole([patch, kept, *sizes], len(sizes) + 2, least=0)
    mixed, mixed_to, coefficients, wide, blocks, components = sizes
    height, width = height // patch, width // patch
    return (
        2 * (height**2 + width**2 + patch**2 * channels * kept)
        + height * width * kept
        + 2 * mixed * mixed_to
        + coefficients * components
        + 18 * wide**2 * blocks
    )


def _check_whole(values, count, least=1, most=_MAX_SIDE):
    """Raises ValueError unless values are whole numbers of some range."""
    whole = isinstance(values, list) and len(values) == count
    if not whole or not all(
        type(value) is int and least <= value <= most for value in values
    ):
        raise ValueError(
            f"its numbers must be whole, {least} to {most}: {values!r}"
        )
