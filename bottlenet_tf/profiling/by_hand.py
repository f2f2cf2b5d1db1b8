"""Profiles by hand: CSV files for devices you don't have."""

import csv
import dataclasses
import math

from bottlenet_tf.common import reading
from bottlenet_tf.common.ranges import NotNegative
from bottlenet_tf.profiling.profiles import (
    BY_HAND,
    Profile,
    Row,
    Split,
)

_ABOUT = ("device", "network")
_NEEDED = ("split", "part", "median_ms")
_OPTIONAL = ("load", "p95_ms", "n", "power_mw", "memory_mb")


@dataclasses.dataclass(frozen=True)
class _Peak:
    """Peak memory in a row: that of the process that ran the part."""

    split: str
    part: str
    memory_mb: NotNegative | None = None


def read(path):
    """Reads a CSV file; `profile_file.read` has its form.

    Returns:
        `Profile`, whose rows are still to be checked against each other; and
        names of the rows for messages.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8 text ({error}).") from None
    about, table = {}, []
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            about[key.strip()] = value.strip()
        elif line.strip():
            (cells,) = csv.reader([line])
            table.append((number, [cell.strip() for cell in cells]))
    for key in _ABOUT:
        if not about.get(key):
            raise ValueError(
                f"{path}: field {key!r} must be given in a line "
                f"'# {key}=...' at the top. Received: {about}"
            )
    header = table[0][1] if table else []
    _check_header(path, header)
    rows, peaks, places = [], [], []
    for number, cells in table[1:]:
        row = _row(path, number, header, cells)
        place = f"line {number}, "
        places.append(place)
        for kind, found in ((Row, rows), (_Peak, peaks)):
            found.append(reading.convert(row, kind, path, place))
    profile = Profile(
        device=about["device"],
        network=about["network"],
        splits=_splits(peaks),
        rows=tuple(rows),
        meter=BY_HAND,
        whole_memory_mb=_most(peaks, "", "whole"),
    )
    return profile, places


def _check_header(path, header):
    missing = [name for name in _NEEDED if name not in header]
    unknown = [name for name in header if name not in _NEEDED + _OPTIONAL]
    if missing or unknown or len(set(header)) < len(header):
        raise ValueError(
            f"{path}: the first line that isn't a comment must name the "
            f"columns, {', '.join(_NEEDED)}, and optionally "
            f"{', '.join(_OPTIONAL)}, each once. Received: {','.join(header)}"
        )


def _row(path, number, header, cells):
    """Returns `{name: value}`, without the optional cells that are empty."""
    if len(cells) != len(header):
        raise ValueError(
            f"{path}: line {number} must have a value for each of "
            f"{', '.join(header)}; it may be only partly written. "
            f"Received: {','.join(cells)}"
        )
    pairs = zip(header, cells, strict=True)
    given = {name: cell for name, cell in pairs if cell or name in _NEEDED}
    return {"load": 0} | {
        name: cell if name in ("split", "part") else _number(cell)
        for name, cell in given.items()
    }


def _number(cell):
    """Returns the number in a cell, or the text if it isn't a finite one."""
    for kind in (int, float):
        try:
            number = kind(cell)
        except ValueError:
            continue
        return number if math.isfinite(number) else cell
    return cell


def _splits(peaks):
    return tuple(
        Split(
            name,
            head_memory_mb=_most(peaks, name, "head", "encode"),
            tail_memory_mb=_most(peaks, name, "decode", "tail"),
        )
        for name in dict.fromkeys(peak.split for peak in peaks if peak.split)
    )


def _most(peaks, split, *parts):
    """Returns the largest known memory of some parts; None if unknown."""
    found = [
        peak.memory_mb
        for peak in peaks
        if peak.split == split
        and peak.part in parts
        and peak.memory_mb is not None
    ]
    return max(found, default=None)
