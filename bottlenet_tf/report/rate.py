"""Accuracy over bytes of a search or of runs: pictures and their data."""

from bottlenet_tf.common.curve_cells import unit_label
from bottlenet_tf.common.rate_curves import front, unit_curves
from bottlenet_tf.report import decisions, text
from bottlenet_tf.report.picture import INK, Picture, looks_of
from bottlenet_tf.report.rate_drawing import (
    MOST_LABELS,
    Series,
    codec_label,
    draw,
    look,
)

# Points below the least relevant accuracy that are still drawn.
_DEPTH = 12.0
_CAPTION_END = (
    "Bytes are wire bytes, without the message that carries them. Points below "
    "{floor:.0f} % aren't drawn; the CSV file has them.{left_out}"
)


def of_search(sources):
    """Returns the `Picture` of a search with at least one measured run.

    The units to compare with and the choices of a selection are drawn, too.
    """
    runs, against = list(sources.runs.values()), sources.against
    search, rings = sources.search, _rings(sources)
    loss = search.results.max_accuracy_loss
    images = search.stated.config.search_images or "all"
    least = search.stated.accuracy - loss
    floor = _floor(*(run.accuracy for run in runs), least)
    more = ""
    if any(run.points[1:] for run in runs):
        more += " Thick lines: all operating points of a unit."
    if against:
        more += " Black: the units to compare with."
    named = ""
    if len(runs) > min(MOST_LABELS.values()):
        named = " (the legend names all, the plot the best)"
    series = _series_of_search(sources)
    return Picture(
        name="rate_accuracy",
        caption=(
            f"Large marks: the unit kept for each split{named}, on all "
            f"{runs[0].num_images:,} test images. Small marks: the search's "
            f"trials on the Pareto front, on {images} validation "
            f"images.{more}{_rings_caption(rings)} Grey: the image itself, "
            "compressed and sent to the untouched network. "
            + _caption_end(floor, runs[0])
        ),
        alt=_alt(sources.runs),
        draw=lambda width: draw(width, series, rings, runs[0], floor, loss),
        header=(
            "what", "split", "point", "trial_or_codec", "quality", "side_px",
            "wire_bytes", "accuracy_percent", "images",
        ),
        rows=_rows_of_search(sources, rings),
        origins=(search.origin, *(run.origin for run in against)),
    )  # fmt: skip


def of_runs(runs, name="rate_accuracy", sources=None):
    """Returns the `Picture` of one or more runs of one network.

    The choices of a selection in `sources` are marked.
    """
    first, rings = runs[0], _rings(sources) if sources else []
    floor = _floor(*(run.accuracy for run in runs))
    curves = unit_curves(run.unit for run in runs)
    looks = looks_of(range(len(curves)))
    series = [
        Series(
            curve.points, look(*looks[i]), curve.marked,
            text.plain(unit_label(curve)), text.short(curve.split),
        )
        for i, curve in enumerate(curves)
    ]  # fmt: skip
    return Picture(
        name=name,
        caption=(
            "Lines: all operating points of a unit, or units of one point at "
            "the same split. Large marks: default operating points."
            f"{_rings_caption(rings)} Grey: the image itself, "
            "compressed and sent to the untouched network. All on "
            f"{first.images}. " + _caption_end(floor, first)
        ),
        alt=_alt({run.name: run for run in runs}),
        draw=lambda width: draw(width, series, rings, first, floor),
        header=(
            "what", "run", "split", "point", "quality", "side_px",
            "wire_bytes", "accuracy_percent", "images",
        ),
        rows=[
            *(["operating point", run.name, run.split, i, "", "", *point,
               run.num_images]
              for run in runs for i, point in enumerate(run.unit.points)),
            *([f"chosen for {' '.join(links)}", choice.split, "", choice.point,
               "", "", *point, first.num_images]
              for choice, links, point in rings),
            *(["cloud-only", p.codec, "", "", p.quality, p.side, p.num_bytes,
               p.accuracy, first.num_images] for p in first.cloud),
        ],
        origins=tuple(run.origin for run in runs),
    )  # fmt: skip


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
    for split, run in runs.items():
        line = run.unit.points if run.points[1:] else ()
        default, name = (run.at(None),), text.short(split)
        series.append(Series(line, look(*looks[split]), default, name, name))
    for curve in unit_curves(run.unit for run in sources.against):
        label = text.short(unit_label(curve))
        series.append(Series(curve.points, look(INK, "*"), label=label))
    return series


def _rows_of_search(sources, rings):
    results, runs = sources.search.results, sources.runs
    first, blank = next(iter(runs.values())), [""] * 3
    searched = sources.search.stated.config.search_images or ""
    many = [("operating point", r) for r in runs.values() if r.points[1:]]
    many += [("against", run) for run in sources.against]
    return [
        *(["candidate", split, "", *blank, *run.at(None), run.num_images]
          for split, run in runs.items()),
        *([f"chosen for {' '.join(links)}", choice.split, choice.point, *blank,
           *point, first.num_images] for choice, links, point in rings),
        *([what, run.split, i, *blank, *point, run.num_images]
          for what, run in many for i, point in enumerate(run.unit.points)),
        *(["trial", trial.split, "", trial.name, point.quality, "",
           point.wire_bytes, point.accuracy, searched]
          for trial in results.trials for point in trial.points),
        *(["cloud-only", "", "", p.codec, p.quality, p.side, p.num_bytes,
           p.accuracy, first.num_images] for p in first.cloud),
    ]  # fmt: skip


def _alt(runs):
    points = ", ".join(
        f"{name} {run.accuracy:.2f} % at {run.wire_bytes:.0f} wire bytes"
        for name, run in runs.items()
    )
    return f"Accuracy over wire bytes of one image: {points}."


def _floor(*accuracies):
    return max(0.0, min(accuracies) - _DEPTH)


def _caption_end(floor, run):
    left_out = "".join(
        f" {codec_label(codec)} is left out: {reason}."
        for codec, reason in run.left_out.items()
    )
    return _CAPTION_END.format(floor=floor, left_out=left_out)


def _rings(sources):
    """Returns `(Choice, networks, (bytes, accuracy))` of each choice."""
    return [
        (choice, links, sources.runs[choice.split].at(choice.point))
        for choice, links in decisions.chosen_for(sources.selection).values()
    ]


def _rings_caption(rings):
    each = (f"{c.name} for {text.listed(links)}" for c, links, _ in rings)
    return f" Rings: the choices, {'; '.join(each)}." if rings else ""
