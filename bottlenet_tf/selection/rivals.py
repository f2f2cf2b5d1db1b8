"""The rivals of splits: the unsplit network, image codecs, raw splits."""

from bottlenet_tf.common.run_folders import choosing_figures
from bottlenet_tf.common.validation import check
from bottlenet_tf.selection.choices import Choice, Image, Way, of_test


def references(reports, max_accuracy_loss):
    """Returns the `Choice`s to compare splits with.

    - mobile-only: the complete network on the device, nothing sent;
    - label-only: the same, and the answer is sent; the bound for bytes, if
      there is a trained unsplit network;
    - cloud-only at its highest quality, as the paper compares;
    - cloud-only at matched accuracy: the fewest bytes at which no more than
      `max_accuracy_loss` points are lost;
    - cloud-only, tuned: the same, with a network tuned for the image codec, if
      a report has such rivals;
    - raw split: a split's feature as 8-bit numbers, deflated, without a unit
      (as in Neurosurgeon), one for each report.
    """
    figures = {name: choosing_figures(r) for name, r in reports.items()}
    _check_same(reports, figures)
    first = next(iter(reports))
    whole = figures[first]["baseline_accuracy"]
    on_test = of_test(reports[first], "baseline_accuracy")
    found = [Choice("mobile-only", Way.DEVICE, 0, whole, test_accuracy=on_test)]
    label = figures[first]["label_only"]
    if label is not None:
        found.append(
            Choice(
                "label-only", Way.DEVICE, label["bytes"], label["accuracy"],
                test_accuracy=on_test,
            )
        )  # fmt: skip
    points = figures[first]["cloud_only"]
    tested = of_test(reports[first], "cloud_only") or []
    tuned = _tuned_points(figures.values())
    tuned_tested = _tuned_points(
        r for r in reports.values() if r["measured_on"] == "test"
    )
    matched = _smallest(points, whole, max_accuracy_loss)
    fewest = _smallest(tuned, whole, max_accuracy_loss)
    side = max((point["side"] for point in points), default=0)
    for name, point, about, counterparts in (
        ("best", _highest_quality(points), ", highest quality", tested),
        ("matched", matched, "", tested),
        ("tuned", fewest, ", network tuned for it", tuned_tested),
    ):
        if point is not None:
            detail = _point(point, side) + about
            name = f"cloud-only, {name}"
            found.append(_cloud(name, point, detail, counterparts))
    for name, report in reports.items():
        raw = figures[name].get("raw_features")
        if raw is not None:
            tested = of_test(report, "raw_features") or {}
            found.append(
                Choice(
                    f"{name} raw",
                    Way.RAW_SPLIT,
                    raw["deflated_bytes_mean"],
                    raw["accuracy"],
                    name,
                    "8 bit, deflated",
                    test_accuracy=tested.get("accuracy"),
                )
            )
    return found


def _check_same(reports, figures):
    """Raises ValueError unless all are of one network on the same images."""
    first = next(iter(reports))
    for name in reports:
        for of, field in (
            (reports, "backbone"),
            (reports, "dataset"),
            (figures, "dataset_fingerprint"),
        ):
            check(
                of[name][field] == of[first][field],
                f"All reports must be of one network and one data set, but "
                f"{field} differs.",
                one=of[first][field],
                other=of[name][field],
            )


def _tuned_points(all_figures):
    """Returns the points of all tuned rivals that any of the figures have."""
    return [
        point
        for figures in all_figures
        for point in (figures.get("tuned_rivals") or {}).get("points", ())
    ]


def _smallest(points, whole, max_loss):
    """Returns the smallest acceptable point, or None."""
    acceptable = [
        point
        for point in points
        if whole is None or point["accuracy"] >= whole - max_loss
    ]
    return min(acceptable, key=lambda p: p["bytes"], default=None)


def _highest_quality(points):
    """The JPEG of the highest quality, of the images in their stored size."""
    jpeg = [point for point in points if point["codec"] == "jpeg"]
    return max(jpeg, key=lambda p: (p["quality"], -p["bytes"]), default=None)


def _point(point, network_side):
    """Returns "jpeg 95", with the images' side if it isn't the network's."""
    text = f"{point['codec']} {point['quality']}"
    side = point["side"]
    return text if side == network_side else f"{text} at {side} px"


def _cloud(name, point, detail, tested):
    """Returns the `Choice` of a sweep's point; `tested` has its counterpart."""
    setting = ("codec", "quality", "side", "tuned_at", "rival")
    same = [
        p["accuracy"]
        for p in tested
        if all(p.get(key) == point.get(key) for key in setting)
    ]
    image = Image(
        point["codec"], point["quality"], point["side"], point.get("file_bytes")
    )
    return Choice(
        name,
        Way.CLOUD,
        point["bytes"],
        point["accuracy"],
        detail=detail,
        test_accuracy=same[0] if same else None,
        image=None if point.get("tuned_at") else image,
    )
