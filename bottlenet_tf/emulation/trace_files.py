"""Recorded traces: mahimahi's packet opportunities and sabre's JSON."""

import json
import pathlib

from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation.traces import Trace

# Mahimahi's longest has 2.5 MB; a larger file is something else.
MAX_FILE_BYTES = 64 * 2**20
# Twelve days. Also keeps a time exact to far below a nanosecond.
MAX_DURATION_MS = 10**9


def load(path):
    """Returns the `Trace` in a file, whose content shows its format.

    Mahimahi: one integer per line, the millisecond of an opportunity to send a
    packet of 1500 bytes; the last one is the trace's end. Sabre: a JSON list of
    `{"duration_ms": …, "bandwidth_kbps": …, "latency_ms": …}`. Its latency
    isn't used: the delay is the link's.
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    check(
        len(content) <= MAX_FILE_BYTES,
        f"A trace must not exceed {MAX_FILE_BYTES} bytes.",
        path=str(path),
    )
    check(content.strip(), "A trace must not be empty.", path=str(path))
    if content.lstrip()[:1] in (b"[", b"{"):
        return _sabre(content, path)
    return _mahimahi(content, path)


def _mahimahi(content, path):
    times, last = [], 0
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        time_ms = _whole_number(line, path, number)
        check(
            last <= time_ms,
            "A trace's milliseconds must not decrease.",
            milliseconds=time_ms,
            before=last,
            line=number,
            path=str(path),
        )
        last = time_ms
        times.append(time_ms)
    check(
        last > 0,
        "A trace must last longer than 0 ms: it is repeated.",
        last_ms=last,
        path=str(path),
    )
    return Trace.opportunities(times, name=path.name)


def _whole_number(line, path, number):
    text = line.strip()
    # bytes.isdigit is true only for ASCII digits; more than ten are too many.
    is_number = text.isdigit() and len(text) <= 10
    check(
        is_number and int(text) <= MAX_DURATION_MS,
        "Each line of a trace must be a whole number of milliseconds, at most "
        f"{MAX_DURATION_MS}.",
        received=text[:40].decode(errors="replace"),
        line=number,
        path=str(path),
    )
    return int(text)


def _sabre(content, path):
    try:
        periods = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            "A trace that begins with a bracket must be JSON. "
            f"Received: path={str(path)!r} ({error})"
        ) from None
    check(
        isinstance(periods, list) and periods,
        "A JSON trace must be a list of at least one period.",
        path=str(path),
    )
    rates, start_ms = [], 0
    for number, period in enumerate(periods):
        check(
            isinstance(period, dict),
            "Each period of a JSON trace must be an object with duration_ms "
            "and bandwidth_kbps.",
            element=number,
            path=str(path),
        )
        duration_ms = _number(period, "duration_ms", number, path)
        kbps = _number(period, "bandwidth_kbps", number, path)
        if duration_ms:
            rates.append((start_ms / 1e3, kbps * 1e3))
        start_ms += duration_ms
    check(
        0 < start_ms <= MAX_DURATION_MS,
        f"A trace must last longer than 0 and at most {MAX_DURATION_MS} ms.",
        duration_ms=start_ms,
        path=str(path),
    )
    return Trace.piecewise(rates, start_ms / 1e3, name=path.name)


def _number(period, key, number, path):
    value = period.get(key)
    # NaN and infinity are JSON for Python; neither is in the range.
    check(
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value <= MAX_DURATION_MS,
        f"{key} must be a number from 0 to {MAX_DURATION_MS}.",
        **{key: repr(value)[:40]},
        element=number,
        path=str(path),
    )
    return value
