"""The report's files, each written whole or not at all."""

import hashlib
import pathlib

import jinja2
from markupsafe import Markup

from bottlenet_tf.common import whole_file
from bottlenet_tf.report import page as pages
from bottlenet_tf.report import text

PAGE, FOLDER = "report.html", "report"
_LONGEST_NAME = 60


def write(sources, out):
    """Writes report.html, and every figure as PNG and CSV.

    Args:
        sources: `sources.Sources`.
        out: Folder to write to; made if need be.

    Returns:
        The `pathlib.Path` of the page.

    Raises:
        OSError: if something can't be written.
    """
    out = pathlib.Path(out)
    page = pages.build(sources)
    for picture in page.pictures:
        path = out / FOLDER / _file_name(picture.name)
        whole_file.write(path.with_name(f"{path.name}.png"), picture.png())
        whole_file.write(path.with_name(f"{path.name}.csv"), picture.csv())
    for photograph in page.photographs:
        path = out / FOLDER / f"{_file_name(photograph.name)}.png"
        whole_file.write(path, photograph.data)
    return whole_file.write(out / PAGE, render(page).encode("utf-8"))


def render(page):
    """Returns the HTML of a `blocks.Page`; all text in it is escaped."""
    environment = templates()
    environment.filters["command"] = text.command
    return environment.get_template("page.html").render(page=page)


def templates():
    """Returns the Jinja environment of the package's templates."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("bottlenet_tf.report"),
        autoescape=True,
        finalize=lambda v: v if isinstance(v, Markup) else text.plain(v),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _file_name(name):
    """Returns it, or what of it may be a file's name, and a digest."""
    kept = "".join(
        c if c.isascii() and (c.isalnum() or c in "-_.") else "_"
        for c in name[:_LONGEST_NAME]
    )
    if kept == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    return f"{kept}_{digest[:8]}"
