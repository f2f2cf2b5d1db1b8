"""A replay as a table, for the console and in Markdown."""

from bottlenet_tf.common.markdown import aligned, cell
from bottlenet_tf.emulation.replay import CONTROLLER, HARMONIC, ORACLE

_ALWAYS = (ORACLE, CONTROLLER, HARMONIC)


def lines(content):
    """Returns a table's lines; of the fixed choices, the best."""
    deadline_ms = content["deadline_ms"]
    header = ["trace", "policy", "mean ms", "p95 ms"]
    header += ["accuracy %"] if deadline_ms is None else [
        "accuracy in time %", "in time %"
    ]  # fmt: skip
    header += ["energy mJ", "to oracle", "to best fixed"]
    rows = []
    for trace in content["traces"]:
        names = [name for name in _ALWAYS if name in trace["policies"]]
        for i, name in enumerate([*names, trace["best_fixed"]]):
            first = trace["trace"] if not i else ""
            rows.append(_row(first, name, trace, deadline_ms))
    return aligned(header, rows, 2)


def _row(first, name, trace, deadline_ms):
    found = trace["policies"][name]
    cells = [first, name, f"{found['mean_ms']:.1f}", f"{found['p95_ms']:.1f}"]
    if deadline_ms is None:
        cells.append(f"{found['accuracy']:.2f}")
    else:
        cells.append(f"{found['accuracy_in_time']:.2f}")
        cells.append(f"{100 * found['in_time']:.2f}")
    cells.append(cell(found["energy_mj"], ".0f"))
    cells.append(cell(found["to_oracle"], ".3f"))
    cells.append(cell(found["to_best_fixed"], ".3f"))
    return cells


def markdown(content):
    """Returns a Markdown page of the table and its conditions."""
    deadline_ms = content["deadline_ms"]
    about = [
        f"Round trip {content['rtt_ms']:g} ms, {content['overhead_bytes']:g} B "
        f"per message, goal {content['goal']}, "
        + ("images back to back" if content["rate"] is None
           else f"{content['rate']:g} images per second")
        + ("" if deadline_ms is None else f", deadline {deadline_ms:g} ms")
        + "".join(f", outage {a:g} to {b:g} s" for a, b in content["outages"])
        + "."
    ]  # fmt: skip
    ratios = (
        "Ratios are of mean latencies"
        if deadline_ms is None
        else "Ratios are of accuracies in time"
    )
    about.append(
        f"{ratios}. The oracle knows the trace, the outages and each image's "
        "bytes, and takes the earliest answer to each image, or with a "
        "deadline the most accurate one in time."
    )
    command = " ".join(content["command"])
    return "\n".join(
        ["# Replay", "", *about, "", f"    {command}", "", *lines(content)]
    )
