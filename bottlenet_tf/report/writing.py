"""The report's files, each written atomically."""

import base64
import hashlib
import pathlib
import re

import jinja2
from markupsafe import Markup

from bottlenet_tf.common import diagrams, whole_file
from bottlenet_tf.report import page as pages
from bottlenet_tf.report import text

PAGE, FOLDER = "report.html", "report"
_LONGEST_NAME = 60


def write(sources, out):
    """Writes report.html, and every figure as PNG and CSV; returns its path."""
    out = pathlib.Path(out)
    page = pages.build(sources)
    for drawn in page.pictures:
        path = out / FOLDER / _file_name(drawn.name)
        whole_file.write(path.with_name(f"{path.name}.png"), drawn.png())
        whole_file.write(path.with_name(f"{path.name}.csv"), drawn.csv())
    for photograph in page.photographs:
        path = out / FOLDER / f"{_file_name(photograph.name)}.png"
        whole_file.write(path, photograph.data)
    html = templates().get_template(PAGE).render(page=page)
    return whole_file.write(out / PAGE, html.encode("utf-8"))


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
    environment.globals |= {
        "WIDE": diagrams.WIDE,
        "NARROW": diagrams.NARROW,
    }
    environment.filters |= {"base64": _base64, "command": text.command}
    return environment


def _base64(data):
    return Markup(base64.b64encode(data).decode())


def _file_name(name):
    """Returns a name, or its harmless characters and a digest."""
    kept = re.sub(r"[^A-Za-z0-9_.-]", "_", name[:_LONGEST_NAME])
    if kept == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    return f"{kept}_{digest[:8]}"
