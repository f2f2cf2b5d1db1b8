"""What a split network reaches, and what its real bytes cost."""

import dataclasses
from typing import NamedTuple

import numpy as np

from bottlenet_tf import tasks
from bottlenet_tf.evaluation.accuracy import iterate
from bottlenet_tf.evaluation.identity import payload_format
from bottlenet_tf.evaluation.wire_path import WirePath


class SizeSummary(NamedTuple):
    """Sizes in bytes: mean, median, 95th and 99th percentile, largest."""

    mean: float
    median: float
    p95: float
    p99: float
    max: float


def summarize(sizes):
    """Returns the `SizeSummary` of sizes in bytes, one for each image.

    A percentile is the smallest size that at least so many percent of the
    images don't exceed: a size that occurs, not one interpolated.
    """
    percentiles = (
        float(np.percentile(sizes, share, method="inverted_cdf"))
        for share in (95, 99)
    )
    return SizeSummary(
        float(np.mean(sizes)),
        float(np.median(sizes)),
        *percentiles,
        float(np.max(sizes)),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class SplitResult:
    """What sending every image, one at a time, gave.

    Attributes:
        accuracy: In percent, of logits computed from the received bytes.
        mean_average_precision: The same for several labels an image, else
            None.
        payload_bytes: int64 `(images,)`, image data of each image: what the
            codec made.
        wire_bytes: int64 `(images,)`, `len()` of each whole payload: header,
            range and image data.
    """

    accuracy: float
    payload_bytes: np.ndarray
    wire_bytes: np.ndarray
    mean_average_precision: float | None = None

    @property
    def num_images(self):
        return len(self.wire_bytes)

    @property
    def overhead_bytes(self):
        """Bytes of a payload that are not image data; the same for all."""
        return int(self.wire_bytes[0] - self.payload_bytes[0])


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """What a unit gave at each of its operating points.

    Attributes:
        points: What each point is, in order; see `Codec.points`.
        results: Tuple of `SplitResult`, one for each.
        default_point: Index of the unit's default point.
    """

    points: tuple
    results: tuple
    default_point: int = 0

    @property
    def default(self):
        """The `SplitResult` of the unit's default point."""
        return self.results[self.default_point]


def evaluate_split(model, part, batch_size=256, progress=True):
    """Sends every image through the network's byte side, at every point.

    The prefix runs once for all operating points.

    Args:
        model: Built `BottleNet`.
        part: `data.Part`, the images to measure on.
        batch_size: Images per call of head and tail; sizes don't depend on
            it, since every image is packed alone.
        progress: Whether to show a progress bar.

    Returns:
        `Curve`.

    Raises:
        ValueError: if there are no images or codes aren't finite.
    """
    unit = model.unit
    own = payload_format(model)
    forms = [(own, point) for point in range(len(own.points))]
    results = _evaluate(model, part, forms, batch_size, progress)
    return Curve(own.points, tuple(results), unit.default_point)


def evaluate_codecs(model, part, codecs, batch_size=256, progress=True):
    """Sends every image through several byte sides; the head runs once.

    Args:
        model: Built `BottleNet`.
        part: `data.Part`, the images to measure on.
        codecs: Byte side `Codec`s in place of the unit's own, each at its
            first operating point.
        batch_size, progress: As for `evaluate_split`.

    Returns:
        List of `SplitResult`, one for each codec.

    Raises:
        ValueError: as `evaluate_split`.
    """
    forms = [(payload_format(model, codec), 0) for codec in codecs]
    return _evaluate(model, part, forms, batch_size, progress)


def _evaluate(model, part, forms, batch_size, progress):
    """Returns a `SplitResult` for each `(PayloadFormat, point)`."""
    path, points = WirePath(model), [point for _, point in forms]
    meters = [tasks.Meter(part.task) for _ in forms]
    wire_bytes = [[] for _ in forms]
    batches = iterate(part, batch_size, progress, "split network")
    for images, labels in batches:
        encoded = path.codes_at(images, points)
        for i, (form, point) in enumerate(forms):
            payloads = path.pack(*encoded[i], point, form)
            logits = path.decode(payloads, form)
            meters[i].add(logits, labels)
            wire_bytes[i] += [len(payload) for payload in payloads]
    return [
        _result(form, *counts)
        for (form, _), *counts in zip(forms, meters, wire_bytes, strict=True)
    ]


def _result(form, meter, wire_bytes):
    wire_bytes = np.array(wire_bytes, np.int64)
    return SplitResult(
        accuracy=meter.accuracy,
        payload_bytes=wire_bytes - form.overhead_bytes,
        wire_bytes=wire_bytes,
        mean_average_precision=meter.mean_average_precision,
    )
