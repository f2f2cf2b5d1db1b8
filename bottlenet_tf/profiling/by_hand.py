"""Profiles by hand: CSV files for devices that aren't at hand."""

import csv
import math

_ABOUT = ("device", "network")
_NEEDED = ("split", "part", "median_ms")
_NUMBERS = {
    "load": int,
    "median_ms": float,
    "p95_ms": float,
    "n": int,
    "power_mw": float,
    "memory_mb": float,
}


def read(path):
    """Reads a CSV file; see `profile_file.read` for what it must hold.

    Args:
        path: `pathlib.Path`.

    Returns:
        `{"device": ..., "network": ...}`; the rows, dictionaries of values
        still to be checked; and what messages call each row.

    Raises:
        OSError: if the file cannot be read.
        ValueError: naming file, line and field.
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
            table.append((number, next(csv.reader([line]))))
    for key in _ABOUT:
        if not about.get(key):
            raise ValueError(
                f"{path}: field {key!r} must be given in a line "
                f"'# {key}=...' at the top. Received: {about}"
            )
    rows, places = [], []
    header = [name.strip() for name in table[0][1]] if table else []
    _check_header(path, header)
    for number, cells in table[1:]:
        places.append(f"line {number}, ")
        rows.append(_row(path, number, header, cells))
    return {key: about[key] for key in _ABOUT}, rows, places


def _check_header(path, header):
    known = [*_NEEDED[:2], *_NUMBERS]
    missing = [name for name in _NEEDED if name not in header]
    unknown = [name for name in header if name not in known]
    optional = [name for name in known if name not in _NEEDED]
    if missing or unknown or len(set(header)) < len(header):
        raise ValueError(
            f"{path}: the first line that is no comment must name the "
            f"columns, {', '.join(_NEEDED)}, and if wanted "
            f"{', '.join(optional)}, each once. Received: {','.join(header)}"
        )


def _row(path, number, header, cells):
    if len(cells) != len(header):
        raise ValueError(
            f"{path}: line {number} must have a value for each of "
            f"{', '.join(header)}; it may be only partly written. "
            f"Received: {','.join(cells)}"
        )
    row = {"load": 0} | dict.fromkeys(("p95_ms", "n", "power_mw", "memory_mb"))
    for name, cell in zip(header, cells):
        cell = cell.strip()
        if name not in _NUMBERS:
            row[name] = cell
        elif cell or name == "median_ms":
            row[name] = _number(path, number, name, cell)
    return row


def _number(path, number, name, cell):
    try:
        value = _NUMBERS[name](cell)
        # Only the largest of several goes on to where values are checked.
        if name == "memory_mb" and not 0 <= value < math.inf:
            raise ValueError
        return value
    except ValueError:
        kind = "whole number" if _NUMBERS[name] is int else "number"
        if name == "memory_mb":
            kind = "finite number, at least 0"
        raise ValueError(
            f"{path}: field 'line {number}, {name}' must be a {kind}. "
            f"Received: {name}={cell!r}"
        ) from None
