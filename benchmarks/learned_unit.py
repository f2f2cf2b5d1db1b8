r"""The cost of a learned unit at the size of ImageNet, in head and tail.

A ResNet-50 of 224 px and random weights is cut, and a learned unit put in, its
transform in closed form for smooth noise and its steps chosen for about 1,000
bytes an image: times depend on sizes and on how many codes are not zero alone.
On one thread, medians of calls in turns:

1. the prefix alone, the head (prefix and encoder) and the device's half
   (pixels to payload), in ONNX Runtime;
2. for 16 images: the suffix alone on features, the tail on codes and the
   served graph on payloads, at operating points that are mixed;
3. the size of the device's files, and how long unit.json takes to load.

    taskset -c 0 python benchmarks/learned_unit.py --split=RB7
"""

import argparse
import json
import time

from timing import cores_and_load, in_turns

from bottlenet_tf.cli.surroundings import prepare

prepare()

import keras  # noqa: E402 (after the preparation)
import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import tensorflow as tf  # noqa: E402
from scipy import ndimage  # noqa: E402

from bottlenet_tf import backbones  # noqa: E402
from bottlenet_tf.codec.entropy import EntropyCodec  # noqa: E402
from bottlenet_tf.config.run import LearnedUnitConfig  # noqa: E402
from bottlenet_tf.evaluation import WirePath  # noqa: E402
from bottlenet_tf.export import frozen, onnx_graphs  # noqa: E402
from bottlenet_tf.export.saved_model import ServedTail  # noqa: E402
from bottlenet_tf.models.bottlenet import build_bottlenet  # noqa: E402
from bottlenet_tf.runtime.gains import Gains  # noqa: E402
from bottlenet_tf.training import closed_form, freezing, patch_klt  # noqa: E402
from bottlenet_tf.training.freeze_unit import with_unit_config  # noqa: E402

BATCH, IMAGES, SIDE = 16, 32, 224
# From the finest point to the coarsest, the step grows by exp(2 * SLOPE).
SLOPE, SYMBOLS = 0.8, np.arange(-63, 64)
PATCHES = {"RB3": 2, "RB7": 2, "RB13": 1}


def photos(count):
    """Returns float32 `(count, 224, 224, 3)`, noise of falling spectrum."""
    noise = np.random.default_rng(0).normal(size=(count, SIDE, SIDE, 3))
    layers = [ndimage.gaussian_filter(noise, (0, s, s, 0)) for s in (1, 4, 16)]
    total = sum(layer / layer.std() for layer in layers)
    return np.clip(128 + 30 * total, 0, 255).astype(np.float32)


def laplacians(scale):
    """Returns float32 `(..., symbols)`, rounded Laplacians of a scale."""
    scale = np.maximum(scale, 0.05)[..., None]
    inner = np.exp(-(np.abs(SYMBOLS) - 0.5) / scale) - np.exp(
        -(np.abs(SYMBOLS) + 0.5) / scale
    )  # fmt: skip
    zero = 1 - np.exp(-0.5 / scale)
    return np.where(SYMBOLS == 0, zero, inner / 2).astype(np.float32)


def step_for(scale, wanted_bytes):
    """Returns the step by which codes of Laplacians take so many bytes."""
    low, high = np.log([1e-6, 1e6])
    for _ in range(60):
        step = (low + high) / 2
        pmfs = laplacians(scale / np.exp(step)).astype(np.float64)
        bits = -np.sum(pmfs * np.log2(np.maximum(pmfs, 1e-12)))
        low, high = (step, high) if bits > 8 * wanted_bytes else (low, step)
    return np.exp(step)


def build(split, images, wanted_bytes, width):
    """Returns a split ResNet-50 whose learned unit is frozen."""
    keras.utils.set_random_seed(0)
    backbone = backbones.create("resnet50", image_size=SIDE, num_classes=1000)
    unit = LearnedUnitConfig(
        patch=PATCHES[split],
        patch_channels=64,
        coefficients=4096,
        mixed=0,
        mixed_to=0,
        shared_frequencies=True,
        synthesis_width=width,
    )
    model = build_bottlenet(backbone, split, unit)
    feature = np.asarray(model.features(images))
    gradients = np.random.default_rng(1).normal(size=feature.shape)
    gradients = gradients.astype(np.float32)
    moments = patch_klt.Moments(unit.patch)
    moments.add(feature, gradients)
    patches = patch_klt.solve_patches(moments, unit.patch_channels)
    form = closed_form.solve(
        patches,
        *patches.project(feature, gradients),
        coefficients=unit.coefficients,
        mixed=0,
        mixed_to=0,
        shared=True,
    )
    closed_form.assign(model.unit, form)
    scale = form.deviations / np.sqrt(2)
    middle = step_for(scale, wanted_bytes)
    log_step = np.log(middle / form.scale)
    model.unit.log_gain.assign(-log_step)
    model.unit.log_step.assign(log_step)
    model.unit.gain_slope.assign(np.full(len(scale), -SLOPE))
    model.unit.step_slope.assign(np.full(len(scale), SLOPE))
    points = model.unit.points
    steps = middle * np.exp(SLOPE * np.array(points))[:, None]
    tables = freezing.fit_tables(laplacians(scale / steps), SYMBOLS[0])
    text = EntropyCodec(tables, points).get_config()["tables"]
    return with_unit_config(model, tables=text, default_point=len(points) // 2)


def session(graph):
    """Returns ONNX Runtime's session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def device(model, image, repeats):
    """Prints what encoder and entropy coding add to the prefix."""
    before = keras.Model(model.prefix.inputs[0], model.prefix.outputs[0])
    bare = session(onnx_graphs.convert(frozen.network(before)))
    graph = onnx_graphs.convert(frozen.head(model))
    head, path = session(graph), WirePath(model)
    pixels = np.ascontiguousarray(image[None].transpose(0, 3, 1, 2))
    form, default = path.format, model.unit.default_point
    feed, gains = {"image": pixels}, Gains(model.unit.gains(), form)

    def sent():
        return gains.codes(head.run(None, feed)[0][0], default)

    codes = sent()

    def half():
        return form.pack(sent(), None, default)

    alone, whole, all_of_it, coding = in_turns(
        (
            lambda: bare.run(None, {"image": pixels}),
            lambda: head.run(None, feed),
            half,
            lambda: form.pack(codes, None, default),
        ),
        repeats,
    )
    macs = model.unit.device_macs(model.prefix.output_shape[1:]) / 1e6
    print(
        f"device: prefix {alone:.2f} ms, head {whole:.2f} ms, pixels to "
        f"payload {all_of_it:.2f} ms, entropy coding {coding:.3f} ms of "
        f"{len(half())} B; {(all_of_it - alone) / all_of_it:.1%} for the unit "
        f"({macs:.1f} M multiply-accumulates)"
    )
    weights = model.unit.analysis.count_params() * 4 / 1e6
    print(
        f"head.onnx {graph.ByteSize() / 1e6:.2f} MB, of which the encoder's "
        f"weights {weights:.2f} MB"
    )


def server(model, images, repeats):
    """Prints the served graph against the suffix and the tail."""
    path, points = WirePath(model), range(len(model.unit.points))
    mixed = [i % len(points) for i in range(BATCH)]
    payloads = [
        path.encode(image[None], point)[0]
        for image, point in zip(images[:BATCH], mixed, strict=True)
    ]
    served = ServedTail(model, [str(i) for i in range(1000)])
    codes, _, _ = zip(*map(path.format.unpack, payloads), strict=True)
    codes = tf.constant(np.stack(codes), tf.float32)
    values = tf.constant([model.unit.points[i] for i in mixed], tf.float32)
    feature = tf.constant(model.features(images[:BATCH]))
    feature_in = keras.Input(feature.shape[1:], BATCH)
    suffix = keras.Model(feature_in, model.answer(feature_in))
    bare = tf.function(lambda x: suffix(x, training=False))
    frozen = served._tail
    sent = tf.constant(payloads)
    parse = tf.function(served._parse)
    alone, tail, parsing, whole = in_turns(
        (
            lambda: bare(feature).numpy(),
            lambda: frozen(codes, values)[0].numpy(),
            lambda: parse(sent)[0].numpy(),
            lambda: served.serve(sent)["logits"].numpy(),
        ),
        repeats,
    )
    size = np.mean([len(p) for p in payloads])
    macs = model.unit.cloud_macs() / 1e6
    print(
        f"server, N={BATCH}: suffix {alone / BATCH:.2f} ms an image, tail on "
        f"codes {tail / BATCH:.2f} ms, parsing {parsing / BATCH:.2f} ms of "
        f"{size:.0f} B, served {whole / BATCH:.2f} ms: {whole / alone:.2f} x "
        f"the suffix, {whole / tail:.2f} x the tail "
        f"({macs:.0f} M multiply-accumulates)"
    )


def loading(model, repeats):
    """Prints the size of a unit's tables as text and their loading time."""
    text = json.dumps(model.unit.byte_codec.get_config())
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        EntropyCodec(**json.loads(text))
        times.append(1e3 * (time.perf_counter() - started))
    print(
        f"tables: {len(text) / 1e3:.0f} kB as text, {np.median(times):.1f} ms "
        "to load"
    )


def main():
    """Prints the three measurements at one split of a ResNet-50."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--split", choices=sorted(PATCHES), default="RB7")
    parser.add_argument("--bytes", type=float, default=1000.0)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print(
        f"{cores_and_load()}, medians of {args.repeats} in turns, "
        f"ResNet-50 after {args.split}, synthesis of width {args.width}"
    )
    images = photos(IMAGES)
    model = build(args.split, images, args.bytes, args.width)
    device(model, images[0], args.repeats)
    server(model, images, args.repeats)
    loading(model, args.repeats)


if __name__ == "__main__":
    main()
