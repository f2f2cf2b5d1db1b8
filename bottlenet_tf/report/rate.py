"""Accuracy over bytes of a search or of runs: pictures and their data."""

from bottlenet_tf.common.accuracy_drawing import (
    MOST_LABELS,
    Series,
    cloud_series,
    draw_rates,
    look,
)
from bottlenet_tf.common.curve_cells import codec_label, unit_label
from bottlenet_tf.common.diagrams import INK, is_narrow
from bottlenet_tf.common.rate_curves import front, unit_curves
from bottlenet_tf.report import text
from bottlenet_tf.report.picture import Picture, looks_of

# Points below the least relevant accuracy that are still drawn.
_DEPTH = 12.0
_OF_SEARCH = (
    "what", "split", "point", "trial_or_codec", "quality", "side_px",
    "wire_bytes", "accuracy_percent", "images",
)  # fmt: skip
_OF_RUNS = (
    "what", "run", "split", "point", "quality", "side_px", "wire_bytes",
    "accuracy_percent", "images",
)  # fmt: skip


def of_sources(sources):
    """Returns the `Picture` of a search, or of other runs."""
    if sources.search:
        return of_search(sources)
    return of_runs(sources.all_runs, sources=sources)


def of_search(sources):
    """Returns the `Picture` of a search with at least one measured run.

    The units to compare with and the choices of a selection are drawn, too.
    """
    search, runs = sources.search, list(sources.runs.values())
    searched = search.stated.config.search_images
    named = more = ""
    if len(runs) > min(MOST_LABELS.values()):
        named = " (the legend names all, the plot the best)"
    if any(run.points[1:] for run in runs):
        more += " Thick lines: all operating points of a unit."
    if sources.against:
        more += " Black: the units to compare with."
    lead = (
        f"Large marks: the unit kept for each split{named}, on all "
        f"{runs[0].num_images:,} test images. Small marks: the search's trials "
        f"on the Pareto front, on {searched or 'all'} validation images.{more}"
    )
    data = [_row("candidate", r, r.at(None)) for r in runs]
    for run in runs:
        data += _operating_points(run) if run.points[1:] else []
    for run in sources.against:
        data += _operating_points(run, "against")
    data += [
        {"what": "trial", "split": trial.split, "trial_or_codec": trial.name,
         "quality": point.quality, "wire_bytes": point.wire_bytes,
         "accuracy_percent": point.accuracy, "images": searched or ""}
        for trial in search.results.trials for point in trial.points
    ]  # fmt: skip
    made = (search.origin, *(run.origin for run in sources.against))
    series = _series_of_search(sources)
    return _picture(
        "rate_accuracy", lead, ".", runs, series, data, made, sources
    )


def of_runs(runs, name="rate_accuracy", sources=None):
    """Returns the `Picture` of one or more runs of one network.

    The choices of a selection in `sources` are marked.
    """
    curves = unit_curves(run.unit for run in runs)
    looks = looks_of(range(len(curves)))
    series = [
        _of_curve(curve, looks[i], text.plain(unit_label(curve)))
        for i, curve in enumerate(curves)
    ]
    lead = (
        "Lines: all operating points of a unit, or units of one point at the "
        "same split. Large marks: default operating points."
    )
    data = [point for run in runs for point in _operating_points(run)]
    made = tuple(run.origin for run in runs)
    end = f". All on {runs[0].images}."
    return _picture(name, lead, end, runs, series, data, made, sources)


def _picture(name, lead, end, runs, series, data, origins, sources):
    """Returns a `Picture` of runs and `Series`, with cloud-only and rings.

    Its caption begins with `lead`; `end` follows the words on cloud-only.
    """
    first, least, loss = runs[0], [run.accuracy for run in runs], None
    if sources and sources.search:
        loss = sources.search.results.max_accuracy_loss
        least.append(sources.search.stated.accuracy - loss)
    floor = max(0.0, min(least) - _DEPTH)
    header = _OF_RUNS if loss is None else _OF_SEARCH
    chosen = sources.chosen if sources else {}
    if chosen:
        each = (f"{n} for {text.listed(c[1])}" for n, c in chosen.items())
        lead += f" Rings: the choices, {'; '.join(each)}."
    rings = [
        (choice, links, sources.runs[choice.split])
        for choice, links in chosen.values()
    ]
    left_out = "".join(
        f" {text.short(codec_label(codec))} is left out: {reason}."
        for codec, reason in first.left_out.items()
    )
    points = ", ".join(
        f"{run.name if loss is None else run.split} {run.accuracy:.2f} % at "
        f"{run.wire_bytes:.0f} wire bytes"
        for run in runs
    )
    data += [
        _row(f"chosen for {' '.join(links)}", run, run.at(choice.point),
             point=choice.point)
        for choice, links, run in rings
    ]  # fmt: skip
    data += [
        _row("cloud-only", first, (p.num_bytes, p.accuracy), run=p.codec,
             split="", trial_or_codec=p.codec, quality=p.quality,
             side_px=p.side)
        for p in first.cloud
    ]  # fmt: skip
    circles = [
        (*run.at(choice.point), text.short(", ".join(links)))
        for choice, links, run in rings
    ]
    return Picture(
        name=name,
        caption=(
            f"{lead} Grey: the image itself, compressed and sent to the "
            f"untouched network{end} Bytes are wire bytes, without the message "
            f"that carries them. Points below {floor:.0f} % aren't drawn; the "
            f"CSV file has them.{left_out}"
        ),
        alt=f"Accuracy over wire bytes of one image: {points}.",
        draw=lambda width: draw_rates(
            width, [*_cloud(first, width), *series], first.baseline_accuracy,
            floor, rings=circles, loss=loss,
        ),
        header=header,
        rows=[[row.get(column, "") for column in header] for row in data],
        origins=origins,
    )  # fmt: skip


def _cloud(run, width):
    start = "cloud: " if is_narrow(width) else "cloud-only, "
    return cloud_series(
        [
            (text.short(p.codec), p.side, p.num_bytes, p.accuracy)
            for p in run.cloud
        ],
        start,
    )


def _series_of_search(sources):
    search, runs = sources.search, sources.runs
    looks = looks_of(search.splits)
    series = []
    for split in search.splits:
        points = (
            (point.wire_bytes, point.accuracy)
            for trial in search.results.trials
            if trial.split == split
            for point in trial.points
        )
        line = [point for point in front(points) if point[0] > 0]
        label = None if split in runs else f"{text.short(split)} (none)"
        thin = look(*looks[split], linewidth=1, markersize=3.5)
        series.append(Series(line, thin, label=label))
    for curve in unit_curves(run.unit for run in runs.values()):
        name = text.short(curve.split)
        series.append(_of_curve(curve, looks[curve.split], name))
    for curve in unit_curves(run.unit for run in sources.against):
        label = text.short(unit_label(curve))
        series.append(Series(curve.points, look(INK, "*"), label=label))
    return series


def _of_curve(curve, looks, label):
    """Returns the `Series` of a `UnitCurve`, its deployed points marked."""
    name = text.short(curve.split)
    marks = tuple((*point, name) for point in curve.marked)
    return Series(curve.points, look(*looks), marks, label)


def _operating_points(run, what="operating point"):
    """Returns rows of a run's operating points."""
    points = enumerate(run.unit.points)
    return [_row(what, run, point, point=i) for i, point in points]


def _row(what, run, reached, /, **more):
    """Returns `{column: value}` of `(bytes, accuracy)` on a run's images."""
    return {
        "what": what, "run": run.name, "split": run.split,
        "wire_bytes": reached[0], "accuracy_percent": reached[1],
        "images": run.num_images, **more,
    }  # fmt: skip
