"""The network without a split: images in, class probabilities out.

The reference for a split, and the network that a device can answer with alone.
A deployment has it once, in `edge/` of its root.
"""

import hashlib
import json
import os
from typing import NamedTuple

from bottlenet_tf.common.checks import is_text
from bottlenet_tf.runtime import fields, images, outputs, runtimes, unit_file
from bottlenet_tf.runtime.engines import (
    as_batch,
    fits,
    image_shape,
    open_engine,
)

FORMAT = "bottlenet_tf.whole.1"
NAME = "whole.json"


class WholeFile(NamedTuple):
    """The content of one whole.json; `read` checks it.

    Attributes:
        name: The network's name in train.py. image_size, resize, classes,
        output, sha256: As in `UnitFile`.
        timing_only: Why it is only for timing, its answers being no trained
            network's; None if they are.
    """

    name: str
    image_size: int
    resize: int
    classes: tuple
    sha256: dict
    timing_only: object
    output: str = "softmax"

    @property
    def part(self):
        """Prefix of its files' names, so that none is mistaken for another."""
        return part_of(self.timing_only)


class Whole:
    """Turns images into class probabilities, without a server.

    probabilities = softmax(network(image)), or sigmoid

    Made by `Whole.load`. One call at a time.

    Attributes:
        about: The deployment's `WholeFile`.
        classes: Class names, in the order of the logits.
        output: One of `outputs.OUTPUTS`.
        runtime: Its runtime, one of `runtimes.RUNTIMES`.

    Args:
        about: `WholeFile`.
        engine: Runs the network, as `open_engine` returns it.
        runtime: Name of its runtime.

    Raises:
        ValueError: if the engine's input and output aren't those of `about`.
    """

    def __init__(self, about, engine, runtime):
        self.about = about
        self.classes = about.classes
        self.output = about.output
        self.runtime = runtime
        self._engine = engine
        self._check_engine()

    @classmethod
    def load(
        cls, folder, runtime=None, threads=None, device="cpu", for_timing=False
    ):
        """Opens the network without a split of a deployment.

        Args:
            folder, runtime, threads: As for `Head.load`.
            device: Where an ONNX file runs; see `engines.open_engine`.
            for_timing: Whether to accept a network that is only for timing.

        Raises:
            FileNotFoundError: if whole.json or the network's file is missing.
            ImportError: if the runtime's library is missing.
            ValueError: if a file is damaged, or of another deployment, or the
                network is only for timing.
        """
        about, path, runtime = find(folder, runtime)
        if about.timing_only is not None and not for_timing:
            raise ValueError(
                "The network without a split must be a trained one to answer; "
                f"this one is only for timing: {about.timing_only}. Received: "
                f"path={path!r}"
            )
        return cls(about, open_engine(path, threads, device), runtime)

    def predict(self, image):
        """Returns the float32 probabilities `(classes,)` of one image.

        Args, errors: as `images.pixels`.
        """
        return outputs.probabilities(self.output, self.logits(image))

    def logits(self, image):
        """Returns the float32 logits `(classes,)`; see `predict`."""
        pixels = images.pixels(image, self.about.image_size, self.about.resize)
        (name,) = self._engine.inputs
        outputs = self._engine({name: as_batch(self._engine, pixels)})
        (logits,) = outputs.values()
        return logits[0]

    def _check_engine(self):
        """Checks only shapes: LiteRT's tensors don't have our names."""
        shape = image_shape(self._engine, self.about.image_size)
        for kind, received, wanted in (
            ("input", self._engine.inputs, shape),
            ("output", self._engine.outputs, (1, len(self.classes))),
        ):
            if len(received) != 1 or not all(
                fits(found, wanted) for found in received.values()
            ):
                file = runtimes.file_of(self.runtime, self.about.part)
                raise ValueError(
                    f"{file} must have one {kind}, of shape {wanted}, by its "
                    f"{NAME}; files of different exports may have been mixed. "
                    f"Received: {received}"
                )


def find(folder, runtime=None):
    """Returns a `WholeFile`, the path of the network, and its runtime.

    Args, errors: as `Whole.load`.
    """
    folder = unit_file.find_folder(folder, "edge", NAME)
    about = read(os.path.join(folder, NAME))
    if runtime is None:
        runtime = runtimes.choose(folder, about.part)
    path = os.path.join(folder, runtimes.file_of(runtime, about.part))
    if not os.path.isfile(path):
        advice = "copy it, too, or name its kind to export.py --litert"
        if runtime == "tensorrt":
            advice = f"build it with build_{about.part}.sh"
        raise FileNotFoundError(
            f"The network without a split must exist in a file for {runtime}: "
            f"{advice}. Received: path={path!r}"
        )
    unit_file.check_network(about, path)
    return about, path, runtime


def identity(about):
    """Returns the 32-bit identity of a served network, by its `WholeFile`.

    A hash of its ONNX file, inputs and class names.
    """
    facts = [
        about.sha256.get(runtimes.file_of("onnx", about.part)),
        about.image_size,
        about.resize,
        list(about.classes),
    ]
    if about.output != "softmax":
        facts.append(about.output)
    text = json.dumps(facts)
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def part_of(timing_only):
    """Returns the part of a `WholeFile`, by the attribute of this name."""
    return "whole" if timing_only is None else "whole_for_timing"


def read(path):
    """Returns the `WholeFile` of a whole.json."""
    content = unit_file.read_fields(path, _RULES, ("output",))
    return WholeFile(
        content["name"],
        content["image_size"],
        content["resize"],
        tuple(content["classes"]),
        content["sha256"],
        content["timing_only"],
        content.get("output", "softmax"),
    )


_RULES = (
    fields.format_rule(FORMAT),
    *unit_file.IMAGE_RULES,
    (
        "timing_only",
        "null, or why it is only for timing",
        lambda value: value is None or is_text(value),
    ),
)
