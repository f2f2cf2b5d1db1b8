"""figure7.json: networks trained with the codec, and without."""

import dataclasses
import pathlib

from bottlenet_tf.report import fields, run_file

MODES = ("aware", "naive")


@dataclasses.dataclass(frozen=True)
class Modes:
    """The comparison of both ways of training.

    Attributes:
        network_accuracy: Of the unsplit network in percent; None if unknown.
        points: `{mode: ((quality, accuracy, wire_bytes), ...)}`.
        origin: `run_file.Origin`.
    """

    network_accuracy: float | None
    points: dict
    origin: object


def read(path):
    """Returns the `Modes` in a file.

    Raises:
        FileNotFoundError, ValueError: naming file and field.
    """
    path = pathlib.Path(path)
    found = fields.read(path, made_by="python -m bottlenet_tf.cli.figure7")
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
    return Modes(
        found.percent_or_none("baseline_accuracy"),
        {mode: tuple(sorted(points[mode])) for mode in MODES},
        _origin(path.parent / "naive" / run_file.REPORT),
    )


def _origin(path):
    """Of the runs beside the file, if they are still there."""
    what = "aware against naive"
    if not path.is_file():
        return run_file.Origin(what)
    return run_file.origin(fields.read(path), what)
