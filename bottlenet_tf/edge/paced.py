"""Emulates a slower device, for trials: as slow as in a plan."""

import time


class Paced:
    """Computes, then waits until the plan's time has passed.

    It emulates the plan's device on a machine that is at least as fast.
    Reading and preparing images is not part of a plan's times. Without
    mobile-only in the plan, `predict` is not slowed.
    """

    def __init__(self, network, plan, clock=time.monotonic, sleep=time.sleep):
        self._network, self._whole = network, plan.whole
        self._clock, self._sleep = clock, sleep

    def __getattr__(self, name):
        return getattr(self._network, name)

    def encode(self, picture, choice, max_bytes=None):
        """See `Network.encode`."""
        return self._paced(
            choice, self._network.encode, picture, choice, max_bytes
        )

    def predict(self, picture):
        """See `Network.predict`."""
        return self._paced(self._whole, self._network.predict, picture)

    def _paced(self, choice, compute, *values):
        begun_s = self._clock()
        try:
            return compute(*values)
        finally:
            planned_s = 1e-3 * choice.device_ms if choice else 0.0
            left_s = begun_s + planned_s - self._clock()
            if left_s > 0:
                self._sleep(left_s)
