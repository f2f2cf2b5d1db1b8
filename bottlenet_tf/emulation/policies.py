"""Policies of a replay: a fixed choice, or an oracle."""

import dataclasses

# Sums of seconds may exceed a deadline by this much.
_ROUNDING_S = 1e-9


@dataclasses.dataclass(frozen=True)
class Record:
    """One image of a replay.

    Attributes:
        answered_s: When it was answered; None while it is set aside.
        busy_until_s: When the device is free for the next one.
        choice: The `Choice` that answered.
        tried: The `Choice` that was sent, or the same.
    """

    arrived_s: float
    answered_s: float | None
    busy_until_s: float
    choice: object
    tried: object
    energy_mj: float | None

    @property
    def latency_ms(self):
        """From arrival to answer."""
        return 1e3 * (self.answered_s - self.arrived_s)


class Fixed:
    """Always the same choice; waits for its answer without a limit."""

    def __init__(self, world, choice):
        self._world, self._choice = world, choice

    def answer(self, image, arrived_s, start_s):
        """Returns the `Record` of an image started at `start_s`."""
        return _waited_for(self._world, self._choice, image, arrived_s, start_s)


class Oracle:
    """The best choice for each image, known in advance.

    It knows the trace, the outages and each payload's size, and takes for every
    image the earliest answer; with a deadline the most accurate one in time.
    Outages only delay it.

    No policy has a lower mean latency: an image started earlier is never
    answered later, so that taking the earliest answer each time is best after
    any number of images (by induction). With a deadline the same holds for
    accuracy in time, if images come no faster than one per deadline.

    Args:
        set_aside: Whether it sets aside images that can't be in time.
    """

    def __init__(self, world, choices, deadline_ms=None, set_aside=False):
        self._world, self._choices = world, choices
        self._deadline_ms, self._set_aside = deadline_ms, set_aside

    def answer(self, image, arrived_s, start_s):
        """Returns the `Record` of an image started at `start_s`."""
        best = min(
            self._choices,
            key=lambda c: self._rank(c, image, arrived_s, start_s),
        )
        if self._set_aside:
            is_late, *_ = self._rank(best, image, arrived_s, start_s)
            if is_late:
                return aside(self._world.plan.whole, best, arrived_s, start_s)
        return _waited_for(self._world, best, image, arrived_s, start_s)

    def _rank(self, choice, image, arrived_s, start_s):
        answered_s = self._world.answered_s(choice, image, start_s)
        if self._deadline_ms is None:
            return answered_s
        end_s = arrived_s + 1e-3 * self._deadline_ms + _ROUNDING_S
        in_time = answered_s <= end_s
        return not in_time, -choice.accuracy if in_time else 0.0, answered_s


def aside(whole, tried, arrived_s, busy_until_s):
    """Returns the `Record` of an image that will be answered at the end."""
    return Record(arrived_s, None, busy_until_s, whole, tried, None)


def _waited_for(world, choice, image, arrived_s, start_s):
    answered_s = world.answered_s(choice, image, start_s)
    sending_s = waiting_s = 0.0
    if choice.sends:
        waiting_s = 1e-3 * world.back_ms(choice)
        begun_s = start_s + 1e-3 * choice.device_ms
        sending_s = answered_s - waiting_s - begun_s
    energy_mj = world.energy_mj(choice, sending_s, waiting_s)
    return Record(arrived_s, answered_s, answered_s, choice, choice, energy_mj)
