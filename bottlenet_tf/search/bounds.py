"""Which splits can still win, by an optimistic view of their curves."""

from typing import NamedTuple

from bottlenet_tf.common import rate_curves


class Price(NamedTuple):
    """Cost of one image over one link.

    link: Its name.
    of: Callable `(split, wire bytes) -> cost`, to be minimised.
    rival: Cost of the best way without a split; infinite if unknown.
    """

    link: str
    of: object
    rival: float = float("inf")


def optimistic_bytes(curve, least_accuracy, optimism):
    """Returns the wire bytes that a trained unit may need.

    These are a share, `optimism`, of the bytes at `least_accuracy` on its curve
    before training, a list of `(bytes, accuracy)`; docs/choosing.md has the
    shares that were measured. A curve that stays below is assumed to reach it
    at its most accurate point: before training, early splits of real networks
    look worse than they are.
    """
    needed = rate_curves.bytes_at(curve, least_accuracy)
    size = needed.value or needed.at_most or rate_curves.front(curve)[-1][0]
    return optimism * size


def next_split(price, curves, trained, least_accuracy, optimism):
    """Returns the split to train next for one link; None if none can win.

    It has the least cost by its optimistic curve, and less than the best
    trained unit of acceptable accuracy and the rival.

    `curves` is `{split: [(bytes, accuracy)]}` before training, `trained` the
    same of the trained ones.
    """
    known = best_known(price, trained, least_accuracy)
    hopes = {
        split: price.of(split, optimistic_bytes(c, least_accuracy, optimism))
        for split, c in curves.items()
        if split not in trained
    }
    winning = {split: hope for split, hope in hopes.items() if hope < known}
    return min(winning, key=winning.get, default=None)


def best_known(price, trained, least_accuracy):
    """Returns the cost of the best trained unit or rival; may be infinite."""
    costs = [price.rival]
    for split, points in trained.items():
        enough = [size for size, acc in points if acc >= least_accuracy]
        if enough:
            costs.append(price.of(split, min(enough)))
    return min(costs)
