"""Times the entropy codec: 1,000 codes to bytes and back, in all its forms.

    python benchmarks/entropy_coding.py

prints microseconds of encode and decode at a coarse, a middle and a fine
operating point: of the form in C, of the plain one and, for a batch, of the
decoder in the graph (`--no_graph` skips it, and TensorFlow), and the ratio to
zlib on the same codes, measured alternately in the same run. Then the bytes
against the bound, the sum of the symbols' -log2(frequency / 65536).
"""

import argparse
import os
import zlib

import numpy as np
from timing import cores_and_load, in_turns

from bottlenet_tf.codec import range_coder
from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.codec.tables import TOTAL, Tables

BANK = 64
# Widest Laplacian of each point, in steps of the quantizer; the narrowest is
# a hundredth of it.
WIDEST = {"coarse": 0.3, "middle": 1.5, "fine": 8.0}
SILENT_BELOW = 0.04  # Other than 0: exp(-0.5 / 0.04), 4 in a million.


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--coefficients", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=200, help="calls")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--no_graph", action="store_true")
    return parser.parse_args(argv)


def laplacian(scale):
    """Returns `(first, frequencies)` of a rounded Laplacian."""
    if scale < SILENT_BELOW:
        return 0, [TOTAL - 1, 1]
    bound = int(np.ceil(8 * scale)) + 1
    weights = np.exp(-np.abs(np.arange(-bound, bound + 1)) / scale)
    spare = TOTAL - len(weights) - 1
    frequencies = 1 + np.floor(weights / weights.sum() * spare).astype(int)
    frequencies[bound] += TOTAL - 1 - frequencies.sum()
    return -bound, np.append(frequencies, 1)


def laplacian_codec(coefficients):
    """Returns a codec whose coefficients have scales over two decades."""
    rng = np.random.default_rng(0)
    scales = np.geomspace(0.003, 8.0, BANK)
    firsts, frequencies = zip(*map(laplacian, scales), strict=True)
    place = rng.uniform(-2, 0, coefficients)  # Decades.
    wanted = np.log(np.outer(list(WIDEST.values()), 10**place))
    index = np.searchsorted(np.log(scales), wanted).clip(0, BANK - 1)
    tables = Tables(firsts, frequencies, index)
    return EntropyCodec(tables, range(len(WIDEST)))


def draw(codec, point, images):
    """Returns int16 codes drawn by the tables, and their bound in bytes."""
    rng = np.random.default_rng(point)
    codes = np.empty((images, codec.tables.coefficients), np.int16)
    bits = np.zeros(images)
    lists, firsts = codec.tables.lists(), codec.tables.firsts
    for i, k in enumerate(codec.tables.index[point]):
        widths = np.diff(lists[k])
        if len(widths) == 2:  # Silent, and always 0.
            codes[:, i] = 0
            continue
        odds = widths[:-1] / widths[:-1].sum()  # No escapes.
        symbols = rng.choice(len(odds), images, p=odds)
        codes[:, i] = symbols + firsts[k]
        bits += np.log2(TOTAL / widths)[symbols]
    return codes, bits / 8


def byte_forms(codec, point, codes, repeats):
    """Prints both forms' times beside zlib's."""
    tables, data = codec.tables, codec.encode(codes, point)
    shape, native = codes.shape, range_coder._native
    raw = codes.tobytes()
    deflated = zlib.compress(raw)
    calls = {
        "encode, zlib": lambda: zlib.compress(raw),
        "encode, plain": lambda: range_coder._encode(codes, tables, point),
        "decode, zlib": lambda: zlib.decompress(deflated),
        "decode, plain": lambda: range_coder._decode(data, tables, point),
    }
    if native is not None:
        calls["encode, C"] = lambda: codec.encode(codes, point)
        calls["decode, C"] = lambda: codec.decode(data, shape, point)
    times = dict(zip(calls, in_turns(calls.values(), repeats), strict=True))
    for name in sorted(times):
        if not name.endswith("zlib"):
            bare = times[f"{name[:6]}, zlib"]
            print(
                f"  {name:14} {1e3 * times[name]:7.1f} us, "
                f"{times[name] / bare:5.2f} x zlib's {1e3 * bare:.1f}"
            )


def graph_form(codec, point, codes, repeats):
    """Prints the graph decoder's time for a batch."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from bottlenet_tf.layers import codec_layer

    layer = codec_layer(codec)
    decode = tf.function(layer.graph_decoder(codes.shape[1:]))
    data = tf.constant(codec.encode_batch(codes, point))
    points = tf.fill([len(codes)], point)
    (taken,) = in_turns([lambda: decode(data, points)[0].numpy()], repeats)
    active = codec.tables.plan(point).active
    print(
        f"  decode, graph  {1e3 * taken:7.1f} us a batch of {len(codes)}, "
        f"{1e3 * taken / (active + 1):.1f} us a step"
    )


def main(argv=None):
    """Measures and prints."""
    args = parse_args(argv)
    codec = laplacian_codec(args.coefficients)
    print(
        f"{args.coefficients} codes, n={args.repeats}, form in C "
        f"{'absent' if range_coder._native is None else 'present'}, "
        f"{cores_and_load()}"
    )
    for point, name in enumerate(WIDEST):
        codes, bound = draw(codec, point, 1000)
        sizes = codec.sizes(codes, point)
        active = codec.tables.plan(point).active
        print(
            f"{name}: {sizes.mean():.1f} B, {np.mean(sizes - bound):.2f} above "
            f"the bound, {sizes.mean() / bound.mean():.4f} x; {active} active"
        )
        byte_forms(codec, point, codes[0], args.repeats)
        if not args.no_graph:
            batch = codes[: args.batch_size]
            graph_form(codec, point, batch, max(args.repeats // 10, 3))


if __name__ == "__main__":
    main()
