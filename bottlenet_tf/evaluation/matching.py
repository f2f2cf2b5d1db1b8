"""The bytes that cloud-only needs to be as accurate as we are."""

import dataclasses

from bottlenet_tf.common.rate_curves import front


@dataclasses.dataclass(frozen=True)
class Match:
    """The fewest cloud-only bytes at an accuracy.

    Attributes:
        bytes_mean: Mean bytes per image; None if no codec reaches the accuracy.
        codec: The codec that needs them, or None.
        at_most: Whether the true figure may be smaller.
        reason: Why `bytes_mean` is None or only a bound; else None.
    """

    bytes_mean: float | None
    codec: str | None
    at_most: bool
    reason: str | None


def matched_bytes(points, accuracy):
    """Returns the fewest bytes at which cloud-only reaches `accuracy`.

    Only points on a codec's `front` count. Between two neighbours bytes are
    interpolated linearly, which a sender can attain by mixing the two
    qualities. The best codec counts.

    If a codec's cheapest point already exceeds `accuracy`, that point's bytes
    are taken and flagged `at_most`: any ratio built on them is an upper bound,
    even if another codec's are fewer. Nothing is extrapolated above the most
    accurate point of all codecs. In our favour is that a codec's own curve may
    bend above the line between two neighbours, by at most the gap between them
    (sweep densely), and that a sender could mix two codecs as well as two
    qualities.
    """
    points = list(points)
    if not points:
        raise ValueError(
            "Matching needs at least one cloud-only point to compare with. "
            "Received: points=[]"
        )
    found, open_ended = [], []
    for codec in sorted({point.codec for point in points}):
        curve = front(
            (p.bytes_mean, p.accuracy) for p in points if p.codec == codec
        )
        bytes_mean, at_most = _bytes_on(curve, accuracy)
        if bytes_mean is not None:
            found.append((bytes_mean, codec))
        if at_most:
            open_ended.append(codec)
    if not found:
        best = max(point.accuracy for point in points)
        reason = (
            f"accuracy {accuracy:.2f} is above the {best:.2f} of the best "
            "cloud-only point, so no number of bytes reaches it"
        )
        return Match(None, None, False, reason)
    reason = None
    if open_ended:
        reason = (
            f"accuracy {accuracy:.2f} is below the cheapest point of "
            f"{' and '.join(open_ended)}, which may reach it with fewer bytes"
        )
    return Match(*min(found), bool(open_ended), reason)


def _bytes_on(curve, accuracy):
    """Returns `(bytes or None, at_most)` on one codec's front."""
    if accuracy <= curve[0][1]:
        return curve[0][0], accuracy < curve[0][1]
    for (low, worse), (high, better) in zip(curve, curve[1:], strict=False):
        if accuracy <= better:
            share = (accuracy - worse) / (better - worse)
            return low + share * (high - low), False
    return None, False
