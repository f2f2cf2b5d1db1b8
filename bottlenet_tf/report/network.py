"""The network as blocks, with what each split point sends and computes."""

import dataclasses
import math

from bottlenet_tf.report import text
from bottlenet_tf.report.network_drawing import Sheet, draw
from bottlenet_tf.report.picture import Picture

_HEADER = (
    "split", "unit", "feature_shape", "feature_bytes", "wire_bytes",
    "accuracy_percent", "device_mac_share", "server_mac_share", "chosen_for",
)  # fmt: skip
# Splits of one drawing: as many as a printed page has room for.
_MOST = 28


@dataclasses.dataclass(frozen=True)
class Computing:
    """What the server computes, as a profile tells.

    Attributes:
        shares: `{split: the tail's part of the unsplit network's MACs}`, of
            every measured split; empty if no profile tells.
        origins: Tuple of `origins.Origin`, the profile's if there is one.
    """

    shares: dict
    origins: tuple = ()


def pictures(search, selection, computing=Computing({})):
    """Returns `Picture`s of the network and its split points.

    One has room for up to 28 split points; more make several pictures.

    Args:
        search: `search_file.Search`.
        selection: `selection_file.Selection`, or None.
        computing: `Computing` of the server.
    """
    sheets = _sheets(search.splits)
    return [
        _picture(search, selection, computing, sheets, i)
        for i in range(len(sheets))
    ]


def _picture(search, selection, computing, sheets, i):
    sheet, chosen = sheets[i], chosen_for(selection)
    runs = {s: search.runs[s] for s in sheet.splits if s in search.runs}
    sent = "; ".join(
        f"{split} sends {run.wire_bytes:.0f} wire bytes, "
        f"{text.share(run.device_mac_share)} of the computing on the device"
        for split, run in runs.items()
    )
    part = ""
    if len(sheets) > 1:
        part = (
            f"Part {i + 1} of {len(sheets)}, {sheet.splits[0]} to "
            f"{sheet.splits[-1]}. "
        )
    return Picture(
        name="network" if i == 0 else f"network_{i + 1}",
        caption=part + _caption(search, computing),
        alt=f"{part}Blocks of {search.backbone}, split after each. {sent}.",
        draw=lambda width: draw(search, sheet, chosen, computing.shares, width),
        header=_HEADER,
        rows=[
            _row(search, split, chosen, computing.shares.get(split))
            for split in sheet.splits
        ],
        origins=(search.origin, *computing.origins),
    )


def chosen_for(selection):
    """Returns `{split: [names of networks]}` of what was chosen."""
    chosen = {}
    for decision in selection.decisions if selection else ():
        if decision.winner:
            split = decision.winner.choice.split
            chosen.setdefault(split, []).append(decision.link.name)
    return chosen


def shape(run):
    """Returns "32×32×16"; "–" if it isn't known."""
    sides = run.feature_shape
    return "×".join(map(str, sides)) if sides else "–"


def _sheets(splits):
    count = math.ceil(len(splits) / _MOST)
    size = math.ceil(len(splits) / max(count, 1))
    return [
        Sheet(splits[i : i + size], i == 0, i + size >= len(splits))
        for i in range(0, len(splits), size)
    ] or [Sheet((), True, True)]


def _caption(search, computing):
    told = "The network from top to bottom, with its split points. "
    if search.is_partial:
        told += (
            "Only those that were searched are drawn: a block may hold "
            "several of the network's. "
        )
    told += (
        "Bytes: wire bytes of one image in the mean, at the unit's default "
        "operating point, and the feature's own in 8 bits. Bars: "
        "multiply-accumulates, of which the unsplit network's are 100 %. The "
        "device's part of the unit is included; "
    )
    if computing.shares:
        return told + (
            "so is the server's, by the profile, which is why both together "
            "may exceed 100 % (the upright strokes)."
        )
    return told + (
        "grey is what remains of the unsplit network. The server computes "
        "more than that, since it restores the feature: a profile tells how "
        "much."
    )


def _row(search, split, chosen, server_share):
    candidate, run = search.candidates.get(split), search.runs.get(split)
    unit = candidate.unit if candidate else "none acceptable"
    networks = " ".join(chosen.get(split, ()))
    if run is None:
        return [split, unit, *[None] * 6, networks]
    return [
        split, unit, shape(run), run.feature_bytes, run.wire_bytes,
        run.accuracy, run.device_mac_share, server_share, networks,
    ]  # fmt: skip
