"""Random tables, codes and streams for the tests of the entropy codec."""

import numpy as np

from bottlenet_tf.codec.tables import TOTAL, Tables

SILENT = (0, [TOTAL - 1, 1])


def random_table(rng):
    """Returns `(first, frequencies)`: uniform, skewed or of one symbol."""
    symbols = int(rng.choice([1, 2, 3, 10, 127]))
    weights = rng.exponential(size=symbols + 1) ** rng.choice([0, 1, 4, 12])
    spare = TOTAL - symbols - 1
    frequencies = 1 + np.floor(weights / weights.sum() * spare).astype(int)
    frequencies[rng.integers(symbols + 1)] += TOTAL - frequencies.sum()
    return int(rng.integers(-symbols - 2, 3)), frequencies


def random_tables(rng, coefficients, points=2, silent=True):
    """Returns `Tables` of six tables, with a silent one or not."""
    bank = [random_table(rng) for _ in range(6)]
    if silent:
        bank[0] = SILENT
    firsts, frequencies = zip(*bank, strict=True)
    index = rng.integers(0, len(bank), (points, coefficients))
    return Tables(firsts, frequencies, index)


def random_codes(rng, coefficients):
    """Returns int16 codes: all 0, small, of any size, or one of any size."""
    codes = np.zeros(coefficients, np.int16)
    kind = rng.integers(4)
    if kind == 1:
        codes[:] = rng.integers(-3, 4, coefficients)
    elif kind == 2:
        codes[:] = rng.integers(-32768, 32768, coefficients)
    elif kind == 3:
        codes[rng.integers(coefficients)] = rng.integers(-32768, 32768)
    return codes


def hostile_streams(rng, honest):
    """Yields what a stream may have become, and noise."""
    yield from (honest[:length] for length in range(len(honest)))
    for more in (b"\0", b"\1", b"\xff", b"\0\0\0\0\0\0\0\1", honest):
        yield honest + more
    for i in range(len(honest)):
        changed = bytearray(honest)
        changed[i] ^= 1 << int(rng.integers(8))
        yield bytes(changed)
    for length in (0, 1, 2, 3, 5, 8, 13, 40):
        yield rng.integers(0, 256, length, np.uint8).tobytes()
        yield b"\xff" * length  # Above the last symbol's interval.
        yield b"\0" * length
