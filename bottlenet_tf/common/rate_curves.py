"""Rate-accuracy curves: values between points, and the BD-rate of two.

A curve is a list of `(bytes, accuracy)` points, mean bytes of an image and
percent. Reports and pages compute from the same functions.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from bottlenet_tf.common.ranges import NotNegative

# Points of accuracy below the unsplit network.
DROPS = (2, 1, 0.5)


@dataclasses.dataclass(frozen=True)
class Figure:
    """Bytes or an accuracy, or the reason why there is none.

    Without a figure, `at_most` are bytes that are known to be enough, if any.
    """

    value: NotNegative | None
    reason: str | None = None
    at_most: NotNegative | None = None


class BdRate(NamedTuple):
    """Mean difference in bytes between two accuracies, or why there is none.

    `percent` is negative where the curve takes fewer bytes; see `bd_rate`.
    """

    percent: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def front(points):
    """Returns the points that rise in bytes and in accuracy, in order."""
    rising = []
    for size, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if not rising or accuracy > rising[-1][1]:
            rising.append((size, accuracy))
    return rising


def bytes_at(points, accuracy):
    """Returns the bytes that a curve needs for an accuracy.

    Between two neighbours on the `front`, the logarithm of bytes is
    interpolated linearly over accuracy. Nothing is extrapolated.
    """
    curve = _positive_front(points)
    if not curve:
        return Figure(None, "nothing was measured")
    lowest, highest = curve[0][1], curve[-1][1]
    if accuracy < lowest:
        return Figure(
            None,
            f"{accuracy:.2f} % is below the {lowest:.2f} % of the smallest "
            "measured point, so fewer bytes may do",
            curve[0][0],
        )
    if accuracy > highest:
        return Figure(
            None,
            f"{accuracy:.2f} % is above the {highest:.2f} % of the most "
            "accurate measured point",
        )
    sizes, accuracies = zip(*curve, strict=True)
    return Figure(float(np.exp(np.interp(accuracy, accuracies, np.log(sizes)))))


def accuracy_at(points, num_bytes):
    """Returns the accuracy that a curve reaches with this many bytes.

    The inverse of `bytes_at`, but beyond the last point of the `front` the
    accuracy is that point's.
    """
    curve = _positive_front(points)
    if not curve:
        return Figure(None, "nothing was measured")
    sizes, accuracies = zip(*curve, strict=True)
    if num_bytes < sizes[0]:
        return Figure(
            None,
            f"{num_bytes:.1f} bytes are fewer than the {sizes[0]:.1f} of the "
            "smallest measured point",
        )
    found = np.interp(math.log(num_bytes), np.log(sizes), accuracies)
    return Figure(float(found))


def bytes_at_drop(points, unsplit_accuracy):
    """Returns `{"2": Figure, ...}`, the `bytes_at` of each of `DROPS`.

    The unsplit network's accuracy is in percent, or None.
    """
    if unsplit_accuracy is None:
        unknown = Figure(None, "the unsplit network's accuracy isn't known")
        return {f"{drop:g}": unknown for drop in DROPS}
    return {
        f"{drop:g}": bytes_at(points, unsplit_accuracy - drop) for drop in DROPS
    }


def bd_rate(points, anchor):
    """Returns how many percent more bytes a curve takes than another.

    100 (exp(D) - 1), where D is the mean, over the accuracies that both
    curves reach, of ln(bytes of `points`) - ln(bytes of `anchor`). Bjøntegaard
    fits a cubic through four points of each; here, as in the current practice
    of video coding, a piecewise cubic (PCHIP) passes through all points of the
    `front` and doesn't overshoot.

    Reference:
        Bjøntegaard, 2001, "Calculation of average PSNR differences between
        RD-curves", ITU-T VCEG-M33.
    """
    curves = [_positive_front(points), _positive_front(anchor)]
    for curve, whose in zip(curves, ("the curve", "the anchor"), strict=True):
        if len(curve) < 2:
            return BdRate(
                None,
                reason="two points that rise in bytes and accuracy make a "
                f"curve, and {whose} has {len(curve)}",
            )
    low = max(curve[0][1] for curve in curves)
    high = min(curve[-1][1] for curve in curves)
    if low >= high:
        ends = (f"{c[0][1]:.2f} to {c[-1][1]:.2f} %" for c in curves)
        return BdRate(
            None,
            reason="the curves share no range of accuracy: "
            f"{' and '.join(ends)}",
        )
    ours, theirs = (_mean_log_bytes(curve, low, high) for curve in curves)
    return BdRate(100 * math.expm1(ours - theirs), low, high)


def _positive_front(points):
    curve = front(points)
    if curve and not curve[0][0] > 0:
        raise ValueError(
            "A point of a curve must take more than 0 bytes: curves are "
            f"interpolated in log bytes. Received: bytes={curve[0][0]!r}"
        )
    return curve


def _mean_log_bytes(curve, low, high):
    sizes, accuracies = np.array(curve, np.float64).T
    log_bytes = PchipInterpolator(accuracies, np.log(sizes))
    return float(log_bytes.integrate(low, high)) / (high - low)


class Unit(NamedTuple):
    """A measured unit and its rivals, from any kind of file.

    Attributes:
        kind: Its codec's name; "learned" or "datta" for these units.
        points: Tuple of `(bytes, accuracy)`, one for each operating point.
        default: That of the default operating point.
        unsplit_accuracy: In percent, or None.
        cloud: `(codec, bytes, accuracy)` of each point of cloud-only.
        tuned: The same of networks tuned for the codec.
    """

    split: str
    mode: str
    kind: str
    points: tuple
    default: tuple
    unsplit_accuracy: float | None = None
    cloud: tuple = ()
    tuned: tuple = ()


class UnitCurve(NamedTuple):
    """A unit of several operating points, or several units of one.

    `points` are `(bytes, accuracy)`, by bytes. `marked` are those that a
    deployment uses by default: the default point, or all of units of one point.
    `members` are indices in the list that `unit_curves` was given.
    """

    split: str
    mode: str
    kind: str
    points: tuple
    marked: tuple
    members: tuple


def unit_curves(units):
    """Returns the `UnitCurve`s of some units of one network.

    Units of one operating point, of the same split point, training and kind,
    form a curve together. A curve may be of one point.
    """
    groups = {}
    for i, unit in enumerate(units):
        own = i if len(unit.points) > 1 else None
        key = (unit.split, unit.mode, unit.kind, own)
        groups.setdefault(key, []).append((i, unit))
    return [
        UnitCurve(
            *key[:3],
            tuple(sorted(p for _, unit in group for p in unit.points)),
            tuple(sorted(unit.default for _, unit in group)),
            tuple(i for i, _ in group),
        )
        for key, group in groups.items()
    ]


def unit_kind(unit_flags):
    """Returns the `Unit.kind` of the unit's flags in a report."""
    if unit_flags.get("kind") in ("learned", "datta"):
        return unit_flags["kind"]
    return unit_flags.get("codec", "jpeg")


def jpeg_units(curve, units):
    """Returns the JPEG units at a learned unit's split point; else none."""
    if curve.kind != "learned":
        return []
    return [u for u in units if (u.split, u.kind) == (curve.split, "jpeg")]


def rival_curves(untouched, tuned=()):
    """Returns the curves of image codecs, of all sides in pixels together.

    Tuning the network for a codec is optional, so that a tuned rival's curve
    contains the untouched network's points, too.

    Args:
        untouched: `(codec, bytes, accuracy)` of cloud-only.
        tuned: The same of networks tuned for the codec.

    Returns:
        `(untouched, tuned)`, `{codec: points}` each.
    """
    curves = _by_codec(untouched)
    return curves, {
        codec: curves.get(codec, []) + points
        for codec, points in _by_codec(tuned).items()
    }


def _by_codec(points):
    curves = {}
    for codec, *pair in points:
        curves.setdefault(codec, []).append(tuple(pair))
    return curves
