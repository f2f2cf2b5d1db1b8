"""A new user's way: photos and a transfer-learning file, to served answers."""

import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

FRUIT = {"apple": (200, 60, 50), "pear": (120, 190, 70), "plum": (90, 40, 160)}
BIN = pathlib.Path(sys.executable).parent
ROOT = pathlib.Path(__file__).parents[1]


def _run(folder, *command):
    """Returns what a program printed; its first word is a console script."""
    program, *arguments = command
    start = [str(BIN / program)]
    if program.endswith(".py"):
        start = [sys.executable, str(ROOT / program)]
    ran = subprocess.run(
        [*start, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def _write_photos(root):
    """Photos of three fruits, as phones and web pages have them."""
    rng = np.random.default_rng(0)
    for name, colour in FRUIT.items():
        folder = root / name
        (folder / "more").mkdir(parents=True)
        for i in range(60):
            height, width = rng.integers(70, 120, 2)
            pixels = rng.normal(colour, 40, (height, width, 3)).clip(0, 255)
            image = Image.fromarray(pixels.astype(np.uint8))
            turned = Image.Exif()
            turned[274] = int(rng.integers(1, 9))
            place = folder / "more" if i % 3 == 0 else folder
            if i % 10 == 0:
                image.save(place / f"{i}.webp")
            else:
                image.save(place / f"{i}.jpg", exif=turned)
    image.save(root / "plum" / "scan.tiff")


def _write_network(path):
    """A pretrained network for 11 classes within another, both saved."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    stages = [keras.Input((64, 64, 3))]
    for i, channels in enumerate((8, 16, 16)):
        stages += [
            layers.Conv2D(channels, 3, 2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(name=f"stage{i}"),
        ]
    base = keras.Sequential(stages, name="base")
    base.trainable = False
    image = keras.Input((64, 64, 3))
    x = base(layers.Rescaling(1 / 255)(image), training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(11, activation="softmax")(x)
    keras.Model(image, x).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    _write_photos(folder / "photos")
    _write_network(folder / "pretrained.keras")
    return folder


def test_from_photos_to_served_answers(folder):
    data = ["--dataset=photos", "--image_size=64"]
    seen = _run(folder, "bottlenet-cuts", "pretrained.keras", "--image_size=64")
    assert re.search(r"\| stage1 .*16x16x16", seen)
    assert "the file freezes" in seen

    short = ["--batch_size=16", "--sweep_qualities=50", *data]
    printed = _run(
        folder, "train.py", "--mode=baseline", "--backbone=pretrained.keras",
        "--new_head", "--train_frozen", "--epochs=8", "--workdir=runs/base",
        *short,
    )  # fmt: skip
    assert ".tiff" in printed
    base = json.loads((folder / "runs/base/report.json").read_text())
    assert base["accuracy"] > 90

    printed = _run(
        folder, "train.py", "--mode=tail", "--unit=learned",
        "--backbone=runs/base/model.keras", "--split=stage1", "--mixed=64",
        "--mixed_to=48", "--epochs=2", "--workdir=runs/unit", *short,
    )  # fmt: skip
    assert "Without a split the network classifies" in printed
    unit = json.loads((folder / "runs/unit/report.json").read_text())
    assert unit["accuracy"] > 85

    _run(folder, "export.py", "--workdir=runs/unit", "--out=deploy")
    answers = _answers(folder)
    fruit = [answer["label"] for answer in answers]
    right = [
        name == pathlib.Path(answer["image"]).parts[-2]
        for name, answer in zip(fruit, answers, strict=True)
    ]
    assert len(answers) == 40 * 3 and np.mean(right) > 0.85
    assert {answer["where"] for answer in answers} == {"split"}


def _answers(folder):
    """Returns the server's answers on the photos not in folders below."""
    server = subprocess.Popen(
        [str(BIN / "bottlenet-serve"), "deploy", "--port=0"],
        cwd=folder, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        port = None
        for line in server.stdout:
            if found := re.search(r":(\d+)\b", line):
                port = found[1]
                break
        photos = [f"photos/{name}" for name in FRUIT]
        printed = _run(
            folder, "bottlenet-edge", "--deploy=deploy", *photos,
            f"--server=127.0.0.1:{port}", "--transport=tf_serving_grpc",
            # Else the device, which is fast, doesn't wait while it warms up.
            "--deadline_ms=3000",
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait(30)
    return [json.loads(line) for line in printed.splitlines()]
