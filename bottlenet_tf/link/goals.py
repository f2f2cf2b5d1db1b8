"""The expected cost of a choice by each goal; less is better.

Each goal is a class of `(estimate, local, deadline_ms, radio)`, called with a
`Choice` and the part of the deadline that has passed. An unanswered send costs
the wait and then mobile-only.
"""

import math

from bottlenet_tf.common.checks import is_number, require

# If accuracies in time differ by no more than this, the cheaper choice wins.
_PERCENT_A_SECOND = 0.01


def lead_ms(local_ms):
    """Returns how long before a deadline a computation must start.

    A tenth and 2 ms more than its median, which it often exceeds.
    """
    return 1.1 * local_ms + 2.0


class _Goal:
    def __init__(self, estimate, local, deadline_ms, radio):
        self._estimate, self._local = estimate, local
        self._deadline_ms, self._radio = deadline_ms, radio


class Latency(_Goal):
    """Expected ms from prepared pixels to the answer."""

    def __call__(self, choice, waited_ms=0.0):
        total = self._estimate.latency_ms(choice)
        if choice.sends and self._local is not None:
            rate = self._estimate.sends.miss_rate
            total += rate * self._estimate.device_ms(self._local)
        return total


class Energy(_Goal):
    """Expected mJ of the device; infinite if a power is unknown."""

    def __call__(self, choice, waited_ms=0.0):
        total = self._estimate.energy_mj(choice, self._radio)
        if total is None:
            return math.inf
        if choice.sends and self._local is not None:
            again = self._estimate.energy_mj(self._local, self._radio)
            if again is not None:
                total += self._estimate.sends.miss_rate * again
        return total


class Accuracy(_Goal):
    """Expected percent of images that aren't right within the deadline.

    Mobile-only answers if the server doesn't. If it fits into the deadline, no
    choice is taken after whose head it doesn't: about twenty sends can't show
    that not one in a thousand will be late.

    Attributes:
        gamble: `Gamble` of a controller that sets late images aside, or None.
            While it is on, odds are `Sends.likely`, else `Sends.within`.
    """

    gamble = None

    def __init__(self, estimate, local, deadline_ms, radio):
        super().__init__(estimate, local, deadline_ms, radio)
        require(
            is_number(deadline_ms, least=1e-3),
            'The goal "accuracy" must have a deadline.',
            deadline_ms=deadline_ms,
        )

    def __call__(self, choice, waited_ms=0.0):
        left_ms = self._deadline_ms - waited_ms
        if choice.sends:
            right = self._right_if_sent(choice, left_ms)
        else:
            fits = self._estimate.device_ms(choice) <= left_ms
            right = choice.accuracy if fits else 0.0
        latency_ms = self._estimate.latency_ms(choice)
        if (
            right <= 0
        ):  # Late in any case: then as early as possible, for the next one.
            return 100.0 + latency_ms
        return 100.0 - right + 1e-3 * _PERCENT_A_SECOND * latency_ms

    def _right_if_sent(self, choice, left_ms):
        estimate, local = self._estimate, self._local
        gambles = self.gamble is not None and self.gamble.is_on
        odds = estimate.sends.likely if gambles else estimate.sends.within
        share = estimate.in_time(choice, choice.bytes_p95, left_ms, odds)
        if local is None or estimate.device_ms(local) > left_ms:
            return share * choice.accuracy
        needed = lead_ms(estimate.device_ms(local))
        if choice.split is not None:
            needed += estimate.device_ms(choice)
        if needed > left_ms:
            return 0.0
        return share * choice.accuracy + (1.0 - share) * local.accuracy


GOALS = {"latency": Latency, "energy": Energy, "accuracy": Accuracy}


def candidates(choices, min_accuracy, goal):
    """Returns the choices to compare, in the plan's order.

    By latency and energy a split's point with the fewest bytes always wins,
    since the rest of it costs the same. Raises `ValueError` if no choice has
    `min_accuracy` percent.
    """
    kept = [c for c in choices if c.accuracy >= min_accuracy]
    require(
        kept,
        "A choice must have the required accuracy.",
        min_accuracy=min_accuracy,
        most_accurate=max(choice.accuracy for choice in choices),
    )
    if goal == "accuracy":
        return kept
    least = {}
    for choice in sorted(kept, key=lambda c: (c.bytes_mean, -c.accuracy)):
        least.setdefault((choice.way, choice.split), choice)
    return [c for c in kept if c is least[c.way, c.split]]
