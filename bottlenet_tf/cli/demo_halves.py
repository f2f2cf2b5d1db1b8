"""The demo's second part: the trained split as files of device and server."""

import pathlib
import shutil
import subprocess
import sys

from PIL import Image

NUM_IMAGES = 5


def export_all(root, runs):
    """Exports runs to `root / "deploy"`, replacing it; returns its path."""
    from bottlenet_tf import export
    from bottlenet_tf.config.export import ExportConfig

    deploy = root / "deploy"
    shutil.rmtree(deploy, ignore_errors=True)
    export.run(
        ExportConfig(
            workdir=tuple(map(str, runs)),
            out=str(deploy),
            litert=("float32",),
            parity_images=100,
        )
    )
    return deploy


def send(root, halves, dataset):
    """Encodes validation images with the device program, and classifies them.

    image files -> `edge/encode.py`, a process without TensorFlow -> payload
    files -> `Tail` -> labels. `halves` has `edge` and `cloud` of one split.
    """
    from bottlenet_tf.runtime.cloud import Tail

    sent = root / "sent"
    shutil.rmtree(sent, ignore_errors=True)
    photos, payloads = sent / "images", sent / "payloads"
    _save_images(dataset, photos)
    print("\n== Device: image files -> payload files ==", flush=True)
    _encode(halves / "edge" / "encode.py", photos, payloads)
    print("\n== Server: payload files -> labels ==", flush=True)
    tail = Tail.load(halves)
    files = sorted(payloads.iterdir())
    contents = [file.read_bytes() for file in files]
    for file, content, odds in zip(files, contents, tail.predict(contents)):
        best = odds.argmax()
        print(
            f"{file.stem}: {len(content)} bytes, read as {tail.classes[best]} "
            f"({100 * odds[best]:.1f} %)"
        )


def _save_images(dataset, folder):
    """Writes some images as PNG files named after their labels."""
    folder.mkdir(parents=True)
    few = dataset.development.batches(NUM_IMAGES)
    images, labels = next(iter(few))
    for i, (image, label) in enumerate(zip(images.numpy(), labels.numpy())):
        name = pathlib.Path(dataset.class_names[label]).name
        Image.fromarray(image).save(folder / f"image{i}_a_{name}.png")


def _encode(program, photos, payloads):
    command = [sys.executable, str(program), str(photos), f"--out={payloads}"]
    print("$ python", *command[1:], flush=True)
    ran = subprocess.run(command, check=False)
    if ran.returncode:
        raise RuntimeError(
            "The device program must encode every image of the demo. "
            f"Received: exit code {ran.returncode} from {program}"
        )
