"""`README.md` of a deployment folder: its content and how to start it."""

import jinja2

from bottlenet_tf.common.markdown import cell
from bottlenet_tf.export import wheel
from bottlenet_tf.export.manifest import parity_table


def guide(config, models, wholes, identity):
    """Returns the Markdown text for one export, from `templates/guide.md`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bottlenet_tf.export"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        percent=lambda value: cell(value, ".2f", " %"),
        sizes=_sizes,
        files=_files,
    )
    return environment.get_template("guide.md").render(
        config=config,
        models=models,
        several=len(models) > 1,
        adapted=[m for m in models if m["adapted"]],
        shared=[m["name"] for m in models if m["unit"].get("segments")],
        with_points=[
            m for m in models if len(m["run"].get("points") or ()) > 1
        ],
        wholes=wholes,
        identity=identity,
        parity=parity_table(models, wholes),
        wheel=wheel.FILE_NAME,
    )


def _sizes(figures):
    """Returns the cells of mean, p95, p99 and largest wire bytes."""
    high = (figures[f"wire_bytes_{name}"] for name in ("p95", "p99", "max"))
    cells = [f"{figures['wire_bytes_mean']:.1f}", *(f"{b:.0f}" for b in high)]
    return " | ".join(cells)


def _files(whole):
    """Returns the files of a network without a split, for the device."""
    artefacts = [parity["artefact"] for parity in whole["parity"]]
    return [name for name in artefacts if not name.startswith("triton/")]
