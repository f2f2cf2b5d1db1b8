"""What a selection chose, as marks on curves of accuracy over bytes."""

import dataclasses

from bottlenet_tf.report import palette, text
from bottlenet_tf.report.accuracy_axes import MARKER

_RING = 1.8 * MARKER


@dataclasses.dataclass(frozen=True)
class Mark:
    """One operating point that was chosen, where its run was measured.

    Attributes:
        choice: `selection.Choice`.
        links: Tuple of the names of networks it was chosen for.
        size: Wire bytes in the mean.
        accuracy: In percent.
    """

    choice: object
    links: tuple
    size: float
    accuracy: float


def marks(selection, runs):
    """Returns the `Mark`s of a selection, each point once.

    Args:
        selection: `selection_file.Selection`, or None.
        runs: `{split: run_file.Run}`, as it was read with.
    """
    links, choices = {}, {}
    for decision in selection.decisions if selection else ():
        if decision.winner:
            choice = decision.winner.choice
            choices[choice.name] = choice
            links.setdefault(choice.name, []).append(decision.link.name)
    return [
        Mark(choice, tuple(links[name]), *runs[choice.split].at(choice.point))
        for name, choice in choices.items()
    ]


def told(found):
    """Returns a sentence for a caption; "" for no `Mark`s."""
    if not found:
        return ""
    each = (f"{m.choice.name} for {text.listed(m.links)}" for m in found)
    return f" Rings: what was chosen, {'; '.join(each)}."


def rows(found, images):
    """Returns `(what, split, point, bytes, accuracy, images)` of `Mark`s."""
    return [
        ["chosen for " + " ".join(mark.links), mark.choice.split,
         mark.choice.point, mark.size, mark.accuracy, images]
        for mark in found
    ]  # fmt: skip


def draw(axes, found, floor):
    """Draws a ring around each `Mark`; returns labels for them.

    Args:
        axes: Matplotlib axes.
        found: `Mark`s.
        floor: Accuracy in percent below which nothing is drawn.

    Returns:
        List of `(bytes, accuracy, text)`.
    """
    shown = [mark for mark in found if mark.accuracy >= floor]
    if shown:
        axes.plot(
            [mark.size for mark in shown],
            [mark.accuracy for mark in shown],
            "o", markersize=_RING, markerfacecolor="none",
            markeredgecolor=palette.INK, markeredgewidth=1.4, zorder=6,
            label="chosen",
        )  # fmt: skip
    return [
        (mark.size, mark.accuracy, text.short(", ".join(mark.links)))
        for mark in shown
    ]
