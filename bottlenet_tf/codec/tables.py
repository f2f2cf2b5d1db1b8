"""Integer tables of the entropy codec, which code the coefficients."""

import collections
import hashlib
import struct
import zlib

import numpy as np

from bottlenet_tf.codec.base import Fixed

TOTAL = 1 << 16  # A table's frequencies sum to it.
MAX_POINTS = 64
MAX_CELLS = 1 << 22  # Points times coefficients.
MAX_INTERVALS = 1 << 20  # Most of all tables together.
_MAGIC = b"BTT1"
_HEADER = struct.Struct(">4sHHII")  # Magic, tables, points, coefficients, all
# For one operating point. `order`: int32 (coefficients,), the order of coding,
# silent ones last. `rows`: uint16, each one's table, in that order. `active`:
# number of those that are not silent.
Plan = collections.namedtuple("Plan", "order rows active")


class Tables(Fixed):
    """A bank of K static tables, and the table of each coefficient.

    Table k gives the symbols `firsts[k]`, `firsts[k]` + 1, ... an interval
    of 0 ... 65536 each, as wide as its frequency; the last interval is the
    *escape*, for any value beyond them. Everything is an integer, so that
    head and tail of any two machines agree.

    A table of the one symbol 0 with an escape of frequency 1 is *silent*: its
    coefficients are expected to be always 0, and the range coder codes all of
    them as one symbol, which saves time.

    Tables are immutable; those of equal content are equal.

    Args:
        firsts: K integers, each table's smallest symbol, int16.
        frequencies: K sequences of at least two positive integers that sum
            to 65536, the escape's last.
        index: Integer array `(points, coefficients)`, 0 to K - 1.

    Attributes:
        points, coefficients: Their numbers.
        firsts: int32 `(K,)`.
        starts: int32 `(K + 1,)`, where each table begins in `cumulative`.
        cumulative: int32; for each table 0, ..., 65536, one more than its
            intervals.
        index: uint16 `(points, coefficients)`.
        sha256: Hash of the content, hexadecimal; independent of zlib.
    """

    def __init__(self, firsts, frequencies, index):
        self._set(
            _whole("firsts", firsts),
            _whole("sizes", [len(each) for each in frequencies]),
            _whole("frequencies", np.concatenate(frequencies)),
            _whole("index", index),
        )

    def _set(self, firsts, sizes, frequencies, index):
        """Checks int64 arrays and stores them."""
        _check_index(index, len(firsts))
        _check_bank(firsts, sizes, frequencies)
        content = _content(firsts, sizes, frequencies, index)
        # Each table's sums start with 0, so one entry more than frequencies.
        starts = np.append(0, np.cumsum(sizes + 1))
        cumulative = np.insert(frequencies, np.cumsum(sizes) - sizes, 0)
        cumulative = np.cumsum(cumulative)
        before = TOTAL * np.arange(len(sizes))
        cumulative -= np.repeat(before, sizes + 1)
        silent = (sizes == 2) & (firsts == 0)
        silent &= frequencies[np.cumsum(sizes) - sizes] == TOTAL - 1
        arrays = dict(
            firsts=firsts.astype(np.int32),
            starts=starts.astype(np.int32),
            cumulative=cumulative.astype(np.int32),
            index=index.astype(np.uint16),
        )
        for array in arrays.values():
            array.setflags(write=False)
        points, coefficients = index.shape
        self.__dict__.update(
            arrays,
            points=points,
            coefficients=coefficients,
            sha256=hashlib.sha256(content).hexdigest(),
            _silent=silent,
            _content=content,
            _packed=None,
            _plans={},
            _lists=None,
        )

    def __eq__(self, other):
        if not isinstance(other, Tables):
            return NotImplemented
        return self.sha256 == other.sha256

    def __hash__(self):
        return hash(self.sha256)

    def __repr__(self):
        return (
            f"<Tables: {len(self.firsts)} for {self.points} points, "
            f"{self.coefficients} coefficients, sha256 {self.sha256[:8]}>"
        )

    def plan(self, point):
        """Returns the `Plan` of an operating point."""
        if point not in self._plans:
            rows = self.index[point]
            silent = self._silent[rows]
            order = np.argsort(silent, kind="mergesort")  # Stable.
            active = int(len(rows) - silent.sum())
            plan = Plan(order.astype(np.int32), rows[order], active)
            for array in plan[:2]:
                array.setflags(write=False)
            self._plans[point] = plan
        return self._plans[point]

    def lists(self):
        """Returns each table's cumulative frequencies as a Python list."""
        if self._lists is None:
            numbers = self.cumulative.tolist()
            edges = self.starts.tolist()
            lists = [numbers[a:b] for a, b in zip(edges, edges[1:])]
            self.__dict__["_lists"] = lists
        return self._lists

    def to_bytes(self):
        """Returns the tables packed and deflated.

        Tables from `from_bytes` keep their original bytes: another machine's
        zlib may deflate to others.
        """
        if self._packed is None:
            self.__dict__["_packed"] = zlib.compress(self._content, 9)
        return self._packed

    @classmethod
    def from_bytes(cls, data):
        """Returns the tables that `to_bytes` packed.

        Inflates no more than the header states, and at most 11 MiB.
        """
        data = bytes(data)
        tables = cls.__new__(cls)
        tables._set(*_unpack(data))
        tables.__dict__["_packed"] = data
        return tables

    def __getstate__(self):
        return self.to_bytes()

    def __setstate__(self, state):
        self.__dict__.update(Tables.from_bytes(state).__dict__)


def _whole(name, values):
    """Returns int64 of whole numbers."""
    values = np.asarray(values)
    if values.size == 0 or values.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` of tables must be integers, at least one: no float may "
            f"decide the meaning of bytes. Received: {name} of shape "
            f"{values.shape}, {values.dtype}"
        )
    if values.max() >= 1 << 31 or values.min() < -(1 << 31):
        raise ValueError(
            f"`{name}` of tables must fit 32 bits. "
            f"Received: {values.min()} to {values.max()}"
        )
    return values.astype(np.int64)


def _check_index(index, count):
    shape = index.shape
    if len(shape) != 2 or shape[0] > MAX_POINTS or index.size > MAX_CELLS:
        raise ValueError(
            f"`index` must be (points, coefficients), at most {MAX_POINTS} "
            f"points and {MAX_CELLS} entries. Received: shape={shape}"
        )
    if index.min() < 0 or index.max() >= count or count >= TOTAL:
        raise ValueError(
            "`index` must name tables, and there must be fewer than 65536. "
            f"Received: index of {index.min()} to {index.max()}, "
            f"{count} tables"
        )


def _check_bank(firsts, sizes, frequencies):
    if firsts.ndim != 1 or sizes.shape != firsts.shape:
        raise ValueError(
            "Each table must have one first symbol and its frequencies. "
            f"Received: firsts of shape {firsts.shape}, {len(sizes)} tables"
        )
    if frequencies.ndim != 1 or len(frequencies) > MAX_INTERVALS:
        raise ValueError(
            f"Tables must have at most {MAX_INTERVALS} intervals in all. "
            f"Received: frequencies of shape {frequencies.shape}"
        )
    if sizes.min() < 2 or sizes.max() > TOTAL:
        raise ValueError(
            "A table must have at least one symbol, and an escape. "
            f"Received: tables of {sizes.min()} to {sizes.max()} frequencies"
        )
    last = firsts + sizes - 2
    if firsts.min() < -(1 << 15) or last.max() >= 1 << 15:
        raise ValueError(
            "A table's symbols must fit int16. "
            f"Received: symbols {firsts.min()} to {last.max()}"
        )
    sums = np.add.reduceat(frequencies, np.cumsum(sizes) - sizes)
    if frequencies.min() < 1 or np.any(sums != TOTAL):
        raise ValueError(
            "A table's frequencies must be positive and sum to 65536, or some "
            "symbol could not be coded. "
            f"Received: least frequency {frequencies.min()}, sums from "
            f"{sums.min()} to {sums.max()}"
        )


def _content(firsts, sizes, frequencies, index):
    """Returns these tables as bytes, not deflated.

    Header; first symbols, sizes and frequencies of 16 bits; then the index as
    differences from point to point, mostly 0 or small, high bytes before low.
    """
    header = _HEADER.pack(_MAGIC, len(firsts), *index.shape, len(frequencies))
    steps = np.diff(np.vstack([0 * index[:1], index]), axis=0) & (TOTAL - 1)
    return b"".join(
        [
            header,
            firsts.astype(">i2").tobytes(),
            sizes.astype(">u2").tobytes(),
            frequencies.astype(">u2").tobytes(),
            (steps >> 8).astype(np.uint8).tobytes(),
            (steps & 255).astype(np.uint8).tobytes(),
        ]
    )


def _broken(what):
    return ValueError(f"Packed tables must be complete and valid; {what}.")


def _unpack(data):
    """Returns `firsts`, `sizes`, `frequencies` and `index`, int64."""
    inflate = zlib.decompressobj()
    try:
        header = inflate.decompress(data, _HEADER.size)
        if len(header) < _HEADER.size or header[:4] != _MAGIC:
            raise _broken("there is no header of this version")
        _, count, points, coefficients, total = _HEADER.unpack(header)
        cells = points * coefficients
        if not (
            0 < count
            and 0 < points <= MAX_POINTS
            and 0 < cells <= MAX_CELLS
            and 0 < total <= MAX_INTERVALS
        ):
            raise _broken("its header is out of bounds")
        size = 4 * count + 2 * total + 2 * cells
        body = inflate.decompress(inflate.unconsumed_tail, size)
        # The end of the stream may still be missing; it has no data.
        rest = inflate.decompress(inflate.unconsumed_tail, 1)
    except zlib.error as error:
        raise _broken(f"zlib: {error}") from None
    if len(body) != size or rest or not inflate.eof or inflate.unused_data:
        raise _broken("it is longer or shorter than its header says")
    at, parts = 0, []
    for dtype, length in (
        (">i2", count),
        (">u2", count),
        (">u2", total),
        (np.uint8, cells),
        (np.uint8, cells),
    ):
        part = np.frombuffer(body, dtype, length, at)
        at += part.nbytes
        parts.append(part.astype(np.int64))
    firsts, sizes, frequencies, high, low = parts
    if sizes.sum() != total:
        raise _broken("its tables' sizes do not sum to their number")
    steps = (high << 8 | low).reshape(points, coefficients)
    index = np.cumsum(steps, axis=0) & (TOTAL - 1)
    return firsts, sizes, frequencies, index
