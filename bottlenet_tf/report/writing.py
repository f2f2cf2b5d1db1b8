"""The report's files, each written whole or not at all."""

import csv
import hashlib
import io
import pathlib
import platform
import sys

import matplotlib

from bottlenet_tf import whole_file
from bottlenet_tf.report import page, runs_page
from bottlenet_tf.report.origins import Origin

PAGE, FOLDER = "report.html", "report"
_LONGEST_NAME = 60


def write(sources, out):
    """Writes report.html, and every figure as PNG and CSV.

    Args:
        sources: `sources.Sources` or `runs_page.Runs`.
        out: Folder to write to; made if need be.

    Returns:
        The `pathlib.Path` of the page.

    Raises:
        OSError: if something can't be written.
    """
    out = pathlib.Path(out)
    kind = runs_page if isinstance(sources, runs_page.Runs) else page
    drawn = kind.pictures(sources)
    for picture in (p for group in drawn.values() for p in group):
        path = out / FOLDER / _file_name(picture.name)
        whole_file.write(path.with_name(f"{path.name}.png"), picture.png())
        whole_file.write(path.with_name(f"{path.name}.csv"), _csv(picture))
    for name, planes in kind.planes(sources).items():
        path = out / FOLDER / f"planes_{_file_name(name)}.png"
        whole_file.write(path, planes.read_bytes())
    maker = Origin(
        "this page",
        tuple(sys.argv),
        platform.platform(),
        {
            "python": platform.python_version(),
            "matplotlib": matplotlib.__version__,
        },
    )
    text = kind.html(sources, drawn, maker)
    return whole_file.write(out / PAGE, text.encode("utf-8"))


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


def _csv(picture):
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(picture.header)
    writer.writerows(picture.rows)
    return file.getvalue().encode("utf-8", "replace")
