"""What there is to choose from: the splits, and what they must beat."""

import dataclasses
import enum

from bottlenet_tf.validation import check


class Way(enum.Enum):
    """Who computes what."""

    SPLIT = "split"
    RAW_SPLIT = "raw split"
    DEVICE = "device"
    CLOUD = "cloud"


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to get an answer.

    Attributes:
        name: Such as "RB3" or "mobile-only".
        way: `Way`.
        sent_bytes: What travels for one image, in the mean; 0 if nothing.
        accuracy: In percent; None if unknown.
        split: What the profiles call it, the run's name; None unless something
            is split.
        detail: What it is, for people: unit, quality, codec.
        workdir: Run that it comes from; None if there is none.
    """

    name: str
    way: Way
    sent_bytes: float
    accuracy: float | None = None
    split: str | None = None
    detail: str = ""
    workdir: str | None = None

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
            "A split names its split point, and nothing else does.",
            choice=self.name,
            split=self.split,
        )


def from_report(name, report, workdir=None):
    """Returns the `Choice` that a split run's report describes.

    Args:
        name: The run's, by which profiles know it: its folder's name.
        report: As `evaluation.load_report` returns it.
        workdir: The run's folder.

    Raises:
        ValueError: for the report of an unsplit baseline.
    """
    check(
        report["mode"] != "baseline",
        "A choice must be a run with a unit, not a baseline.",
        name=name,
        workdir=workdir,
    )
    unit = report["flags"]["unit"]
    point = "" if report["split"] == name else f"{report['split']}, "
    detail = (
        f"{point}c'={unit['channels']}, s={unit['stride']}, {unit['codec']} "
        f"{unit['quality']}"
    )
    return Choice(
        name,
        Way.SPLIT,
        report["wire_bytes_mean"],
        report["accuracy"],
        name,
        detail,
        workdir,
    )


def references(reports, max_accuracy_loss):
    """Returns what splits are held against.

    - mobile-only: the whole network on the device, nothing sent;
    - label-only: the same, and the answer is sent; the bound for bytes, if
      there is a trained whole network;
    - cloud-only at its highest quality, as the paper compares;
    - cloud-only at matched accuracy: the fewest bytes at which no more than
      `max_accuracy_loss` is lost;
    - raw split: a split's feature as 8-bit numbers, deflated, without a unit
      (Neurosurgeon's way), one for each report.

    Args:
        reports: `{name: report}` of runs on one network and one data set.
        max_accuracy_loss: Percentage points.

    Returns:
        List of `Choice`.

    Raises:
        ValueError: if the reports are of different networks or data.
    """
    first, *others = reports.values()
    for report in others:
        for field in ("backbone", "dataset", "dataset_fingerprint"):
            check(
                report[field] == first[field],
                f"All reports must be of one network and one data set, but "
                f"{field} differs.",
                one=first[field],
                other=report[field],
            )
    whole = first["baseline_accuracy"]
    label = first["label_only"]
    found = [Choice("mobile-only", Way.DEVICE, 0, whole)]
    if label is not None:
        found.append(
            Choice("label-only", Way.DEVICE, label["bytes"], label["accuracy"])
        )
    side = max((point["side"] for point in first["cloud_only"]), default=0)
    highest = _highest_quality(first["cloud_only"])
    if highest is not None:
        told = f"{_point(highest, side)}, highest quality"
        found.append(_cloud("cloud-only, best", highest, told))
    matched = [
        point
        for point in first["cloud_only"]
        if whole is None or point["accuracy"] >= whole - max_accuracy_loss
    ]
    if matched:
        smallest = min(matched, key=lambda point: point["bytes"])
        told = _point(smallest, side)
        found.append(_cloud("cloud-only, matched", smallest, told))
    for name, report in reports.items():
        raw = report.get("raw_features")
        if raw is not None:
            found.append(
                Choice(
                    f"{name} raw",
                    Way.RAW_SPLIT,
                    raw["deflated_bytes_mean"],
                    raw["accuracy"],
                    name,
                    "8 bit, deflated",
                )
            )
    return found


def _highest_quality(points):
    """The JPEG of the highest quality, of the images as they are stored."""
    jpeg = [point for point in points if point["codec"] == "jpeg"]
    return max(jpeg, key=lambda p: (p["quality"], -p["bytes"]), default=None)


def _point(point, network_side):
    """Returns "jpeg 95", with the images' side if the network's is another."""
    told = f"{point['codec']} {point['quality']}"
    side = point["side"]
    return told if side == network_side else f"{told} at {side} px"


def _cloud(name, point, detail):
    return Choice(
        name, Way.CLOUD, point["bytes"], point["accuracy"], detail=detail
    )
