"""The entropy codec in the graph: the decoder that a server runs."""

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf.codec.tables import TOTAL
from bottlenet_tf.layers.codec_layer import ByteRoundTrip

_LOW_RANGE = 1 << 32
_FULL_RANGE = 1 << 48
_STRIDE = 2 * TOTAL  # Between the keys of two tables.
_ESCAPE = TOTAL  # Stands for a code that follows in 16 bits.
_RUN = 8  # Steps of a loop's body; a loop costs as much as half a step.
_SPARE_WORDS = 4  # Zeros after the longest stream; at least 6 bytes.


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class EntropyCode(ByteRoundTrip):
    """Graph form of the entropy codec; see `ByteRoundTrip`.

    Coding is exact and tables are made after training, so units that use it
    train without it: only a server needs a graph form.
    """

    def graph_decoder(self, shape):
        """Returns the decoder of image data from outside; see `CodecLayer`.

        It accepts the same data as the byte form. All images of a batch are
        decoded together, a loop's step for each coefficient up to the last that
        is not silent at any of their points, unless an image has others.
        """
        self.codec.check_shape(shape)
        return _Decoder(self.codec)


class _Decoder:
    """The decoder of `codec.range_coder` for a batch, of TensorFlow ops.

    All tables are in one sorted list: entry a of table k has the key `k * 2**17
    + a`, where a is a cumulative frequency, so that one search finds a number's
    symbol. Where an image has nothing left to decode and another has, a table
    of one symbol of all 65536 is used, which moves nothing.

    A stream that is refused gives L + R <= C, which then lasts: 65536, a
    table's last entry, has low 0 and width 1, and C - L is kept at R.
    """

    def __init__(self, codec):
        tables = codec.tables
        self._max_bytes = codec.max_bytes((tables.coefficients,))
        self._sort_entries(tables)
        plans = [tables.plan(point) for point in range(tables.points)]
        self._active = np.array([plan.active for plan in plans], np.int32)
        # Active coefficients, the flag if there are silent ones, then those.
        rows = np.full((len(plans), tables.coefficients + 1), self._nothing)
        places = np.empty((len(plans), tables.coefficients), np.int32)
        for plan, row, place in zip(plans, rows, places, strict=True):
            sequence = plan.rows
            if plan.active < len(sequence):  # The flag's table is theirs.
                flag = sequence[plan.active]
                sequence = np.insert(sequence, plan.active, flag)
            row[: len(sequence)] = sequence
            place[plan.order] = np.arange(len(place))
        self._rows = rows.astype(np.int32)
        self._places = places
        silent = self._active < tables.coefficients
        self._first = self._active + silent  # Symbols that every stream has.

    def _sort_entries(self, tables):
        """Makes the sorted list, and a table that moves nothing."""
        starts, last = tables.starts[:-1], tables.starts[1:] - 1
        lengths = np.diff(tables.starts)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        lows = tables.cumulative.astype(np.int64)
        keys = rows * _STRIDE + lows
        widths = np.append(np.diff(lows), 1)
        symbols = np.arange(len(lows)) - np.repeat(starts, lengths)
        symbols += np.repeat(tables.firsts, lengths)
        lows[last], widths[last], symbols[last - 1] = 0, 1, _ESCAPE
        nothing = len(lengths)
        self._nothing = nothing
        ends = nothing * _STRIDE + np.array([0, TOTAL])
        self._keys = np.append(keys, ends).astype(np.int64)[None]
        self._lows = np.append(lows, [0, 0])
        self._widths = np.append(widths, [TOTAL, 1])
        self._symbols = np.append(symbols, [0, 0]).astype(np.int32)
        # Of each table, and of nothing.
        self._firsts = np.append(tables.firsts, 0).astype(np.int32)
        self._escapes = np.append(lengths - 2, 0).astype(np.int32)

    def __call__(self, image_data, point):
        known = (point >= 0) & (point < len(self._active))
        point = tf.cast(tf.where(known, point, 0), tf.int32)
        short = tf.strings.length(image_data) <= self._max_bytes
        image_data = tf.where(short, image_data, b"")
        stream = _Stream(image_data)

        active = tf.gather(self._active, point)
        rows = self._first_rows(point)
        values = self._read(stream, rows)
        column = tf.range(tf.shape(values)[1])[None]
        at_flag = (column == active[:, None]) & (values == _ESCAPE)
        raised = tf.reduce_any(at_flag, axis=1)
        is_code = column < active[:, None]
        raised &= active < self._places.shape[1]
        values = tf.where(is_code, values, 0)

        silent_rows = self._silent_rows(point, raised)
        silent = self._read(stream, silent_rows)
        split = tf.shape(values)[1]
        values = tf.concat([values, silent], axis=1)
        rows = tf.concat([rows, silent_rows], axis=1)
        values, needed = self._unescape(stream, values, rows)
        any_silent = tf.reduce_any(values[:, split:] != 0, axis=1)

        decodable = stream.is_whole(image_data) & needed & known & short
        decodable &= any_silent | ~raised
        return self._in_place(values, point, active, split), decodable

    def _first_rows(self, point):
        """Returns tables of active coefficients and flag, `(batch, _)`."""
        first = tf.gather(self._first, point)
        steps = _most(first)
        rows = tf.gather(tf.constant(self._rows)[:, :steps], point)
        present = tf.range(steps)[None] < first[:, None]
        return tf.where(present, rows, self._nothing)

    def _silent_rows(self, point, raised):
        """Returns tables of silent coefficients where the flag is raised."""
        first = tf.gather(self._first, point)
        count = self._rows.shape[1] - first
        count = tf.where(raised, count, 0)
        column = tf.range(_most(count))[None]
        index = tf.minimum(first[:, None] + column, self._rows.shape[1] - 1)
        index += point[:, None] * self._rows.shape[1]
        rows = tf.gather(self._rows.reshape(-1), index)
        return tf.where(column < count[:, None], rows, self._nothing)

    def _read(self, stream, rows):
        """Decodes a symbol by each of `rows`; int32 `(batch, steps)`."""
        steps = tf.shape(rows)[1]
        spare = [[0, 0], [0, _RUN - 1]]
        rows = tf.pad(rows, spare, constant_values=self._nothing)
        keys = tf.cast(tf.transpose(rows), tf.int64)[:, None] * _STRIDE

        def choose(i, value, unit):
            key = tf.gather(keys, i) + tf.raw_ops.Div(x=value, y=unit)
            found = tf.raw_ops.UpperBound(sorted_inputs=self._keys, values=key)
            found -= 1
            low = tf.gather(self._lows, found)
            return found, low, tf.gather(self._widths, found)

        found = stream.decode(choose, steps)
        return tf.gather(self._symbols, found)

    def _unescape(self, stream, values, rows):
        """Puts the values of escaped coefficients in their places.

        Also returns, bool `(batch,)`, whether no escape stands for a value in
        its table.
        """
        escaped = values == _ESCAPE
        count = tf.reduce_sum(tf.cast(escaped, tf.int32), axis=1)

        def choose(i, value, unit):
            present = (i < count)[None]
            raw = tf.raw_ops.Div(x=value, y=unit)
            raw = tf.where(present, tf.minimum(raw, TOTAL - 1), 0)
            width = tf.where(present, np.int64(1), np.int64(TOTAL))
            return tf.cast(raw, tf.int32), raw, width

        raw = stream.decode(choose, _most(count))
        at = tf.where(escaped)  # (escapes, 2), in order of image and coding.
        rank = tf.cumsum(tf.cast(escaped, tf.int64), axis=1, exclusive=True)
        rank = tf.gather_nd(rank, at)
        codes = tf.gather_nd(raw, tf.stack([at[:, 0], rank], axis=1))
        codes -= tf.where(codes >= TOTAL // 2, TOTAL, 0)
        row = tf.gather_nd(rows, at)
        symbol = codes - tf.gather(self._firsts, row)
        has = (symbol >= 0) & (symbol < tf.gather(self._escapes, row))
        idle = tf.math.unsorted_segment_sum(
            tf.cast(has, tf.int32), at[:, 0], tf.shape(values)[0]
        )
        return tf.tensor_scatter_nd_update(values, at, codes), idle == 0

    def _in_place(self, values, point, active, split):
        """Returns float32 codes in the unit's order, silent ones 0."""
        column = tf.gather(self._places, point)
        silent = column - active[:, None]
        end = tf.shape(values)[1]
        column = tf.where(silent < 0, column, tf.minimum(split + silent, end))
        values = tf.pad(values, ((0, 0), (0, 1)))
        codes = tf.gather(values, column, batch_dims=1)
        return tf.cast(codes, tf.float32)


def _most(numbers):
    """Returns the largest of counts `(batch,)`, 0 for an empty batch."""
    return tf.reduce_max(tf.concat([numbers, [0]], axis=0))


class _Stream:
    """Positions of the decoders of a batch; tensors `(1, batch)`."""

    def __init__(self, image_data):
        lengths = tf.strings.length(image_data)
        width = (_most(lengths) + 1) // 2 + _SPARE_WORDS
        digits = tf.io.decode_raw(image_data, tf.uint8, fixed_length=2 * width)
        digits = tf.cast(digits, tf.int64)
        self._lengths = tf.cast(lengths, tf.int64)
        last = tf.maximum(lengths - 1, 0)
        self._last = tf.gather(digits, last, batch_dims=1)
        words = digits[:, ::2] * 256 + digits[:, 1::2]
        self._words = tf.reshape(words, (-1,))
        width = tf.cast(width, tf.int64)
        self._start = tf.range(tf.shape(words, tf.int64)[0])[None] * width
        self._end = self._start + width - 1
        first = (words[:, 0] * 65536 + words[:, 1]) * 65536 + words[:, 2]
        self._value = first[None]
        self._size = tf.fill(tf.shape(self._start), np.int64(_FULL_RANGE))
        self._at = self._start + 3

    def decode(self, choose, steps):
        """Returns `steps` symbols of each image, int32 `(batch, steps)`.

        Up to 7 more are decoded, which must move nothing. `choose` computes,
        from the step, C - L and r, the symbol's int32, low and width of 65536.
        """
        runs = (steps + _RUN - 1) // _RUN
        # One more than needed: an empty stack would not know the batch, which a
        # server's TensorFlow refuses.
        kept = tf.TensorArray(tf.int32, runs + 1, element_shape=(_RUN, None))
        blank = tf.zeros_like(self._value, tf.int32)
        kept = kept.write(runs, tf.repeat(blank, _RUN, axis=0))

        def run(i, value, size, at, kept):
            symbols = []
            for k in range(_RUN):
                symbol, value, size, at = step(i * _RUN + k, value, size, at)
                symbols.append(symbol)
            kept = kept.write(i, tf.concat(symbols, axis=0))
            return i + 1, value, size, at, kept

        def step(i, value, size, at):
            small = size < _LOW_RANGE
            word = tf.gather(self._words, tf.minimum(at, self._end))
            more = tf.cast(small, tf.int64)
            shift = tf.where(small, np.int64(TOTAL), np.int64(1))
            value = value * shift + word * more
            unit = tf.bitwise.right_shift(size * shift, np.int64(16))
            symbol, low, width = choose(i, value, unit)
            size = width * unit
            value = tf.minimum(value - low * unit, size)
            return symbol, value, size, at + more

        _, self._value, self._size, self._at, kept = tf.while_loop(
            lambda i, *_: i < runs,
            run,
            (0, self._value, self._size, self._at, kept),
        )
        found = tf.reshape(kept.stack(), (-1, tf.shape(blank)[1]))
        return tf.transpose(found[:steps])

    def is_whole(self, image_data):
        """Whether an encoder can have made these streams.

        See `range_coder`; nothing can be decoded after this.
        """
        ones = tf.ones_like(self._value)

        def choose(i, value, unit):
            return tf.zeros_like(value, tf.int32), 0 * ones, TOTAL * ones

        self.decode(choose, 1)
        value, size = self._value[0], self._size[0]
        zeros = 2 * (self._at - self._start)[0] - self._lengths
        step = tf.bitwise.left_shift(
            np.int64(1), 8 * tf.clip_by_value(zeros, 0, 6)
        )
        shortest = (value < step) & (value + (256 - self._last) * step >= size)
        shortest &= (zeros >= 0) & (self._last > 0)
        return (value < size) & (shortest | (self._lengths == 0))
