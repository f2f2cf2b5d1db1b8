"""The demo's second part: the chosen split on two machines' worth of files."""

import pathlib
import shutil
import subprocess
import sys

from PIL import Image

MAX_DROP = 2.0  # Points below the unsplit network that the demo accepts.
NUM_IMAGES = 5


def choose(reports):
    """Returns the report with the fewest wire bytes that is accurate enough.

    Enough is `MAX_DROP` points below the unsplit network; if no split is,
    the most accurate one is returned.
    """
    accurate = [
        report
        for report in reports
        if report["accuracy"] >= report["baseline_accuracy"] - MAX_DROP
    ]
    if not accurate:
        return max(reports, key=lambda report: report["accuracy"])
    return min(accurate, key=lambda report: report["wire_bytes_mean"])


def run(root, split, dataset):
    """Exports a split, encodes test images with the device program, answers.

    image files -> `edge/encode.py`, a process without TensorFlow -> payload
    files -> `Tail` -> labels

    Args:
        root: `pathlib.Path` of the demo's work directory.
        split: Name of the chosen split, whose run is `root / split`.
        dataset: `data.Dataset` to take test images from.

    Returns:
        List of `(file name, payload bytes, label, probability)`.

    Raises:
        ValueError: if the export refuses.
        RuntimeError: if the device program fails.
    """
    from bottlenet_tf import export
    from bottlenet_tf.export_config import ExportConfig
    from bottlenet_tf.runtime.cloud import Tail

    deploy, sent = root / "deploy", root / "sent"
    for folder in (deploy, sent):  # Both are the demo's own.
        shutil.rmtree(folder, ignore_errors=True)
    export.run(
        ExportConfig(
            workdir=(str(root / split),), out=str(deploy), litert=("float32",)
        )
    )
    photos, payloads = sent / "images", sent / "payloads"
    _save_images(dataset, photos)
    print("\n== Device: image files -> payload files ==", flush=True)
    _encode(deploy / "edge" / "encode.py", photos, payloads)
    print("\n== Server: payload files -> labels ==", flush=True)
    tail = Tail.load(deploy)
    files = sorted(payloads.iterdir())
    contents = [file.read_bytes() for file in files]
    answers = []
    for file, content, odds in zip(files, contents, tail.predict(contents)):
        best = odds.argmax()
        name = file.name.removesuffix(".payload")
        answers.append((name, len(content), tail.classes[best], odds[best]))
        print(
            f"{name}: {len(content)} bytes, is a {tail.classes[best]} "
            f"({100 * odds[best]:.1f} %)"
        )
    return answers


def _save_images(dataset, folder):
    """Writes some test images as PNG files that are named by their label."""
    folder.mkdir(parents=True)
    images, labels = next(iter(dataset.test_batches(NUM_IMAGES)))
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
