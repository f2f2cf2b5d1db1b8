"""Which splits can still win, by what their curves may become."""

from typing import NamedTuple

from bottlenet_tf.common import rate_curves


class Price(NamedTuple):
    """What one image costs over one link.

    link: Its name.
    of: Callable `(split, wire bytes) -> cost`, whatever is minimised.
    rival: Cost of the best way without a split; infinite if unknown.
    """

    link: str
    of: object
    rival: float = float("inf")


def optimistic_bytes(curve, least_accuracy, optimism):
    """Returns the wire bytes that a trained unit may need.

    A share of what its curve needs before training. A curve that doesn't come
    so far is taken for one that does at its most accurate point: before
    training, early splits of real networks look worse than they are, so none
    is ruled out by what it can't reach.

    Args:
        curve: `(bytes, accuracy)` pairs.
        least_accuracy: In percent.
        optimism: The share, 0 to 1.
    """
    needed = rate_curves.bytes_at(curve, least_accuracy)
    size = needed.value or needed.at_most or rate_curves.front(curve)[-1][0]
    return optimism * size


def next_split(price, curves, trained, least_accuracy, optimism):
    """Returns the split to train next for one link; None if none can win.

    It is the one that costs least by its optimistic curve, as long as that is
    less than the best that is known: a trained unit at the acceptable
    accuracy, or a rival without a split.

    Args:
        price: `Price`.
        curves: `{split: [(bytes, accuracy)]}` before training.
        trained: The same of those that are trained.
        least_accuracy: In percent.
        optimism: See `optimistic_bytes`.
    """
    hopes = {
        split: price.of(split, optimistic_bytes(c, least_accuracy, optimism))
        for split, c in curves.items()
        if split not in trained
    }
    if not hopes:
        return None
    best = min(hopes, key=hopes.get)
    return (
        best
        if hopes[best] < best_known(price, trained, least_accuracy)
        else None
    )


def best_known(price, trained, least_accuracy):
    """Returns the cost of the best trained unit or rival; may be infinite."""
    costs = [price.rival]
    for split, points in trained.items():
        enough = [size for size, acc in points if acc >= least_accuracy]
        if enough:
            costs.append(price.of(split, min(enough)))
    return min(costs)
