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
    wording,
)
from bottlenet_tf.selection import tables

PAGE, FOLDER = "report.html", "report"
_LONGEST_NAME = 60


def write(sources, out):
    """Writes report.html, and every figure as PNG and CSV; returns its path."""
    out = pathlib.Path(out)
    drawn = pictures(sources)
    for picture in itertools.chain(*drawn.values()):
        path = out / FOLDER / _file_name(picture.name)
        whole_file.write(path.with_name(f"{path.name}.png"), picture.png())
        whole_file.write(path.with_name(f"{path.name}.csv"), picture.csv())
    for run in sources.runs.values():
        if run.planes:
            path = out / FOLDER / f"{_file_name(f'planes_{run.name}')}.png"
            whole_file.write(path, run.planes.read_bytes())
    html = render(sources, drawn)
    return whole_file.write(out / PAGE, html.encode("utf-8"))


def render(sources, drawn):
    """Returns the page of some `sources.Sources` and its `pictures`."""
    return (
        templates()
        .get_template(PAGE)
        .render(sources=sources, pictures=drawn, page_origin=origins.of_page())
    )


def pictures(sources):
    """Returns `{section: [Picture, ...]}` of a page."""
    search, runs = sources.search, list(sources.runs.values())
    selection = sources.selection
    decisions = selection.decisions if selection else ()
    if search is None:
        rates = [rate.of_runs(sources.all_runs, sources=sources)]
    else:
        rates = [rate.of_search(sources)] if runs else []
    seen = {run.file: run for run in sources.unseen + sources.against_unseen}
    unseen = list(seen.values()) if sources.unseen else []
    return {
        "network": network.pictures(sources) if search else [],
        "costs": [costs.of_decision(d, selection) for d in decisions],
        "rate": rates,
        "unseen": [rate.of_runs(unseen, "rate_accuracy_unseen")]
        if unseen
        else [],
        "before": [rate.of_runs(sources.before, "rate_accuracy_before")]
        if sources.before
        else [],
        "modes": [modes.picture(sources.modes)] if sources.modes else [],
        "sensitivity": [
            sensitivity.of_decision(d, selection, sources.splits)
            for d in decisions
            if d.scenarios
        ],
    }


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
        "command": text.command,
        "g": lambda value: f"{value:g}",
        "listed": text.listed,
        "number": text.number,
        "percent": text.percent,
        "quantity": text.quantity,
        "share": text.share,
        "thousands": lambda value: f"{value:,}",
    }
    environment.globals |= {
        "CURVE_NOTE": curve_cells.NOTE,
        "NARROW": diagrams.NARROW,
        "WIDE": diagrams.WIDE,
        "beats": wording.beats,
        "between_cell": tables.between,
        "between_heading": tables.between_heading,
        "curve_tables": _curve_tables,
        "drop": text.drop,
        "least": wording.least,
        "mark": tables.mark,
        "not_compared": wording.not_compared,
        "quantity_of": wording.quantity,
        "reached": wording.reached,
        "sizes": tables.sizes,
        "unit_cells": _unit_cells,
        "unmeasured": tables.unmeasured,
    }
    return environment


def _curve_tables(runs, against):
    """Yields `(name, header, rows)` of each curve; see `curve_cells.tables`."""
    units, others = ([run.unit for run in each] for each in (runs, against))
    for curve, header, rows in curve_cells.tables(units, others):
        yield curve_cells.unit_label(curve), header, rows


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
