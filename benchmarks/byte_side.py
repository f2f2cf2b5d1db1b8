"""Times the codecs: one quantised plane to its payload and back.

    python benchmarks/byte_side.py

prints, for each codec, median and 95th percentile of pack (codes -> payload)
and unpack (payload -> codes) in microseconds, and the ratio to the bare
library call on the same plane, measured alternately in the same run. Then
the in-graph JPEG round trip of a training batch (`--no_graph` skips it, and
TensorFlow).
"""

import argparse
import os
import statistics
import zlib

import numpy as np
from timing import cores_and_load, times_in_turns

from bottlenet_tf.codec import (
    PayloadFormat,
    create_codec,
    jpeg,
    lossless,
    tiling,
)

CODE_RANGE = (0.0, 3.5)


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=28, help="pixels a side")
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--quality", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=300, help="calls")
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--no_graph", action="store_true")
    return parser.parse_args(argv)


def feature_like_codes(size, channels, batch=1):
    """Returns uint8 codes as smooth and as noisy as a trained unit's."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    waves = 128 + 80 * np.sin(x / 5) * np.cos(y / 4)
    noise = rng.normal(0, 10, (batch, size, size, channels))
    return np.clip(waves[..., None] + noise, 0, 255).astype(np.uint8)


def median_and_p95(ordered):
    """Returns median and 95th percentile of sorted values."""
    return statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))]


def bare_calls(name, codes, quality):
    """Returns the library's own encode and decode of the same pixels."""
    plane = tiling.tile(codes)
    if name == "raw":
        data = zlib.compress(plane.tobytes(), 9)
        return (
            lambda: zlib.compress(plane.tobytes(), 9),
            lambda: zlib.decompress(data),
        )
    if name == "png":
        file = lossless._encode_file(plane)
        return (
            lambda: lossless._encode_file(plane),
            lambda: lossless._decode_file(file),
        )
    file = jpeg._encode_file(plane, quality)
    return (
        lambda: jpeg._encode_file(plane, quality),
        lambda: jpeg._decode_file(file),
    )


def byte_side(name, args):
    """Measures one codec and prints its line."""
    codes = feature_like_codes(args.size, args.channels)[0]
    config = {"quality": args.quality} if name == "jpeg" else {}
    codec = create_codec(name, **config)
    message = PayloadFormat(0x12345678, codes.shape, codec, True)
    payload = message.pack(codes, CODE_RANGE)
    encode, decode = bare_calls(name, codes, args.quality)
    functions = (
        lambda: message.pack(codes, CODE_RANGE),
        encode,
        lambda: message.unpack(payload),
        decode,
    )
    times = times_in_turns(functions, args.calls, args.warmup)
    pack, bare_pack, unpack, bare_unpack = map(median_and_p95, times)
    parts = [
        f"{label} {1e3 * ours[0]:.1f} us (p95 {1e3 * ours[1]:.1f}), "
        f"{ours[0] / bare[0]:.1f} x the bare {1e3 * bare[0]:.1f}"
        for label, ours, bare in (
            ("pack", pack, bare_pack),
            ("unpack", unpack, bare_unpack),
        )
    ]
    print(f"{name:4} {len(payload):4} B  {'; '.join(parts)}", flush=True)


def in_graph(args):
    """Measures the JPEG layer on one batch and prints its line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from bottlenet_tf.layers import JpegRoundTrip

    codes = feature_like_codes(args.size, args.channels, args.batch_size)
    codes = tf.constant(codes, tf.float32)
    layer = JpegRoundTrip(create_codec("jpeg", quality=args.quality))
    layer.build(codes.shape)
    run = tf.function(layer.call)
    call = [lambda: run(codes)[1].numpy()]
    (times,) = times_in_turns(call, args.batches, warmup=20)
    median, p95 = median_and_p95(times)
    print(
        f"JpegRoundTrip in a tf.function, batch {args.batch_size}: "
        f"{median:.2f} ms (p95 {p95:.2f}), "
        f"{1e3 * median / args.batch_size:.1f} us an image"
    )


def main(argv=None):
    """Measures and prints."""
    args = parse_args(argv)
    print(
        f"{args.size}x{args.size}x{args.channels} codes, quality "
        f"{args.quality}, n={args.calls} after {args.warmup}, imagecodecs "
        f"{'absent' if jpeg.imagecodecs is None else 'present'}, "
        f"{cores_and_load()}"
    )
    for name in ("jpeg", "png", "raw"):
        byte_side(name, args)
    if not args.no_graph:
        in_graph(args)


if __name__ == "__main__":
    main()
