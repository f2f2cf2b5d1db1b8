"""The payload parser in the graph against its parts and the byte side.

Parses batches of payloads of 28x28 codes: by `PayloadParser`, by one
`tf.io.decode_jpeg` call for each image in `tf.map_fn` (which checks nothing
and is given whole files), and by `PayloadFormat.unpack` one after the other.
All in turns in one process; the ratios count.

    python benchmarks/serving_parser.py
"""

import os

from timing import in_turns

from bottlenet_tf.cli.program import prepare_tensorflow

prepare_tensorflow()

import numpy as np  # noqa: E402 (after the preparation)
import tensorflow as tf  # noqa: E402

from bottlenet_tf import codec, layers  # noqa: E402

SIDE = 28
REPEATS = 200
PAYLOADS = tf.TensorSpec([None], tf.string)


def feature_like_codes(count):
    """Returns uint8 codes as smooth and as noisy as a trained unit's."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    waves = 128 + 80 * np.sin(x / 5) * np.cos(y / 4)
    noise = rng.normal(0, 10, (count, SIDE, SIDE, 1))
    return np.clip(waves[..., None] + noise, 0, 255).astype(np.uint8)


@tf.function(input_signature=[PAYLOADS])
def one_call_each(files):
    """Decodes whole JPEG files, one call for each."""
    return tf.map_fn(
        lambda file: tf.io.decode_jpeg(
            file, channels=1, dct_method="INTEGER_ACCURATE"
        ),
        files,
        fn_output_signature=tf.uint8,
    )


@tf.function(input_signature=[PAYLOADS])
def nothing(payloads):
    """Costs what calling any function of the graph costs."""
    return tf.strings.length(payloads)


def measure(name, batch):
    """Prints milliseconds and ratios of one codec and batch size."""
    shape = (SIDE, SIDE, 1)
    message = codec.PayloadFormat(
        0x12345678, shape, codec.create_codec(name), True
    )
    codes = feature_like_codes(batch)
    sent = [message.pack(image, (0.0, 3.5)) for image in codes]
    parser = layers.PayloadParser(message)
    payloads = tf.constant(sent)
    files = tf.constant(
        [tf.io.encode_jpeg(c, quality=20).numpy() for c in codes]
    )
    parsing, each, unpacking, calling = in_turns(
        (
            lambda: parser(payloads)[0].numpy(),
            lambda: one_call_each(files).numpy(),
            lambda: [message.unpack(payload) for payload in sent],
            lambda: nothing(payloads).numpy(),
        ),
        REPEATS,
    )
    against_each = f"{parsing / each:.2f} x decode_jpeg in map_fn, "
    print(
        f"{name:4} N={batch:<3} parser {parsing:.2f} ms: "
        f"{against_each if name == 'jpeg' else ''}"
        f"{parsing / unpacking:.2f} x unpack, "
        f"{parsing / calling:.2f} x an empty call",
        flush=True,
    )


def main():
    """Prints a line for each codec and batch size."""
    print(
        f"{len(os.sched_getaffinity(0))} cores, load average "
        f"{os.getloadavg()[0]:.1f}, median of {REPEATS} in turns"
    )
    for name in ("jpeg", "png", "raw"):
        for batch in (1, 16):
            measure(name, batch)


if __name__ == "__main__":
    main()
