"""The cheap search against the exhaustive one, on the same grid.

    bottlenet-search --flagfile=F --workdir=runs/cheap
    bottlenet-search --flagfile=F --workdir=runs/full --exhaustive
    python benchmarks/compare_searches.py runs/cheap runs/full

prints, for each split, what either keeps and how far apart they are, measured
on the search's own images, and the training images of both: a ratio that
doesn't depend on the machine. Both may be asked again for another
--max_accuracy_loss: the exhaustive search trains nothing for it.
"""

import argparse
import json
import pathlib


def compare(cheap, full):
    """Yields Markdown lines.

    Args:
        cheap: `results.json` of one search, as a dictionary.
        full: That of the other.

    Raises:
        ValueError: if they are of different grids or networks.
    """
    for field in ("accuracy", "max_accuracy_loss", "examples_exhaustive"):
        if field not in cheap or cheap[field] != full.get(field):
            raise ValueError(
                "Both searches must be of one network, one grid, the same "
                "images and one accepted loss. Received: "
                f"{field}={cheap.get(field)}, {full.get(field)}"
            )
    loss = cheap["max_accuracy_loss"]
    yield f"At most {loss:g} points below {cheap['accuracy']:.2f} %:\n"
    yield "| split | cheap | full | points apart | bytes |"
    yield "|:--|:--|:--|--:|--:|"
    for split, ours in cheap["candidates"].items():
        theirs = full["candidates"][split]
        apart, size = "–", "–"
        if ours and theirs:
            ours_at, theirs_at = ours["searched"], theirs["searched"]
            apart = f"{ours_at['accuracy'] - theirs_at['accuracy']:+.2f}"
            size = f"{ours_at['wire_bytes'] / theirs_at['wire_bytes']:.2f}x"
        cells = (split, _told(ours), _told(theirs), apart, size)
        yield f"| {' | '.join(cells)} |"
    yield ""
    for what, fields in (
        ("training images", ("examples",)),
        ("images, with those of batch norms", ("examples", "norm_examples")),
    ):
        ours, theirs = (
            sum(search[field] for field in fields) for search in (cheap, full)
        )
        yield f"{ours:,} {what} against {theirs:,}: {theirs / ours:.1f} times"


def _told(kept):
    if kept is None:
        return "none acceptable"
    at = kept["searched"]
    return (
        f"c'={kept['channels']}, s={kept['stride']}, q={kept['quality']}: "
        f"{at['accuracy']:.2f} %, {at['wire_bytes']:.1f} B"
    )


def main():
    """Prints the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("cheap")
    parser.add_argument("full")
    args = parser.parse_args()
    cheap, full = (
        json.loads((pathlib.Path(folder) / "results.json").read_text())
        for folder in (args.cheap, args.full)
    )
    print("\n".join(compare(cheap, full)))


if __name__ == "__main__":
    main()
