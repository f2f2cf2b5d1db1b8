"""Which of several units, trained equally long, is the most promising."""

import math


def ranked(trials, outcomes, target):
    """Returns `(trial, quality to train it at)`, the best first.

    First those that reach the target, by bytes; then by accuracy. The quality
    is the lowest that reaches the target, or the most accurate. A unit that
    another beats in bytes and accuracy at all qualities is left out.
    """
    points = {trial: outcomes[trial.name].points for trial in trials}
    entries = []
    for trial, found in points.items():
        if any(_beaten(found, other) for other in points.values()):
            continue
        reached = [p for p in found if p.accuracy >= target]
        if reached:
            point = min(reached, key=lambda p: p.wire_bytes)
            key = (0, _bytes_at(target, point, found))
        else:
            point = max(found, key=lambda p: p.accuracy)
            key = (1, -point.accuracy)
        entries.append((key, trial, point.quality))
    entries.sort(key=lambda entry: entry[0])
    return [(trial, quality) for _, trial, quality in entries]


def best_accuracy(trial, outcomes):
    """The highest accuracy of a trial."""
    return max(point.accuracy for point in outcomes[trial.name].points)


def log_odds(accuracy):
    """Of right against wrong answers; accuracy in percent, 0.1 to 99.9."""
    share = min(max(accuracy / 100.0, 1e-3), 1 - 1e-3)
    return math.log(share / (1.0 - share))


def percent(odds):
    """The accuracy of such log odds."""
    return 100.0 / (1.0 + math.exp(-odds))


def _bytes_at(accuracy, point, points):
    """Bytes between `point` and the next smaller one, where `accuracy` lies.

    Steps of quality are coarse: without this, a unit would be judged by which
    side of the target its nearest quality falls on.
    """
    smaller = [p for p in points if p.wire_bytes < point.wire_bytes]
    if not smaller:
        return point.wire_bytes
    below = max(smaller, key=lambda p: p.wire_bytes)
    share = (point.accuracy - accuracy) / (point.accuracy - below.accuracy)
    return point.wire_bytes - share * (point.wire_bytes - below.wire_bytes)


def _beaten(points, others):
    """Whether each point has one in `others` that is better in all."""
    return all(
        any(
            other.wire_bytes < point.wire_bytes
            and other.accuracy > point.accuracy
            for other in others
        )
        for point in points
    )
