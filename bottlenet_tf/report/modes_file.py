"""figure7.json: networks trained with the codec, and without."""

import dataclasses
import pathlib

from bottlenet_tf import formats
from bottlenet_tf.report import fields, origins, run_file

MODES = ("aware", "naive")
_PROGRAM = "python -m bottlenet_tf.cli.figure7"
# What must be that of the search's runs: field here, and of `run_file.Run`.
_SAME = (
    ("backbone", "backbone"),
    ("dataset", "dataset"),
    ("dataset_fingerprint", "fingerprint"),
)


@dataclasses.dataclass(frozen=True)
class Modes:
    """The comparison of both ways of training.

    Attributes:
        network: Name of the backbone; of a file without its folders.
        unit: Split point, channels and stride, for people.
        network_accuracy: Of the unsplit network in percent; None if unknown.
        points: `{mode: ((quality, accuracy, wire_bytes), ...)}`.
        origin: `origins.Origin`.
    """

    network: str
    unit: str
    network_accuracy: float | None
    points: dict
    origin: object


def read(path, search):
    """Returns the `Modes` in a file.

    Args:
        path: Of the file.
        search: `search_file.Search` whose network it must be of.

    Raises:
        FileNotFoundError, ValueError: naming file and field, if it is
            damaged, of another version, or of another network or data set.
    """
    path = pathlib.Path(path)
    found = fields.read(path, made_by=_PROGRAM)
    _check_version(found)
    _check_network(found, search)
    points = {mode: [] for mode in MODES}
    for point in found.objects("points"):
        mode = point.check(
            "mode", f"one of {', '.join(MODES)}", lambda value: value in MODES
        )
        points[mode].append(
            (
                point.whole("quality"),
                point.percent("accuracy"),
                point.number("wire_bytes_mean"),
            )
        )
    for mode in MODES:
        if not points[mode]:
            found.refuse("points", f"of both modes, but {mode} is missing", [])
    unit = found.object("unit")
    return Modes(
        search.backbone,
        f"{unit.text('split')} (c'={unit.whole('channels', 1)}, "
        f"s={unit.whole('stride', 1)})",
        found.percent_or_none("baseline_accuracy"),
        {mode: tuple(sorted(points[mode])) for mode in MODES},
        _origin(found, path.parent),
    )


def _check_version(found):
    """Older files don't say what they are of."""
    version = found.content.get("format")
    if version != formats.FIGURE7:
        raise ValueError(
            f"{found.file}: field 'format' must be {formats.FIGURE7!r}, the "
            f"version that this report reads; {_PROGRAM}, with the same "
            "flags, writes it anew and trains no finished run again. "
            f"Received: format={version!r}"
        )


def _check_network(found, search):
    ours = next(iter(search.runs.values()), None)
    for name, attribute in _SAME:
        theirs = found.text(name)
        if ours is not None:
            known = getattr(ours, attribute)
        elif name == "backbone":
            known, theirs = search.backbone, pathlib.PurePath(theirs).name
        else:
            continue
        if theirs != known:
            found.refuse(
                name,
                f"the search's, {known!r}: both are shown of one network",
                theirs,
            )


def _origin(found, folder):
    """Machines and versions are those of the runs beside, if still there."""
    reports = [
        path
        for mode in ("naive", "aware_*")
        for path in sorted(folder.glob(f"{mode}/{run_file.REPORT}"))
    ]
    made = [origins.of_report(fields.read(path), "") for path in reports]
    return origins.together(
        "aware against naive; machine and versions of its runs",
        found.texts("command"),
        made,
    )
