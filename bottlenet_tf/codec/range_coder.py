"""Range coder of integer codes with static tables: streams of 0 bytes and up.

The reference form, plain Python and NumPy; `_range_coder.c` is the same in C
and is used if it was built. `layers.entropy` decodes in a graph.

**Symbols.** At an operating point, these are coded one after the other:

1. each active coefficient, in order, with its table; a value beyond the
   table's symbols as the escape;
2. if there are silent coefficients (see `Tables`), one symbol of their table:
   0 if all of them are 0, else the escape, and then each of them like those
   of 1;
3. the value of each escaped coefficient, in the same order: 16 bits of two's
   complement, as one of 65536 equal symbols.

**Arithmetic.** A stream is the digits, base 256, of a number C from 0 to 1. A
symbol that occupies [a, a + f) of 65536 narrows the interval [L, L + R) in
which C lies, in units of a window that moves right by 16 bits whenever there
is room:

    if R < 2**32:  L, R = 2**16 L, 2**16 R
    r = floor(R / 2**16)
    L, R = L + a r, f r

starting from L = 0, R = 2**48, so always 2**32 <= R <= 2**48 before `r` is
taken: the rounding costs a millionth of a bit per symbol. At the end one more
"symbol" with a = 0, f = 65536 follows, which makes R a multiple of 2**16. The
stream is then the shortest string of bytes whose number lies in [L, L + R), and
the smallest of those; its trailing zeros are omitted and implied. It is at most
a byte longer than the sum of the symbols' -log2(f / 65536), and a third of a
byte on average.

**Refusals.** A stream is decoded if and only if it is the one that
`encode_batch` makes of the codes: there is one stream for each array of codes.
So these are refused: trailing zero bytes; bytes beyond those needed, or another
number in the interval; a number in no symbol's interval (rounding leaves some
between the last symbol's and L + R); an escaped value that the table has; a
flag for silent coefficients that are all 0.

Reference:
    Martin, 1979, "Range encoding: an algorithm for removing redundancy from a
    digitised message"; Moffat, Neal, Witten, 1998, doi:10.1145/290159.290162,
    for low and range.
"""

import itertools
import struct
from bisect import bisect_right

import numpy as np

from bottlenet_tf.codec.base import PayloadError
from bottlenet_tf.codec.tables import TOTAL

try:  # 20 to 50 times faster; the same bytes, codes and refusals.
    from bottlenet_tf.codec import _range_coder as _native
except ImportError:  # Not built, as on most devices.
    _native = None

_LOW_RANGE = 1 << 32
_FULL_RANGE = 1 << 48
_FINISH = [0, TOTAL]  # Cumulative frequencies of the last "symbol".
_UNIFORM = range(TOTAL + 1)  # The same of an escaped value's 16 bits.


def encode_batch(codes, tables, point):
    """Returns the streams of int16 codes `(images, coefficients)`, a list."""
    if _native is None:
        return [_encode(each, tables, point) for each in codes]
    return _native.encode(np.ascontiguousarray(codes), *_arrays(tables, point))


def decode(data, tables, point):
    """Returns the int16 codes `(coefficients,)` of a stream.

    Takes time and memory in proportion to the coefficients, whatever `data`.
    """
    if _native is None:
        codes = _decode(data, tables, point)
    else:
        codes = np.empty(tables.coefficients, np.int16)
        if not _native.decode(data, codes, *_arrays(tables, point)):
            codes = None
    if codes is None:
        raise PayloadError(
            "An entropy-coded stream must be the one that its codes encode to; "
            "these bytes are damaged or were never encoded. Received: "
            f"{len(data)} bytes at point {point}"
        )
    return codes


def _arrays(tables, point):
    """Returns the last arguments of both functions of the C form."""
    plan = tables.plan(point)
    return (*plan, tables.starts, tables.firsts, tables.cumulative)


def _encode(codes, tables, point):
    """The plain form of `encode_batch`, for one image."""
    plan = tables.plan(point)
    values = codes[plan.order].astype(np.int64)
    active = plan.active
    has_silent = active < len(values)
    raised = has_silent and bool(values[active:].any())
    if not raised:
        values = values[:active]
    slots, escaped = _slots(values, plan.rows[: len(values)], tables)
    if has_silent:  # The flag's symbols are those of the silent table.
        flag = tables.starts[plan.rows[active]] + raised
        slots = np.insert(slots, active, flag)
    lows = tables.cumulative[slots]
    widths = tables.cumulative[slots + 1] - lows
    raw = values[escaped] & (TOTAL - 1)
    return _narrow(
        itertools.chain(lows.tolist(), raw.tolist()),
        itertools.chain(widths.tolist(), itertools.repeat(1, len(raw))),
    )


def _slots(values, rows, tables):
    """Returns each value's position in `cumulative`, and whether it escapes."""
    starts = tables.starts[rows]
    escapes = tables.starts[rows + np.int32(1)] - starts - 2
    offsets = values - tables.firsts[rows]
    escaped = (offsets < 0) | (offsets >= escapes)
    return starts + np.where(escaped, escapes, offsets), escaped


def _narrow(lows, widths):
    """Returns the stream of symbols that occupy [low, low + width)."""
    words = []  # 16 bits each, and a carry into the previous one.
    low, size = 0, _FULL_RANGE
    for start, width in zip(lows, widths):
        if size < _LOW_RANGE:
            words.append(low >> 32)
            low = (low & 0xFFFFFFFF) << 16
            size <<= 16
        size >>= 16
        low += start * size
        size *= width
    if size < _LOW_RANGE:
        words.append(low >> 32)
        low = (low & 0xFFFFFFFF) << 16
        size <<= 16
    size = size >> 16 << 16
    # The number in [low, low + size) with most zeros: of a window of 48 bits,
    # at least 32.
    for zeros in (48, 40, 32):
        number = -(-low >> zeros) << zeros
        if number < low + size:
            break
    words += (number >> 32, number >> 16 & 0xFFFF, number & 0xFFFF)
    for i in range(len(words) - 1, 0, -1):
        words[i - 1] += words[i] >> 16
        words[i] &= 0xFFFF
    return struct.pack(">%dH" % len(words), *words).rstrip(b"\0")


class _Reader:
    """A decoder's state: C - L, R and the number of words read."""

    def __init__(self, data):
        padded = data + bytes(6 + len(data) % 2)
        words = struct.unpack(">%dH" % (len(padded) // 2), padded)
        self.value = words[0] << 32 | words[1] << 16 | words[2]
        self.size = _FULL_RANGE
        self.words = 3
        self._next = itertools.chain(words[3:], itertools.repeat(0)).__next__

    def read(self, lists):
        """Returns the symbol's position in each of `lists`, or None.

        None if a number is in no symbol's interval.

        Args:
            lists: Iterable of cumulative frequencies, 0, ..., 65536.
        """
        value, size, words = self.value, self.size, self.words
        symbols = []
        for sums in lists:
            if size < _LOW_RANGE:
                value = value << 16 | self._next()
                size <<= 16
                words += 1
            size >>= 16
            symbol = bisect_right(sums, value // size)
            if symbol == len(sums):
                return None
            low = sums[symbol - 1]
            value -= low * size
            size *= sums[symbol] - low
            symbols.append(symbol - 1)
        self.value, self.size, self.words = value, size, words
        return symbols

    def is_shortest(self, data):
        """Whether all of `data` was needed, as chosen by `encode_batch`."""
        if not data:
            return True
        zeros = 2 * self.words - len(data)
        if zeros < 0 or data[-1] == 0:
            return False
        if zeros >= 6:  # It was the one such number in the interval.
            return True
        # The interval contains neither the previous number of as many zeros,
        # nor the next one of more.
        step = 256**zeros
        return self.value < step and (
            self.value + (256 - data[-1]) * step >= self.size
        )


def _decode(data, tables, point):
    """The plain form of `decode`; None for a refused stream."""
    plan, lists = tables.plan(point), tables.lists()
    data = bytes(data)
    rows, active = plan.rows, plan.active
    reader = _Reader(data)
    has_silent = active < len(rows)
    # The flag's table is the first silent coefficient's.
    first = rows[: active + has_silent].tolist()
    symbols = reader.read([lists[row] for row in first])
    if symbols is None:
        return None
    raised = has_silent and symbols.pop() == 1
    if raised:
        more = reader.read([lists[row] for row in rows[active:].tolist()])
        if more is None:
            return None
        symbols += more
    rows = rows[: len(symbols)]
    values = np.array(symbols, np.int64)
    escapes = tables.starts[rows + np.int32(1)] - tables.starts[rows] - 2
    escaped = np.flatnonzero(values == escapes)
    values += tables.firsts[rows]
    raw = reader.read(itertools.repeat(_UNIFORM, len(escaped)))
    if raw is None or reader.read([_FINISH]) is None:
        return None
    values[escaped] = np.array(raw, np.uint16).astype(np.int16)
    codes = np.zeros(len(plan.order), np.int16)
    codes[plan.order[: len(values)]] = values
    # No value with a symbol may escape, and a flag must be needed.
    _, needed = _slots(values[escaped], rows[escaped], tables)
    if not needed.all() or (raised and not values[active:].any()):
        return None
    return codes if reader.is_shortest(data) else None
