"""The file of a rate pack: an .npz archive of a header and arrays.

`header` is JSON. An array is float32, int32, float16 or int8: the latter has a
float32 scale for each column (over the last axis but one), `<name>.scale`.
Written are -127..127 at most; a smaller range deflates to less.

The archive's CRCs detect damage of contents, not of names or of the directory.
What guards a deployment is `unit_id`: `pack.swap` refuses a pack unless the
unit it gives has this identity. Neither proves an origin. A pack contains no
code, and is read without pickle.
"""

import io
import zipfile
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from bottlenet_tf.common.ranges import Whole

FORMAT = "bottlenet_tf.pack.3"
MAX_BYTES = 1_000_000
# All arrays, inflated.
_MOST_INFLATED = 16 * MAX_BYTES
# Header, weights and their scales; a unit has less than 100 weights.
_MOST_MEMBERS = 500
# Others, such as bzip2, are inflated beyond the size in the directory.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Of packs before there was `FORMAT`, which weren't archives.
_EARLIER = b"BTPK"
_HEADER, _SCALE = "header", ".scale"
# The largest integer of an encoding with a scale for each column.
_LARGEST = {"int8": 127, "int7": 63, "int6": 31}
_MOST_FLOAT16 = 60_000
# Encodings of matrices, by their least number of elements.
EXACT = {0: "float32"}

Side = Annotated[int, Meta(ge=1, le=1 << 16)]
UnitId = Annotated[int, Meta(ge=0, lt=1 << 32)]
_Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]
_Bytes = Annotated[float, Meta(gt=0, le=1e300)]


class _Closed(msgspec.Struct, forbid_unknown_fields=True):
    """Has no other fields."""


class Figures(_Closed, array_like=True):
    """Those of an operating point, before and after an adaptation.

    A plan's bytes are scaled by the ratio of the bytes.
    """

    wire_bytes_before: _Bytes
    wire_bytes: _Bytes
    agreement_before: _Finite
    agreement: _Finite
    divergence_before: _Finite
    divergence: _Finite


FIGURES = Figures.__struct_fields__


class Adapted(_Closed):
    """An adaptation, shown in a deployment's README.

    Attributes:
        photos: Number of photos that the unit was fitted to.
        held_out: Number of photos that it was measured on.
        points: `Figures` of each operating point.
    """

    refit: Literal["tables", "transform"]
    steps: Whole
    photos: Whole
    held_out: Whole
    points: list[Figures]


class _Header(_Closed, kw_only=True, tag_field="unit"):
    format: Literal[FORMAT]
    feature_shape: tuple[Side, Side, Side]
    unit_id: UnitId


class LearnedConfig(_Closed):
    """The arguments of a `LearnedUnit` that a pack changes."""

    tables: str
    default_point: Whole


class LearnedHeader(_Header, tag="LearnedUnit"):
    """A `LearnedUnit`; the arrays are the weights that differ from `base`."""

    base: UnitId
    config: LearnedConfig
    adapted: Adapted | None = None


class DattaConfig(_Closed):
    """The arguments of a `DattaUnit`."""

    channels: Side
    stride: Side
    step: float
    restored_activation: Literal["relu"] | None
    tables: str


class DattaHeader(_Header, tag="DattaUnit"):
    """A complete `DattaUnit`; the arrays are all of its weights."""

    config: DattaConfig


def by_place(weights):
    """Returns Keras weights as a pack's arrays, named by position."""
    return {str(place): np.asarray(w) for place, w in enumerate(weights)}


def join(header, arrays, exactness=EXACT):
    """Returns the bytes of a pack.

    Args:
        header: `LearnedHeader` or `DattaHeader`.
        arrays: `{name: float32 or int32 array}`.
        exactness: Encodings of float matrices, as `EXACT`.
    """
    stored = {}
    for name, array in arrays.items():
        stored.update(_encode(name, array, exactness))
    return _write(header, stored)


def with_header(data, **changes):
    """Returns the bytes of a pack with other fields in its header."""
    header, stored = _read(data)
    return _write(msgspec.structs.replace(header, **changes), stored)


def parse(data):
    """Returns a pack's header and its `{name: float32 or int32 array}`.

    Args:
        data: Bytes, which may be untrusted; unless they are a pack of this
            format, an error of any class is raised.
    """
    header, stored = _read(data)
    arrays = {
        name: _decode(array, stored.get(name + _SCALE))
        for name, array in stored.items()
        if not name.endswith(_SCALE)
    }
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("a weight is not finite")
    return header, arrays


def _encode(name, array, exactness):
    """Returns an array as `{name: array}` in its encoding."""
    if array.dtype == np.int32 or array.ndim < 2:
        return {name: array}
    encoding = exactness[max(n for n in exactness if n <= array.size)]
    if encoding == "float16" and np.abs(array).max() <= _MOST_FLOAT16:
        return {name: array.astype(np.float16)}
    if encoding not in _LARGEST:
        return {name: array}
    largest = np.float32(_LARGEST[encoding])
    scale = np.abs(array).max(axis=-2, keepdims=True) / largest
    whole = np.rint(array / np.maximum(scale, np.finfo(np.float32).tiny))
    return {name: whole.astype(np.int8), name + _SCALE: scale}


def _decode(array, scale):
    if array.dtype == np.int8:
        if scale.shape != (*array.shape[:-2], 1, array.shape[-1]):
            raise ValueError(f"a scale has the shape {scale.shape}")
        return array.astype(np.float32) * scale.astype(np.float32)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype not in (np.float32, np.int32):
        raise ValueError(f"a weight is of type {array.dtype}")
    return array


def _write(header, stored):
    text = np.frombuffer(msgspec.json.encode(header), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **{_HEADER: text}, **stored)
    return file.getvalue()


def _read(data):
    """Returns a pack's header and its arrays as they are stored."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
    if data.startswith(_EARLIER):
        raise ValueError(
            "it was made by an earlier version; run bottlenet-adapt again"
        )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _check_members(archive.infolist())
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        stored = dict(archive)
    text = stored.pop(_HEADER).tobytes()
    return msgspec.json.decode(text, type=LearnedHeader | DattaHeader), stored


def _check_members(members):
    """Raises ValueError unless members are inflated once and to few bytes."""
    names = {member.filename for member in members}
    # NumPy would inflate the last of one name once for each of them.
    if len(names) < len(members) or len(members) > _MOST_MEMBERS:
        raise ValueError(
            f"it has {len(members):,} members of {len(names):,} names, not at "
            f"most {_MOST_MEMBERS} of different names"
        )
    for member in members:
        if member.compress_type not in _COMPRESSIONS:
            raise ValueError(
                f"{member.filename!r} is neither stored nor deflated"
            )
        if not member.filename.endswith(".npy"):
            raise ValueError(f"{member.filename!r} is not a .npy file")
    size = sum(member.file_size for member in members)
    if size > _MOST_INFLATED:
        raise ValueError(f"it inflates to {size:,} bytes")
