"""The images of a soak, its plan, and the right answers."""

import collections
import json
import os
import statistics
import time

import numpy as np
from PIL import Image

from bottlenet_tf.common import formats
from bottlenet_tf.edge.network import Network
from bottlenet_tf.link import plan_file
from bottlenet_tf.runtime import served
from bottlenet_tf.runtime.tails import Tails
from bottlenet_tf.runtime.triton_model import UNITS, WHOLE
from bottlenet_tf.runtime.whole_images import WholeImages

_TIMED = 20
# Below the plan's least: the device answers only what the server doesn't.
_ACCURACY, _LEAST, _OF_DEVICE = 90.0, 85.0, 80.0
_NOTHING = dict.fromkeys(
    ("split", "unit_id", "point", "codec", "quality", "side")
)


def write_images(folder, count, contents, seed=0, size=32):
    """Writes image files; returns the numbers of their contents by path.

    Blobs of random colours: `count` names of `contents` files, `size` pixels
    a side, in a new folder.
    """
    rng = np.random.default_rng(seed)
    originals = folder.parent / "contents"
    originals.mkdir()
    folder.mkdir()
    for i in range(contents):
        coarse = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        image = Image.fromarray(coarse).resize((size, size), Image.BICUBIC)
        image.save(originals / f"{i}.png")
    found = {}
    for i in range(count):
        path = folder / f"{i:07d}.png"
        os.link(originals / f"{i % contents}.png", path)
        found[str(path)] = i % contents
    return found


class Offline:
    """The right answers, computed without a link.

    Args:
        deploy: `pathlib.Path` of the deployment.
        contents: `pathlib.Path` of the images' folder.
    """

    def __init__(self, deploy, contents):
        self._contents = contents
        self.network = Network.open(deploy, "onnx", threads=1)
        self.served = served.read(deploy / "cloud")
        models = deploy / "cloud" / "triton"
        folders = {
            name: models / name / str(version)
            for name, version in self.served.models.items()
        }
        self._tails = Tails.load(folders[self.served.model] / UNITS)
        self._whole = None
        if self.served.image_model is not None:
            folder = folders[self.served.image_model] / WHOLE
            self._whole = WholeImages.load(folder, threads=1)
        self._known = {}

    def write_plan(self, path):
        """Writes a plan of every unit, the image and the device; returns it.

        Times are measured here, sizes on some images; accuracies are such that
        the device answers only what the server doesn't.
        """
        splits = {
            name: (tail.unit.format.unit_id, tail.unit.default_point)
            for name, tail in self._tails.tails.items()
        }
        choices = [
            dict(_NOTHING, name=name, way="split", split=name,
                 unit_id=unit_id, point=point)
            for name, (unit_id, point) in splits.items()
        ] + [dict(_NOTHING, name="mobile-only", way="device")]  # fmt: skip
        if self._whole is not None:
            choices.append(
                dict(_NOTHING, name="cloud-only", way="cloud", codec="jpeg",
                     quality=60, side=self._whole.about.image_size)
            )  # fmt: skip
        for choice in choices:
            sends = choice["way"] != "device"
            choice.update(
                wire_bytes_mean=1 if sends else 0,
                wire_bytes_p95=None,
                accuracy=_ACCURACY if sends else _OF_DEVICE,
            )
        content = {
            "format": formats.PLAN,
            "min_accuracy": _LEAST,
            "deadline_ms": None,
            "choices": choices,
            "scenarios": [],
            "device_times": _times(splits, "device_ms", "encode_ms"),
            "cloud_times": _times(splits, "decode_ms", "cloud_ms"),
        }
        parsed = plan_file.parse(content)
        for row, choice in zip(choices, parsed.choices):
            if choice.sends:
                row["wire_bytes_mean"] = self._mean_bytes(choice)
        content["device_times"][0]["device_ms"] = self._local_ms()
        path.write_text(json.dumps(content))
        return plan_file.read(path)

    def _pictures(self):
        for i in range(_TIMED):
            yield self.network.prepare(str(self._contents / f"{i}.png"))

    def _mean_bytes(self, choice):
        sizes = [
            len(self.network.encode(picture, choice))
            for picture in self._pictures()
        ]
        return sum(sizes) / len(sizes)

    def _local_ms(self):
        times = []
        for picture in self._pictures():
            start = time.perf_counter()
            self.network.predict(picture)
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times)

    def answer(self, content, line, plan):
        """Returns the class that the line of an image's content must have."""
        key = content, line["where"], line["choice"], line["point"]
        if key not in self._known:
            path = str(self._contents / f"{content}.png")
            picture = self.network.prepare(path)
            self._known[key] = self._answer(picture, line, plan)
        return self._known[key]

    def _answer(self, picture, line, plan):
        if line["where"] == "device":
            return self.network.predict(picture).index
        choice = plan.named(line["choice"])
        data = bytes(self.network.encode(picture, choice))
        if line["where"] == "cloud":
            return int(self._whole.answer([data], ["classes"])["classes"][0, 0])
        if (line["split"], line["point"]) != (choice.split, choice.point):
            return -1  # No class: the line contradicts itself.
        return int(self._tails.answer([data], ["classes"])["classes"][0, 0])


def _times(splits, first, second):
    """Returns rows of times: the plan's are only where it begins."""
    return [
        {"split": split, "load": 0, first: 1.0, second: 0.0, "compute_mj": None}
        for split in [None, *splits]
    ]


def verdict(path, contents, offline, plan):
    """Returns counts of the images by what became of them.

    `path` is of the device program's answers, `contents` as `write_images`
    returns it.
    """
    counts, seen, classes = collections.Counter(), collections.Counter(), set()
    with open(path, encoding="ascii") as file:
        for text in file:
            line = json.loads(text)
            seen[line["image"]] += 1
            if line["class"] is None:
                counts["failed"] += 1
                continue
            wanted = offline.answer(contents[line["image"]], line, plan)
            label = offline.network.classes[wanted]
            is_right = (line["class"], line["label"]) == (wanted, label)
            counts["wrong"] += not is_right
            counts[f"answered by {line['choice']}, {line['where']}"] += 1
            counts["asked in vain"] += line["problem"] is not None
            classes.add(line["class"])
    return {
        "missing": len(set(contents) - set(seen)),
        "unknown": len(set(seen) - set(contents)),
        "more than once": sum(count > 1 for count in seen.values()),
        "classes": len(classes),
        "failed": 0,
        "wrong": 0,
        **dict(sorted(counts.items())),
    }


def is_right(found):
    """Whether every image was answered once, and none wrong."""
    bad = ("missing", "unknown", "more than once", "failed", "wrong")
    return not any(found[name] for name in bad)
