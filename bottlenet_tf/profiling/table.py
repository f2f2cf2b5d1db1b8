"""A profile as tables that read well in a terminal and in Markdown."""

from bottlenet_tf.common.markdown import aligned, cell

_SPLITS = (
    "split", "cut after", "feature", "head MMAC", "tail MMAC", "payload B",
    "head MB", "tail MB",
)  # fmt: skip
_ROWS = ("split", "part", "load", "median ms", "p95 ms", "n", "power mW")


def markdown_table(profile):
    """Returns a `Profile` as Markdown: its splits, then its rows."""
    splits = [
        (
            split.name,
            split.point or "–",
            "x".join(map(str, split.feature_shape or ("–",))),
            _millions(split.head_macs),
            _millions(split.tail_macs),
            cell(split.payload_bytes, ".1f"),
            cell(split.head_memory_mb, ".0f"),
            cell(split.tail_memory_mb, ".0f"),
        )
        for split in profile.splits
    ]
    rows = [
        (
            row.split or "–",
            row.part,
            str(row.load),
            f"{row.median_ms:.3f}",
            cell(row.p95_ms, ".3f"),
            cell(row.n, "d"),
            cell(row.power_mw, ".0f"),
        )
        for row in profile.rows
    ]
    threads = "unset" if profile.threads is None else profile.threads
    lines = [
        f"{profile.network} on {profile.device}, {profile.runtime}, "
        f"threads {threads}",
        f"energy meter: {profile.meter}",
        "",
        *aligned(_SPLITS, splits, 2),
        "",
        *aligned(_ROWS, rows, 2),
    ]
    if profile.whole_macs is not None:
        lines += ["", f"Unsplit: {_millions(profile.whole_macs)} MMAC"]
        if profile.whole_memory_mb is not None:
            lines[-1] += f", {profile.whole_memory_mb:.0f} MB"
    for figure, reason in profile.reasons.items():
        lines += ["", f"{figure}: {reason}"]
    return "\n".join(lines)


def _millions(macs):
    return cell(None if macs is None else macs / 1e6, ".2f")
