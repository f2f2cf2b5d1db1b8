"""The network as blocks, with what each split point sends and computes."""

from matplotlib.patches import FancyBboxPatch

from bottlenet_tf.report import palette, text
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure

_HEADER = (
    "split", "unit", "feature_shape", "feature_bytes", "sent_bytes",
    "accuracy_percent", "device_mac_share", "chosen_for",
)  # fmt: skip
# Inches, on a page and on a phone.
_STEP = {False: 0.6, True: 0.66}
_BOX = {False: 1.6, True: 0.85}
_GAP = 0.16


def picture(search, selection):
    """Returns the `Picture` of the network and its split points.

    Args:
        search: `search_file.Search`.
        selection: `selection_file.Selection`, or None.
    """
    chosen = chosen_for(selection)
    sent = "; ".join(
        f"{split} sends {run.wire_bytes:.0f} bytes, "
        f"{text.share(run.device_mac_share)} of the computing on the device"
        for split, run in search.runs.items()
    )
    return Picture(
        name="network",
        caption=(
            "The network from top to bottom, with its split points. Bars: how "
            "much of the unsplit network's multiply-accumulates the device "
            "does, its part of the unit included. Bytes: sent for one image "
            "in the mean, and of the feature itself in 8 bits."
        ),
        alt=f"Blocks of {search.backbone}, split after each. {sent}.",
        draw=lambda width: _draw(search, chosen, width),
        header=_HEADER,
        rows=[_row(search, split, chosen) for split in search.splits],
        origins=(search.origin,),
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


def _row(search, split, chosen):
    candidate, run = search.candidates.get(split), search.runs.get(split)
    unit = candidate.unit if candidate else "none acceptable"
    networks = " ".join(chosen.get(split, ()))
    if run is None:
        return [split, unit, None, None, None, None, None, networks]
    return [
        split, unit, shape(run), run.feature_bytes, run.wire_bytes,
        run.accuracy, run.device_mac_share, networks,
    ]  # fmt: skip


def _draw(search, chosen, width):
    splits = search.splits
    step = _STEP[is_narrow(width)]
    figure = new_figure(width, step * (len(splits) + 1.7))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.005, 0, 0.99, 1))
    axes.set(xlim=(0, width), ylim=(len(splits) + 0.85, -0.85))
    axes.axis("off")
    right = _BOX[is_narrow(width)]
    looks = palette.of_splits(splits)
    axes.plot([right / 2] * 2, [-0.5, len(splits) + 0.55], zorder=0,
              color=palette.PALE, linewidth=2)  # fmt: skip
    axes.text(right + _GAP, -0.5, "on the device", color=palette.DEVICE,
              va="center", fontweight="bold")  # fmt: skip
    axes.text(width, -0.5, "on the server", color=palette.CLOUD, ha="right",
              va="center", fontweight="bold")  # fmt: skip
    _block(axes, -0.5, right, "image")
    for i, split in enumerate(splits):
        _block(axes, i, right, text.short(split), looks[split][0])
        axes.plot([0, right + 0.1], [i + 0.42] * 2, color=palette.INK,
                  linestyle=(0, (3, 2)), linewidth=1)  # fmt: skip
        _tell(axes, i + 0.3, right + _GAP, width, search, split, chosen)
    _block(axes, len(splits) - 0.06, right, "the rest")
    _block(axes, len(splits) + 0.45, right, "answer")
    return figure


def _block(axes, y, right, name, color=None):
    low = 0.26 if color else 0.16
    color = color or "#EEEEEE"
    axes.add_patch(
        FancyBboxPatch(
            (0.06, y - low), right - 0.12, 2 * low,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=color, edgecolor=palette.INK, linewidth=0.8,
        )
    )  # fmt: skip
    size = 9 if len(name) <= 9 else max(5.0, 9 * 9 / len(name))
    axes.text(right / 2, y, name, ha="center", va="center",
              color=palette.ink_on(color), fontsize=size)  # fmt: skip


def _tell(axes, y, left, right, search, split, chosen):
    """Writes what is sent at a split, above the bar of who computes."""
    run = search.runs.get(split)
    if run is None:
        known = split in search.candidates
        axes.text(left, y, "not measured" if known else "no acceptable unit",
                  va="center", color=palette.PALE)  # fmt: skip
        return
    axes.text(left, y - 0.2, _bytes(run), va="center")
    axes.text(right, y - 0.2, text.percent(run.accuracy), ha="right",
              va="center")  # fmt: skip
    if split in chosen:
        networks = text.short(", ".join(chosen[split]))
        axes.text(left, y + 0.37, f"chosen for {networks}", va="center",
                  fontweight="bold")  # fmt: skip
    share = run.device_mac_share
    if share is None:
        return
    wide = (right - left) * min(share, 1.0)
    axes.barh(y + 0.13, wide, left=left, height=0.24, color=palette.DEVICE)
    axes.barh(y + 0.13, right - left - wide, left=left + wide, height=0.24,
              color=palette.CLOUD)  # fmt: skip
    inside = share > 0.15
    axes.text(
        left + wide + (-0.04 if inside else 0.04), y + 0.135,
        text.share(share), ha="right" if inside else "left", va="center",
        fontsize=8, color="white",
    )  # fmt: skip


def _bytes(run):
    sent = f"{text.number(run.wire_bytes)} B"
    if run.feature_bytes is None:
        return sent
    return f"{sent} of {text.number(run.feature_bytes)}"
