"""The server's first step in the graph: payloads in, codes and verdicts out.

The mirror of `PayloadFormat.unpack`, for a batch and without Python, so that a
SavedModel can take the bytes that devices send.
"""

import functools
import zlib

import numpy as np
import tensorflow as tf

from bottlenet_tf.codec import tiling
from bottlenet_tf.codec.payload import RANGE_BYTES, VERSION
from bottlenet_tf.common import graphs
from bottlenet_tf.layers.codec_layer import codec_layer, to_bytes

_ONES = 0xFFFFFFFF
_POLYNOMIAL = 0xEDB88320  # CRC-32's, lowest bit first as in the register.
_UNIT_BYTES = 128
_CHUNK_UNITS = 64
_CHUNK_BYTES = _CHUNK_UNITS * _UNIT_BYTES  # 8 KiB.


def _register(data, register=0):
    """Returns the CRC register (int) after `data`, without inversions."""
    return zlib.crc32(data, register ^ _ONES) ^ _ONES


def _prefix_for(register):
    """Returns the 4 bytes that take an empty register to `register`."""
    for _ in range(32):  # Each goes back one bit.
        if register >> 31:  # Only the polynomial sets the highest bit.
            register = (register ^ _POLYNOMIAL) << 1 | 1
        else:
            register <<= 1
    return register.to_bytes(4, "little")


def _shifted(registers, zeros, places):
    """Returns int32 `(places, len(registers))`; row j: j times `zeros` on."""
    rows = [registers]
    for _ in range(places - 1):
        rows.append([_register(zeros, each) for each in rows[-1]])
    return np.array(rows, np.uint32).view(np.int32)


@functools.cache
def _tables():
    """Returns a byte's contribution to the register, by place and value.

    int32 `(128, 256)` of a message's byte, as many bytes before the end of its
    unit; `(256, 256)` of a register's byte, by unit and byte; `(4, 256)` of a
    register's byte one chunk on.
    """
    message = [_register(bytes([value])) for value in range(256)]
    register = [value << 8 * i for i in range(4) for value in range(256)]
    unit = _shifted(register, bytes(_UNIT_BYTES), _CHUNK_UNITS)
    chunk = _shifted(register, bytes(_CHUNK_BYTES), 2)[1]
    return (
        _shifted(message, b"\0", _UNIT_BYTES),
        unit.reshape(-1, 256),
        chunk.reshape(-1, 256),
    )


def _look_up(values, table):
    """Returns the XOR over j of `table[j, values[..., j]]`."""
    index = values + 256 * np.arange(len(table), dtype=np.int32)
    found = tf.gather(table.reshape(-1), index)
    for _ in range(len(table).bit_length() - 1):  # A power of two.
        found = tf.bitwise.bitwise_xor(*tf.split(found, 2, axis=-1))
    return found[..., 0]


def _register_bytes(registers):
    """Splits int32 `(...)` into its bytes, int32 `(..., 4)`, lowest first."""
    shifted = tf.bitwise.right_shift(registers[..., None], [0, 8, 16, 24])
    return tf.bitwise.bitwise_and(shifted, 255)


class Crc32:
    """zlib's CRC-32 of many strings at once, without a loop over bytes.

    The register is linear over GF(2): each byte adds (XOR) something that
    depends on its value and its distance from the end alone. So bytes are
    looked up, 128 to a unit, and then the sums of up to 64 units. Zeros before
    a message add nothing to an empty register, so messages of any lengths share
    one array. The register is emptied by opening each message with the 4 bytes
    that lead from an empty one to the seed's.

    The tables take 388 KiB; messages beyond 8 KiB go chunk after chunk. Memory
    is 1 byte for each of the batch times the longest message, and about 16 for
    those of one chunk.

    Args:
        seed: The CRC-32 (int) of the bytes before every message.
        max_bytes: Length of the longest message there may be.

    Returns:
        int64 `(batch,)`, 0 to 2**32 - 1, of strings `(batch,)`.
    """

    def __init__(self, seed, max_bytes):
        self._prefix = _prefix_for(seed ^ _ONES)
        self._one_chunk = len(self._prefix) + max_bytes <= _CHUNK_BYTES

    def __call__(self, messages):
        messages = tf.strings.join([self._prefix, messages])
        lengths = tf.strings.length(messages)
        longest = tf.reduce_max(tf.concat([lengths, [1]], axis=0))
        units = -(-longest // _UNIT_BYTES)
        rows = tf.io.decode_raw(
            messages, tf.uint8, fixed_length=units * _UNIT_BYTES
        )
        # (batch, distance from the end); zeros beyond a message's start.
        rows = tf.reverse_sequence(rows, lengths, seq_axis=1)
        if self._one_chunk:
            register = _chunk_register(rows)
        else:
            register = _register_of_chunks(rows)
        register = tf.cast(tf.bitwise.invert(register), tf.int64)
        return tf.bitwise.bitwise_and(register, _ONES)


def _chunk_register(rows):
    """Returns int32 `(batch,)` of uint8 `(batch, whole units)`."""
    values = tf.reshape(tf.cast(rows, tf.int32), (-1, _UNIT_BYTES))
    units = _look_up(values, _tables()[0])
    units = tf.reshape(units, (-1, tf.shape(rows)[1] // _UNIT_BYTES))
    spare = _CHUNK_UNITS - tf.shape(units)[1]
    units = tf.pad(units, ((0, 0), (0, spare)))
    values = tf.reshape(_register_bytes(units), (-1, 4 * _CHUNK_UNITS))
    return _look_up(values, _tables()[1])


def _register_of_chunks(rows):
    """Returns int32 `(batch,)` of uint8 `(batch, whole units)`."""

    def step(i, register):
        chunk = rows[:, i * _CHUNK_BYTES : (i + 1) * _CHUNK_BYTES]
        before = _look_up(_register_bytes(register), _tables()[2])
        added = _chunk_register(chunk)
        return i - 1, tf.bitwise.bitwise_xor(before, added)

    # From a message's start, the last chunk, to its end.
    last = (tf.shape(rows)[1] - 1) // _CHUNK_BYTES
    empty = tf.zeros_like(rows[:, 0], tf.int32)
    return tf.while_loop(lambda i, _: i >= 0, step, (last, empty))[1]


class PayloadParser(tf.Module):
    """Checks and decodes a batch of payloads; a bad one fails alone.

    ```
    payload -> size -> version -> checksum -> point -> range -> codec -> codes
    ```

    Accepts and refuses the same payloads as `PayloadFormat.unpack` and gives
    the same codes; the codec's `graph_decoder` states any exception. A payload
    that breaks a rule is replaced, before more work is done on it, by a valid
    one of blank codes, so it neither raises nor touches its neighbours.

    It does not dequantize: where the format sends no range, the tail knows
    it. It has no variables. Everything in it is a TensorFlow op, so
    `tf.saved_model.save` exports it, alone or in a larger module.

    Args:
        message: The `PayloadFormat` of the unit.

    Call arguments:
        payloads: string `(batch,)`; the batch may be empty.

    Returns:
        `(codes, code_range, point_index, status)`: float32 whole numbers
        `(batch, *shape)`; float32 `(batch, 2)`, low and high, which mean
        something only if the format sends them; int32 `(batch,)`, an index
        into the format's `points`; int32 `(batch,)`, an index into
        `layers.STATUSES`. Codes of a status other than 0 are blank, 128 if
        they are uint8 and else 0; their range is (0, 1) and their point 0.

    Raises:
        NotImplementedError: if the codec has no decoder in the graph.
        ValueError: if the shape is beyond that decoder's limits.
    """

    def __init__(self, message, name="payload_parser"):
        super().__init__(name=name)
        layer = codec_layer(message.codec)
        self._decode = layer.graph_decoder(message.shape)
        self._message = message
        # The checksum covers the point's byte first.
        self._crc = Crc32(message.crc_start, 1 + message.most_bytes)
        dtype = message.codec.code_dtype
        self._blank = tiling.SPARE_CODE if dtype == np.uint8 else 0
        codes = np.full(message.shape, self._blank, dtype)
        self._blank_data = message.codec.encode(codes)

    @graphs.function(
        input_signature=[tf.TensorSpec([None], tf.string, "payload")]
    )
    def __call__(self, payloads):
        # Strings and image decoders have no kernels elsewhere; this avoids
        # copies to a server's GPU and back.
        with tf.device("CPU:0"):
            return self._parse(payloads)

    def _parse(self, payloads):
        message = self._message
        overhead = message.overhead_bytes
        lengths = tf.strings.length(payloads)
        right_size = (lengths >= message.least_bytes) & (
            lengths <= message.most_bytes
        )
        stand_in = bytes(overhead) + self._blank_data
        payloads = tf.where(right_size, payloads, stand_in)
        right_version, intact, point = self._read_header(payloads)
        code_range, usable = self._code_range(payloads)

        known = point < len(message.points)
        rules = [right_size, right_version, intact, known, usable]
        honest = tf.reduce_all(tf.stack(rules), axis=0)
        point = tf.where(honest, point, 0)
        image_data = tf.where(
            honest, _from(payloads, overhead), self._blank_data
        )
        codes, decodable = self._decode(image_data, point)

        rules.append(decodable)
        status = tf.zeros_like(lengths)
        for i, kept in reversed(list(enumerate(rules, 1))):
            status = tf.where(kept, status, i)
        ok = status == 0
        each = tf.reshape(ok, (-1, *(1 for _ in message.shape)))
        codes = tf.where(each, codes, float(self._blank))
        code_range = tf.where(ok[:, None], code_range, [0.0, 1.0])
        return codes, code_range, tf.where(ok, point, 0), status

    def _read_header(self, payloads):
        """Returns `(right_version, intact, point)`, each `(batch,)`."""
        fields = self._message.layout
        header = tf.io.decode_raw(
            tf.strings.substr(payloads, 0, fields.size),
            tf.uint8,
            fixed_length=fields.size,
        )
        # The header as one big-endian number.
        places = 256 ** np.arange(fields.size, dtype=np.int64)[::-1]
        header = tf.reduce_sum(tf.cast(header, tf.int64) * places, axis=1)
        point = header // 2**fields.crc % 2**fields.point
        covered = tf.strings.join(
            [to_bytes(point, 1), _from(payloads, fields.size)]
        )
        crc = self._crc(covered)
        want = (self._message.first + point) * 2**fields.crc
        want += crc // 2 ** (32 - fields.crc)
        right_version = header // places[0] // 16 == VERSION
        return right_version, header == want, tf.cast(point, tf.int32)

    def _code_range(self, payloads):
        """Returns float32 `(batch, 2)` and whether it is usable, bool."""
        if not self._message.sends_range:
            nothing = tf.zeros_like(payloads, tf.float32)
            return tf.stack([nothing, nothing + 1], axis=1), nothing == 0
        start = self._message.layout.size
        ends = tf.strings.substr(payloads, start, RANGE_BYTES)
        ends = tf.io.decode_raw(ends, tf.uint16, fixed_length=RANGE_BYTES)
        ends = tf.cast(tf.bitcast(ends, tf.float16), tf.float32)
        ordered = ends[:, 0] <= ends[:, 1]  # False for NaN.
        return ends, ordered & tf.reduce_all(tf.math.is_finite(ends), axis=1)


def _from(strings, start):
    """Returns the rests of strings, none of them shorter, from a place on."""
    rest = tf.strings.length(strings) - start
    return tf.strings.substr(strings, tf.fill(tf.shape(rest), start), rest)
