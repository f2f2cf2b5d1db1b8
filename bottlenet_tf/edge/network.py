"""The device's networks: every unit's head, and the unsplit network.

The only module of the program that needs NumPy and Pillow.
"""

import os
from typing import NamedTuple, Tuple

import numpy as np

from bottlenet_tf.codec import answer
from bottlenet_tf.edge import image_files, message
from bottlenet_tf.link.plan import CLOUD, DEVICE
from bottlenet_tf.runtime import images, intact, served, unit_file
from bottlenet_tf.runtime.heads import Heads
from bottlenet_tf.runtime.whole import Whole, identity

TOP = 5


class Found(NamedTuple):
    """The device's answer to one image."""

    index: int
    top: Tuple


class Picture:
    """An image, prepared once for each input size."""

    def __init__(self, image):
        self._image, self._prepared = image, {}

    def pixels(self, about):
        """Returns uint8 `(S, S, 3)` for a `UnitFile` or `WholeFile`."""
        size = about.image_size, about.resize
        if size not in self._prepared:
            self._prepared[size] = images.pixels(self._image, *size)
        return self._prepared[size]


class Network:
    """The networks of a deployment that a device runs.

    `encode` and `predict` may run in two threads, each in one at a time.

    Args:
        heads: `Heads`; None if nothing is ever sent.
        whole: `Whole`; None if none may answer.
        without_whole: Why there is none.
    """

    unpack = staticmethod(answer.unpack)

    def __init__(self, served_as, heads=None, whole=None, without_whole=""):
        self.served, self.without_whole = served_as, without_whole
        self._heads, self._whole = heads, whole
        self._whole_id = None if whole is None else identity(whole.about)
        self._units = {} if heads is None else heads.units

    @classmethod
    def open(cls, folder, runtime=None, threads=None, with_heads=True):
        """Opens a deployment."""
        place = unit_file.find_folder(folder, "edge", served.NAME)
        heads = whole = None
        without_whole = ""
        if with_heads:
            heads = Heads.load(folder, runtime, threads)
        try:
            whole = Whole.load(folder, runtime, threads)
        except (FileNotFoundError, ImportError, ValueError) as error:
            if heads is None:
                raise
            without_whole = str(error)
        return cls(served.read(place), heads, whole, without_whole)

    @property
    def answers(self):
        """Whether the device can answer without a server."""
        return self._whole is not None

    @property
    def classes(self):
        """Class names of the network without a split."""
        return self._whole.classes if self.answers else ()

    @property
    def output(self):
        """Kind of its outputs; see `runtime.outputs`."""
        return self._whole.output if self.answers else "softmax"

    def why_not(self, choice, with_images=False, max_bytes=None):
        """Returns why a plan's choice can't be taken here; None if it can."""
        if choice.way == DEVICE:
            return None if self.answers else self.without_whole
        if choice.way == CLOUD:
            return self._why_no_image(choice, with_images, max_bytes)
        head = self._units.get(choice.split)
        if head is None:
            return "no such unit in this deployment"
        if choice.unit_id not in (None, head.unit.format.unit_id):
            return "the plan has another unit of this name"
        if choice.point >= len(head.unit.points):
            return "the unit has no such point"
        if max_bytes is not None and max_bytes < head.least_bytes:
            return "no payload of the unit is within {} bytes".format(max_bytes)
        return None

    def _why_no_image(self, choice, with_images, max_bytes):
        if not with_images:
            return "the server has no model that takes image files"
        if max_bytes is not None and choice.bytes_mean > max_bytes:
            return "more than {} bytes".format(max_bytes)
        if not self.answers or None in (choice.quality, choice.side):
            return "its image is unknown"
        if not 1 <= choice.side <= self._whole.about.image_size:
            return "its image is larger than the network's"
        return image_files.why_not(choice.codec)

    def prepare(self, image):
        """Returns the `Picture` of a path, or of RGB uint8 `(h, w, 3)`."""
        picture = Picture(image)
        picture.pixels(self._about)
        return picture

    @property
    def _about(self):
        if self._whole is not None:
            return self._whole.about
        return next(iter(self._units.values())).unit

    def encode(self, picture, choice, max_bytes=None):
        """Returns the `Message` for one image.

        Args:
            max_bytes: Most bytes; if the choice's point takes more, the unit's
                next one that doesn't is used.
        """
        if choice.way == CLOUD:
            return self._encode_image(picture, choice, max_bytes)
        head = self._units[choice.split]
        pixels, point = picture.pixels(head.unit), choice.point
        if max_bytes is None:
            data = head.encode(pixels, point)
        else:
            fitted = head.fit(*head.run(pixels), max_bytes, finest=point)
            data, point = fitted.payload, fitted.point
        unit = head.unit
        return message.payload(
            data, unit.classes, point, choice.split, unit.output
        )

    def _encode_image(self, picture, choice, max_bytes):
        pixels = picture.pixels(self._whole.about)
        data = image_files.encode(
            pixels, choice.codec, choice.quality, choice.side
        )
        if max_bytes is not None and len(data) > max_bytes:
            raise ValueError(
                "An image file must be within --max_bytes. Received: "
                "{} bytes, max_bytes={}".format(len(data), max_bytes)
            )
        whole = self._whole
        return message.image_file(
            data, whole.classes, self._whole_id, whole.output
        )

    def predict(self, picture):
        """Returns the `Found` of the network without a split.

        Raises `ValueError` if there is none, or its answer isn't finite.
        """
        if self._whole is None:
            raise ValueError(
                "The server gave no answer, and the device has no network for "
                "one: {}".format(self.without_whole)
            )
        shares = self._whole.predict(picture.pixels(self._whole.about))
        if not np.isfinite(shares).all():
            raise ValueError(
                "The network's probabilities must be finite; its file or "
                "runtime is faulty. Received: {}".format(shares[:TOP])
            )
        most = answer.MOST_TOP if self.output == "sigmoid" else TOP
        order = np.argsort(-shares, kind="mergesort")[:most]
        top = tuple((int(i), float(shares[i])) for i in order)
        return Found(top[0][0], top)

    def check_limit(self, max_bytes, unit=None):
        """Raises ValueError if no payload can be within `max_bytes`.

        Args:
            unit: Name of the only unit that may send; None for any.
        """
        heads = self._units.values() if unit is None else [self._units[unit]]
        head = min(heads, key=lambda head: head.least_bytes)
        head.check_limit(max_bytes)

    def points(self, unit):
        """Returns the number of a unit's operating points, and its default."""
        about = self._units[unit].unit
        return len(about.points), about.default_point

    def warm_up(self, splits=()):
        """Runs the networks once: first runs take longer."""
        for name in splits:
            self._units[name].run(_blank(self._units[name].unit))
        if self._whole is not None:
            self._whole.predict(_blank(self._whole.about))


def _blank(about):
    return np.zeros((about.image_size, about.image_size, 3), np.uint8)


def plan_path(folder):
    """Returns the path of a deployment's plan; None if it has none.

    Raises `OSError` or `ValueError` if it isn't the exported one.
    """
    for place in (folder, os.path.join(folder, "edge")):
        path = os.path.join(place, "plan.json")
        if os.path.isfile(path):
            intact.check(path)
            return path
    return None
