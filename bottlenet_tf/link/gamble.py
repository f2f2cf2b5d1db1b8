"""Sending when only the server can answer in time, and late is worthless.

For callers that set late images aside. Nothing else answers in time, so images
are sent regardless of misses; a miss still counts as evidence.
"""

# Share of the time left that everything except sending may take after a miss.
_BUT_FOR_SENDING = 0.8


class Gamble:
    """Selects the choices to compare, by an `Estimate` and a deadline."""

    def __init__(self, estimate, candidates, local, deadline_ms):
        self._estimate, self._candidates = estimate, candidates
        self._sending = [choice for choice in candidates if choice.sends]
        self._local, self._deadline_ms = local, deadline_ms

    @property
    def is_on(self):
        """Whether the device can't meet the deadline alone."""
        if self._local is None or not self._sending:
            return False
        return self._estimate.device_ms(self._local) > self._deadline_ms

    def is_late(self, waited_ms):
        """Returns whether no choice can be in time."""
        least = min(self._least_ms(choice) for choice in self._candidates)
        return waited_ms + least > self._deadline_ms

    def open(self, waited_ms, was_missed):
        """Returns the choices to compare.

        After a miss only the fewest bytes, of the choices that have time to
        send them: the missed payload is still on its way ahead of them.
        """
        most_ms = _BUT_FOR_SENDING * (self._deadline_ms - waited_ms)
        quick = [c for c in self._sending if self._least_ms(c) < most_ms]
        if was_missed and quick:
            return [min(quick, key=lambda choice: choice.bytes_mean)]
        return self._sending

    def _least_ms(self, choice):
        """Returns a choice's time without that of sending its bytes."""
        least = self._estimate.device_ms(choice)
        if choice.sends:
            least += self._estimate.sends.floor_ms
            least += self._estimate.server_ms(choice)
        return least
