"""The whole signal path with real bytes in the middle, and what they cost."""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bottlenet_tf.evaluation.accuracy import iterate, percent
from bottlenet_tf.evaluation.identity import payload_format


class SizeSummary(NamedTuple):
    """Mean, median and 95th percentile of sizes, in bytes."""

    mean: float
    median: float
    p95: float


def summarize(sizes):
    """Returns the `SizeSummary` of sizes in bytes, one for each image.

    The percentile is the smallest size that at least 95 % of the images
    don't exceed: a size that occurs, not one interpolated.
    """
    return SizeSummary(
        float(np.mean(sizes)),
        float(np.median(sizes)),
        float(np.percentile(sizes, 95, method="inverted_cdf")),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class SplitResult:
    """What sending every image, one at a time, gave.

    Attributes:
        accuracy: In percent, of logits computed from the received bytes.
        payload_bytes: int64 `(images,)`, image data of each image: what the
            codec made.
        wire_bytes: int64 `(images,)`, `len()` of each whole payload: header,
            range and image data.
    """

    accuracy: float
    payload_bytes: np.ndarray
    wire_bytes: np.ndarray

    @property
    def num_images(self):
        return len(self.wire_bytes)

    @property
    def overhead_bytes(self):
        """Bytes of a payload that are not image data; the same for all."""
        return int(self.wire_bytes[0] - self.payload_bytes[0])


def whole_codes(codes):
    """Returns the uint8 codes that float32 whole numbers stand for.

    Raises:
        ValueError: if one isn't finite or lies outside 0..255.
    """
    whole = np.rint(codes)
    # The negation also catches NaN, which compares False with anything.
    if not np.all((whole >= 0) & (whole <= 255)):
        raise ValueError(
            "Codes must be finite and within 0..255, because they travel as "
            "uint8; a network that has diverged makes others. "
            f"Received: smallest={np.min(whole)}, largest={np.max(whole)}"
        )
    return whole.astype(np.uint8)


class WirePath:
    """Head and tail of one network, joined by nothing but bytes.

    Head and tail run in batches, the byte side on one image at a time. The
    tail gets only what `PayloadFormat.unpack` returns. A batch may be empty;
    the network never sees such a one, which oneDNN's convolutions can't take.

    Args:
        model: Built `BottleNet`.
    """

    def __init__(self, model):
        self.format = payload_format(model)
        self._num_classes = model.suffix.output_shape[-1]

        def tail(codes, code_range=None):
            if code_range is None:  # The tail's own weights hold the range.
                code_range = model.unit.quantizer.code_range(codes)
            return model.decode(codes, code_range)

        self._head = tf.function(model.encode, reduce_retracing=True)
        self._tail = tf.function(tail, reduce_retracing=True)

    def codes(self, images):
        """Device side up to the codec: images -> `(codes, code_range)`.

        Returns:
            uint8 `(batch, h, w, c')` and float32 `(batch, 2)`.

        Raises:
            ValueError: if the network's features are not finite.
        """
        if not len(images):
            codes = np.zeros((0, *self.format.shape), np.uint8)
            return codes, np.zeros((0, 2), np.float32)
        codes, code_range = self._head(tf.convert_to_tensor(images))
        return whole_codes(codes), code_range.numpy()

    def pack(self, codes, code_range, form=None):
        """Codec and payload: `(codes, code_range)` -> list of payloads.

        Args:
            codes, code_range: As `codes` returns them.
            form: `PayloadFormat` in place of the unit's own: one network seen
                through many qualities.
        """
        form = form or self.format
        return [
            form.pack(image, tuple(map(float, bounds)))
            if form.sends_range
            else form.pack(image)
            for image, bounds in zip(codes, code_range, strict=True)
        ]

    def encode(self, images):
        """Device side: images `(batch, H, W, 3)` -> list of payloads."""
        return self.pack(*self.codes(images))

    def decode(self, payloads, form=None):
        """Cloud side: list of payloads -> float32 logits `(batch, classes)`.

        Args:
            payloads: As `encode` or `pack` returns them.
            form: As for `pack`.

        Raises:
            PayloadError: if a payload is corrupt or of another network.
        """
        form, count = form or self.format, len(payloads)
        if not count:
            return np.zeros((0, self._num_classes), np.float32)
        codes = np.empty((count, *form.shape), np.float32)
        ranges = np.empty((count, 2), np.float32)
        for i, payload in enumerate(payloads):
            codes[i], bounds = form.unpack(payload)
            ranges[i] = bounds if form.sends_range else 0.0
        if form.sends_range:
            return self._tail(codes, ranges).numpy()
        return self._tail(codes).numpy()


def evaluate_split(model, part, batch_size=256, progress=True):
    """Sends every image through the network's byte side.

    Args:
        model: Built `BottleNet`.
        part: `data.Part`, the images to measure on.
        batch_size: Images per call of head and tail; sizes don't depend on
            it, since every image is packed alone.
        progress: Whether to show a progress bar.

    Returns:
        `SplitResult`.

    Raises:
        ValueError: if there are no images or codes aren't finite.
    """
    own = [model.unit.byte_codec]
    return evaluate_codecs(model, part, own, batch_size, progress)[0]


def evaluate_codecs(model, part, codecs, batch_size=256, progress=True):
    """Sends every image through several byte sides; the head runs once.

    Args:
        model: Built `BottleNet`.
        part: `data.Part`, the images to measure on.
        codecs: Byte side `Codec`s in place of the unit's own.
        batch_size, progress: As for `evaluate_split`.

    Returns:
        List of `SplitResult`, one for each codec.

    Raises:
        ValueError: as `evaluate_split`.
    """
    path = WirePath(model)
    forms = [payload_format(model, codec) for codec in codecs]
    correct, wire_bytes = [0] * len(forms), [[] for _ in forms]
    batches = iterate(part, batch_size, progress, "split network")
    for images, labels in batches:
        codes = path.codes(images)
        for i, form in enumerate(forms):
            payloads = path.pack(*codes, form)
            logits = path.decode(payloads, form)
            correct[i] += np.sum(np.argmax(logits, axis=-1) == labels)
            wire_bytes[i] += [len(payload) for payload in payloads]
    return [
        _result(form, *counts)
        for form, *counts in zip(forms, correct, wire_bytes, strict=True)
    ]


def _result(form, correct, wire_bytes):
    wire_bytes = np.array(wire_bytes, np.int64)
    return SplitResult(
        accuracy=percent(correct, len(wire_bytes)),
        payload_bytes=wire_bytes - form.overhead_bytes,
        wire_bytes=wire_bytes,
    )


def encode_to_payloads(model, images):
    """Returns the payload (bytes) of each image; see `WirePath.encode`."""
    return WirePath(model).encode(images)


def predict_payloads(model, payloads):
    """Returns the logits of a list of payloads; see `WirePath.decode`."""
    return WirePath(model).decode(payloads)
