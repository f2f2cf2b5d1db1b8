"""Profiles by hand: CSV files for devices you don't have."""

import csv

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
    """Reads a CSV file; `profile_file.read` has its form.

    Returns:
        `{"device": ..., "network": ...}`; the rows, dictionaries of values
        still to be checked; and names of the rows for messages.
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
    header = [name.strip() for name in table[0][1]] if table else []
    _check_header(path, header)
    rows = [_row(path, number, header, cells) for number, cells in table[1:]]
    places = [f"line {number}, " for number, _ in table[1:]]
    return {key: about[key] for key in _ABOUT}, rows, places


def _check_header(path, header):
    known = [*_NEEDED[:2], *_NUMBERS]
    missing = [name for name in _NEEDED if name not in header]
    unknown = [name for name in header if name not in known]
    optional = [name for name in known if name not in _NEEDED]
    if missing or unknown or len(set(header)) < len(header):
        raise ValueError(
            f"{path}: the first line that isn't a comment must name the "
            f"columns, {', '.join(_NEEDED)}, and optionally "
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
    for name, cell in zip(header, map(str.strip, cells)):
        if cell or name in _NEEDED:
            row[name] = _value(name, cell)
    return row


def _value(name, cell):
    try:
        return _NUMBERS.get(name, str)(cell)
    except ValueError:
        return cell  # Refused by the check of types.
