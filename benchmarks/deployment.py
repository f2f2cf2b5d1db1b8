r"""A deployment against its bounds: the device program and the served tail.

Three measurements, each a ratio of things done in turns:

1. the device's half on prepared pixels, payload included, against its bare
   head in the same runtime (ONNX Runtime and, if it is there, LiteRT);
2. the whole device program as a process of its own: start, imports, first
   image; with its peak memory;
3. the served SavedModel on 16 payloads against the Keras tail on codes that
   are ready, compiled; and the parser between the two.

    python export.py --workdir=runs/digits/candidates/RB3 --out=deploy
    python benchmarks/deployment.py --deploy=deploy \
        --workdir=runs/digits/candidates/RB3
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from timing import cores_and_load, in_turns

from bottlenet_tf.cli.surroundings import prepare

prepare()

import numpy as np  # noqa: E402 (after the preparation)
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from bottlenet_tf.runtime.edge import Head  # noqa: E402
from bottlenet_tf.runtime.engines import as_batch  # noqa: E402
from bottlenet_tf.training.network import load_model  # noqa: E402

BATCH = 16
# Runs a program and prints its peak memory (kB), which a parent can't know:
# what `wait4` says counts the parent's own pages.
_WITH_PEAK = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rsplit("/", 1)[0])
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    lines = open("/proc/self/status").read().splitlines()
    print(*[line for line in lines if line.startswith("VmHWM")])
"""


def photos(size, count):
    """Returns uint8 `(count, size, size, 3)`: smooth, a little noisy."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] * (32 / size)
    shifts = rng.uniform(0, 6, (count, 1, 1, 3))
    waves = np.sin(x / 5)[..., None] + np.cos(y / 4)[..., None]
    noisy = (
        128 + 50 * np.sin(waves + shifts) + rng.normal(0, 6, (size, size, 3))
    )
    return np.clip(noisy, 0, 255).astype(np.uint8)


def device_half(deploy, runtime, threads, repeats):
    """Prints what encoding adds to the bare head."""
    head = Head.load(deploy, runtime=runtime, threads=threads)
    image = photos(head.unit.image_size, 1)[0]
    ready = {head._image: as_batch(head._engine, image)}
    bare, codes, whole = in_turns(
        (
            lambda: head._engine(ready),
            lambda: head.codes(image),
            lambda: head.encode(image),
        ),
        repeats,
    )
    print(
        f"{runtime}, {threads} thread: bare head {bare:.3f} ms, pixels to "
        f"payload {whole:.3f} ms, {whole / bare:.3f} x "
        f"(+{1e3 * (codes - bare):.0f} us for pixels and checked codes, "
        f"+{1e3 * (whole - codes):.0f} us for codec and payload, "
        f"{(whole - codes) / bare:.1%}), {len(head.encode(image))} B",
        flush=True,
    )


def device_program(deploy, runtime, repeats):
    """Prints seconds and memory of a process that encodes one image."""
    edge = pathlib.Path(deploy) / "edge"
    size = json.loads((edge / "unit.json").read_text())["image_size"]
    seconds, megabytes = [], []
    # The copy in the deployment shall run, not this one.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        photo = pathlib.Path(folder) / "photo.png"
        Image.fromarray(photos(size, 1)[0]).save(photo)
        command = [
            sys.executable, "-c", _WITH_PEAK,
            str(edge / "encode.py"), str(photo),
            f"--out={folder}/photo.payload", f"--runtime={runtime}",
        ]  # fmt: skip
        for repeat in range(repeats + 1):
            started = time.perf_counter()
            ran = subprocess.run(
                command, capture_output=True, env=environment, text=True
            )
            if ran.returncode:
                raise SystemExit(ran.stderr)
            if repeat:  # The first one fills the disk cache.
                seconds.append(time.perf_counter() - started)
                megabytes.append(int(ran.stdout.split()[-2]) / 1024)
    print(
        f"encode.py, {runtime}: {statistics.median(seconds):.2f} s from start "
        f"to payload, {max(megabytes):.0f} MB at most (n = {repeats})",
        flush=True,
    )


def served_tail(workdir, deploy, repeats):
    """Prints the served tail against the Keras tail and its parser."""
    model = load_model(workdir)
    name = json.loads(
        (pathlib.Path(deploy) / "manifest.json").read_text()
    )["models"][0]["name"]  # fmt: skip
    served = tf.saved_model.load(
        str(pathlib.Path(deploy) / "cloud" / "serving" / name / "1")
    )
    signature = served.signatures["serving_default"]
    head = Head.load(deploy, runtime="onnx")
    images = photos(head.unit.image_size, BATCH)
    payloads = tf.constant([head.encode(image) for image in images])
    unpacked = [head.unit.format.unpack(p) for p in payloads.numpy()]
    codes, ranges, points = zip(*unpacked)
    ready = {"codes": tf.constant(codes, tf.float32)}
    if head.unit.format.sends_range:
        ready["range"] = tf.constant(ranges, tf.float32)
    if head.unit.takes_point:
        values = [head.unit.points[point] for point in points]
        ready["point"] = tf.constant(values, tf.float32)
    tail = tf.function(model.tail)
    bare, whole = in_turns(
        (
            lambda: tail(ready).numpy(),
            lambda: signature(payload=payloads)["logits"].numpy(),
        ),
        repeats,
    )
    print(
        f"N={BATCH}: Keras tail on ready codes {bare / BATCH:.3f} ms an image, "
        f"served payloads {whole / BATCH:.3f} ms, {whole / bare:.3f} x "
        f"(+{1e3 * (whole - bare) / BATCH:.0f} us)",
        flush=True,
    )


def main():
    """Prints the three measurements of one deployment of one run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--deploy", required=True)
    parser.add_argument("--repeats", type=int, default=100)
    args = parser.parse_args()
    print(f"{cores_and_load()}, medians of {args.repeats} in turns")
    runtimes = ["onnx"]
    if (pathlib.Path(args.deploy) / "edge" / "head.tflite").is_file():
        runtimes.append("litert")
    for runtime in runtimes:
        device_half(args.deploy, runtime, 1, args.repeats)
    for runtime in runtimes:
        device_program(args.deploy, runtime, 7)
    served_tail(args.workdir, args.deploy, args.repeats)


if __name__ == "__main__":
    main()
