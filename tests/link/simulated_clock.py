"""A clock that a test moves."""


class SimulatedClock:
    """Callable; `now_s` is what it returns."""

    def __init__(self, now_s=1000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s

    def pass_ms(self, ms):
        """Lets time pass."""
        self.now_s += 1e-3 * ms
