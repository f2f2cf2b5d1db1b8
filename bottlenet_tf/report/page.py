"""The page of a report, from templates, and its pictures as files."""

import base64
import hashlib
import itertools
import pathlib
import re

import jinja2
from markupsafe import Markup

from bottlenet_tf.common import curve_cells, diagrams, whole_file
from bottlenet_tf.report import (
    costs,
    modes,
    network,
    origins,
    rate,
    sensitivity,
    text,
)
from bottlenet_tf.selection import tables

PAGE, FOLDER = "report.html", "report"
_FILTERS = (
    text.command, text.listed, text.number, text.percent, text.quantity,
    text.share,
)  # fmt: skip
_LONGEST_NAME = 60


def write(sources, out):
    """Writes report.html, and every figure as PNG and CSV; returns its path."""
    out = pathlib.Path(out)
    drawn = pictures(sources)
    for picture in itertools.chain(*drawn.values()):
        path = out / FOLDER / _file_name(picture.name)
        whole_file.write(path.with_name(f"{path.name}.png"), picture.png())
        whole_file.write(path.with_name(f"{path.name}.csv"), picture.csv())
    for name, run in sources.runs.items():
        if run.planes:
            path = out / FOLDER / f"{_file_name(f'planes_{name}')}.png"
            whole_file.write(path, run.planes.read_bytes())
    html = render(sources, drawn)
    return whole_file.write(out / PAGE, html.encode("utf-8"))


def render(sources, drawn):
    """Returns the page of some `sources.Sources` and its `pictures`."""
    template = templates().get_template(PAGE)
    made = origins.of_page()
    return template.render(sources=sources, pictures=drawn, page_origin=made)


def pictures(sources):
    """Returns `{section: [Picture, ...]}` of a page."""
    selection = sources.selection
    decisions = selection.decisions if selection else ()
    unseen = sources.unseen and [*sources.unseen, *sources.against_unseen]
    unseen = list({run.file: run for run in unseen}.values())
    return {
        "network": network.pictures(sources) if sources.search else [],
        "costs": [costs.of_decision(d, selection) for d in decisions],
        "rate": [rate.of_sources(sources)] if sources.runs else [],
        "unseen": _rates(unseen, "rate_accuracy_unseen"),
        "before": _rates(sources.before, "rate_accuracy_before"),
        "modes": [modes.picture(sources.modes)] if sources.modes else [],
        "sensitivity": [
            sensitivity.of_decision(d, selection, sources.splits)
            for d in decisions
            if d.scenarios
        ],
    }


def _rates(runs, name):
    return [rate.of_runs(runs, name)] if runs else []


def templates():
    """Returns the Jinja environment of the package's templates."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bottlenet_tf.report"),
        autoescape=True,
        finalize=lambda v: v if isinstance(v, Markup) else text.plain(v),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "base64": lambda data: Markup(base64.b64encode(data).decode()),
        "g": lambda value: f"{value:g}",
        "thousands": lambda value: f"{value:,}",
        **{f.__name__: f for f in _FILTERS},
    }
    environment.globals |= {
        "WIDE": diagrams.WIDE,
        "NARROW": diagrams.NARROW,
        "costs": costs,
        "curve_cells": curve_cells,
        "tables": tables,
        "text": text,
        "unit_cells": _unit_cells,
    }
    return environment


def _unit_cells(run):
    """Returns the cells of a run's unit at its default point."""
    return [
        *map(text.number, (run.wire_bytes, *run.high_bytes)),
        text.percent(run.accuracy),
        text.drop(run, run.accuracy),
        text.share(run.device_mac_share),
    ]


def _file_name(name):
    """Returns a name, or its harmless characters and a digest."""
    kept = re.sub(r"[^A-Za-z0-9_.-]", "_", name[:_LONGEST_NAME])
    if kept == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    return f"{kept}_{digest[:8]}"
