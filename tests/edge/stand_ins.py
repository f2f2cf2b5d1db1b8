"""A network that computes nothing, and plans for it; standard library alone."""

import os
import time
import zlib

from bottlenet_tf.edge import message
from bottlenet_tf.link.plan import CLOUD, DEVICE

CLASSES = ("cat", "dog", "newt", "owl", "fox", "ant")
UNIT_ID = 1000


class Served:
    """What served.json says."""

    model, version = "tail", 77
    image_model = image_version = None
    units = {"rb1": UNIT_ID}


class Found:
    """What the device says."""

    def __init__(self, index):
        self.index, self.top = index, ((index, 0.75), (0, 0.25))


class StandIn:
    """`Network` whose answers follow from an image's bytes.

    An image file that begins with b"broken" can't be read.
    """

    served, output = Served(), "softmax"

    def __init__(self, answers=True, unpack=None, local_s=0.0, offered=None):
        self.answers, self.unpack = answers, unpack
        self.classes = CLASSES if answers else ()
        self.without_whole = "" if answers else "whole.json is missing"
        self.local_s, self.offered = local_s, offered
        self.warmed = None
        self.limits = []

    def why_not(self, choice, with_images=False, max_bytes=None):
        if self.offered is not None and choice.name not in self.offered:
            return "not by this stand-in"
        if choice.way == CLOUD and not with_images:
            return "no images"
        if choice.way == DEVICE and not self.answers:
            return self.without_whole
        return None

    def prepare(self, image):
        with open(image, "rb") as file:
            data = file.read()
        if data.startswith(b"broken"):
            raise ValueError("An image file must be whole.")
        return data

    def encode(self, picture, choice, max_bytes=None):
        if choice.way == CLOUD:
            return message.image_file(b"image " + picture, CLASSES)
        self.limits.append((choice.point, max_bytes))
        return message.payload(
            b"payload " + picture, CLASSES, choice.point or 0
        )

    def predict(self, picture):
        time.sleep(self.local_s)
        if not self.answers:
            raise ValueError(self.without_whole)
        return Found(local_class(picture))

    def check_limit(self, max_bytes, unit=None):
        if max_bytes < 10:
            raise ValueError("`max_bytes` must be at least 10.")

    def points(self, unit):
        return 3, 1

    def warm_up(self, splits=()):
        self.warmed = splits


def local_class(data):
    """Returns the class that the device finds."""
    return zlib.crc32(data) % 2


def write_images(folder, count, content=b"picture"):
    """Writes image files; returns their paths."""
    os.makedirs(str(folder), exist_ok=True)
    paths = [os.path.join(str(folder), "%03d.png" % i) for i in range(count)]
    for i, path in enumerate(paths):
        with open(path, "wb") as file:
            file.write(content + str(i).encode())
    return paths


def plan_values(local_ms=1000.0, **changes):
    """Returns plan.json: a split that looks fast, a slow device, a file."""
    empty = dict.fromkeys(
        ("split", "unit_id", "point", "codec", "quality", "side")
    )
    choices = [
        dict(empty, name="rb1 at point 0", way="split", split="rb1",
             unit_id=UNIT_ID, point=0, wire_bytes_mean=100,
             wire_bytes_p95=120, accuracy=90.0),
        dict(empty, name="rb1 at point 1", way="split", split="rb1",
             unit_id=UNIT_ID, point=1, wire_bytes_mean=50,
             wire_bytes_p95=60, accuracy=80.0),
        dict(empty, name="mobile-only", way="device", wire_bytes_mean=0,
             wire_bytes_p95=0, accuracy=92.0),
        dict(empty, name="cloud-only", way="cloud", codec="jpeg", quality=50,
             side=8, wire_bytes_mean=400, wire_bytes_p95=None,
             accuracy=91.0),
    ]  # fmt: skip
    values = {
        "format": "bottlenet_tf.plan.1",
        "network": "n", "device": "d", "cloud": "c",
        "min_accuracy": 70.0, "deadline_ms": None,
        "choices": choices,
        "device_times": [
            {"split": None, "load": 0, "device_ms": local_ms,
             "encode_ms": 0.0, "compute_mj": None},
            {"split": "rb1", "load": 0, "device_ms": 0.5, "encode_ms": 0.1,
             "compute_mj": None},
        ],
        "cloud_times": [
            {"split": None, "load": 0, "decode_ms": 0.0, "cloud_ms": 1.0},
            {"split": "rb1", "load": 0, "decode_ms": 0.1, "cloud_ms": 1.0},
        ],
        "scenarios": [],
    }  # fmt: skip
    values.update(changes)
    return values
