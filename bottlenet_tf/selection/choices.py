"""The choices: every operating point of every split."""

import dataclasses
import enum

from bottlenet_tf.common.ranges import NotNegative, Percent, Whole
from bottlenet_tf.common.run_folders import choosing_figures
from bottlenet_tf.common.validation import check


class Way(enum.Enum):
    """Where the network is computed."""

    SPLIT = "split"
    RAW_SPLIT = "raw split"
    DEVICE = "device"
    CLOUD = "cloud"


@dataclasses.dataclass(frozen=True)
class Spread:
    """The spread of wire bytes above their mean."""

    p95: NotNegative
    p99: NotNegative
    max: NotNegative


@dataclasses.dataclass(frozen=True)
class Image:
    """The image file that cloud-only sends; `side` in pixels.

    `file_bytes` is the mean of the files that a device sends; a choice counts
    less, without bytes that a receiver can restore. None if unknown.
    """

    codec: str
    quality: int
    side: int
    file_bytes: float | None = None


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to get an answer; accuracies are in percent, None if unknown."""

    name: str  # E.g. "RB3", "RB6 at point 9" or "mobile-only".
    way: Way
    # Mean wire bytes of an image, without the `Link`'s message; 0 if nothing is
    # sent.
    sent_bytes: NotNegative
    accuracy: Percent | None = None  # On validation images.
    split: str | None = None  # Its name in profiles, the run's.
    detail: str = ""  # Unit, quality or codec, for display.
    workdir: str | None = None
    test_accuracy: Percent | None = None  # Not used for choosing.
    point: Whole | None = None  # Operating point; None if the unit has one.
    finer_accuracy: Percent | None = None  # Of the unit's next finer point.
    spread: Spread | None = None
    # Identity of the unit, whose first bits its payloads carry.
    unit_id: int | None = None
    image: Image | None = None  # Of cloud-only with the untouched network.

    def __post_init__(self):
        check(
            self.sent_bytes >= 0,
            "The bytes of a choice must not be negative.",
            choice=self.name,
            sent_bytes=self.sent_bytes,
        )
        splits = self.way in (Way.SPLIT, Way.RAW_SPLIT)
        check(
            (self.split is not None) == splits,
            "A split must name its split point, and no other choice may.",
            choice=self.name,
            split=self.split,
        )

    @property
    def sure_accuracy(self):
        """The accuracy to choose by, in percent; None if unknown.

        At most that of the next finer point: fewer bytes of a unit aren't more
        accurate, so that a single lucky measurement doesn't win.
        """
        if self.finer_accuracy is None or self.accuracy is None:
            return self.accuracy
        return min(self.accuracy, self.finer_accuracy)

    @property
    def shown_accuracy(self):
        """In percent, on test images if known, else on validation images."""
        if self.test_accuracy is not None:
            return self.test_accuracy
        return self.accuracy

    @property
    def sends(self):
        """Whether a message is sent."""
        return self.way is not Way.DEVICE or self.sent_bytes > 0


def from_report(name, report, workdir=None):
    """Returns the `Choice`s that a split run's report describes.

    One for each operating point, from most to fewest bytes. Bytes, and the
    accuracies to choose by, are those on validation images.

    The name is that of the run's folder, as in profiles.
    """
    figures = choosing_figures(report)
    check(
        report["split"] is not None,
        "A choice must be a run with a unit.",
        name=name,
        workdir=workdir,
    )
    place = "" if report["split"] == name else f"{report['split']}, "
    points, accuracies = _points(figures), _test_accuracies(report)
    finer = (None, *(point["accuracy"] for point in points))
    found = []
    for point, finer_accuracy in zip(points, finer):
        index = point["index"] if len(points) > 1 else None
        found.append(
            Choice(
                name if index is None else f"{name} at point {index}",
                Way.SPLIT,
                point["wire_bytes_mean"],
                point["accuracy"],
                name,
                place + _unit_words(report["flags"]["unit"]),
                workdir,
                accuracies.get(point.get("index")),
                index,
                finer_accuracy,
                _spread(point),
                report.get("unit_id"),
            )
        )
    return found


def of_test(report, figure):
    """Returns a figure of a report if it is one on test images, or None."""
    return report[figure] if report["measured_on"] == "test" else None


def _points(figures):
    """Returns operating points, from most to fewest bytes.

    Figures of versions without operating points have one.
    """
    points = figures.get("points") or [figures]
    return sorted(points, key=lambda p: p["wire_bytes_mean"], reverse=True)


def _test_accuracies(report):
    """Returns `{index of the point: accuracy}` on test images."""
    if report["measured_on"] != "test":
        return {}
    return {p.get("index"): p["accuracy"] for p in _points(report)}


def _spread(point):
    sizes = [point.get(f"wire_bytes_{name}") for name in ("p95", "p99", "max")]
    return None if None in sizes else Spread(*sizes)


def _unit_words(unit):
    """Returns a unit of a report's flags in a few words."""
    kind = unit.get("kind", "bottlenet")
    if kind == "learned":
        return "learned unit"
    if kind == "datta":
        sizes = f"c'={unit['channels']}, s={unit['stride']}"
        return f"Datta's unit, {sizes}, q={unit['latent_step']:g}"
    return (
        f"c'={unit['channels']}, s={unit['stride']}, {unit['codec']} "
        f"{unit['quality']}"
    )
