"""Accuracy of a split network behind real bytes, and their sizes."""

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

    A percentile is the smallest size that at least this percentage of the
    images don't exceed: an actual size, not interpolated.
    """
    high = np.percentile(sizes, (95, 99), method="inverted_cdf")
    found = (np.mean(sizes), np.median(sizes), *high, np.max(sizes))
    return SizeSummary(*map(float, found))


@dataclasses.dataclass(frozen=True, eq=False)
class SplitResult:
    """The figures of sending every image, one at a time.

    Attributes:
        accuracy: In percent, of logits computed from the received bytes.
        payload_bytes: int64 `(images,)`, the codec's image data of each image.
        wire_bytes: int64 `(images,)`, `len()` of each payload: header, range
            and image data.
        mean_average_precision: In percent, for several labels per image.
    """

    accuracy: float
    payload_bytes: np.ndarray
    wire_bytes: np.ndarray
    mean_average_precision: float | None = None

    @property
    def overhead_bytes(self):
        """Bytes of any payload besides its image data."""
        return int(self.wire_bytes[0] - self.payload_bytes[0])


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """A unit's `SplitResult` at each of its operating points.

    Attributes:
        points: The value of each point, in order; see `Codec.points`.
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
    """Returns the `Curve` of sending every image of a `data.Part`.

    The prefix runs once for all operating points.
    """
    unit = model.unit
    own = payload_format(model)
    forms = [(own, point) for point in range(len(own.points))]
    results = _evaluate(model, part, forms, batch_size, progress)
    return Curve(own.points, tuple(results), unit.default_point)


def evaluate_codecs(model, part, codecs, batch_size=256, progress=True):
    """Returns a `SplitResult` for each of several byte sides.

    The head runs once. The `Codec`s replace the unit's own, each at its first
    operating point. Raises as `evaluate_split`.
    """
    forms = [(payload_format(model, codec), 0) for codec in codecs]
    return _evaluate(model, part, forms, batch_size, progress)


def _evaluate(model, part, forms, batch_size, progress):
    """Returns a `SplitResult` for each `(PayloadFormat, point)`."""
    path, points = WirePath(model), [point for _, point in forms]
    meters = [tasks.Meter(part.task) for _ in forms]
    sizes = [[] for _ in forms]
    batches = iterate(part, batch_size, progress, "split network")
    for images, labels in batches:
        encoded = path.codes_at(images, points)
        for i, (form, point) in enumerate(forms):
            payloads = path.pack(*encoded[i], point, form)
            meters[i].add(path.decode(payloads, form), labels)
            sizes[i] += map(len, payloads)
    results = []
    for (form, _), meter, lengths in zip(forms, meters, sizes, strict=True):
        wire_bytes = np.array(lengths, np.int64)
        results.append(
            SplitResult(
                meter.accuracy,
                wire_bytes - form.overhead_bytes,
                wire_bytes,
                meter.mean_average_precision,
            )
        )
    return results
