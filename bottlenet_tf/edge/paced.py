"""A slower device than this one, for trials: as slow as a plan says."""

import time


class Paced:
    """Computes, then waits until the plan's time for it has passed.

    So the plan's device is emulated, on a machine that is at least as fast.
    Reading and preparing images is not part of a plan's times.

    Args:
        network: `network.Network`.
        plan: `Plan` of the device; it must have mobile-only for what the
            network answers by itself to be paced.
        clock: Function that returns monotonic seconds.
        sleep: Function that waits so many seconds.
    """

    def __init__(self, network, plan, clock=time.monotonic, sleep=time.sleep):
        self._network, self._whole = network, plan.whole
        self._clock, self._sleep = clock, sleep

    def __getattr__(self, name):
        return getattr(self._network, name)

    def encode(self, picture, choice, max_bytes=None):
        """See `Network.encode`."""
        with _Lasting(choice, self._clock, self._sleep):
            return self._network.encode(picture, choice, max_bytes)

    def predict(self, picture):
        """See `Network.predict`."""
        with _Lasting(self._whole, self._clock, self._sleep):
            return self._network.predict(picture)


class _Lasting:
    """What is done with it lasts as long as a choice's `device_ms`."""

    def __init__(self, choice, clock, sleep):
        self._seconds = 1e-3 * choice.device_ms if choice else 0.0
        self._clock, self._sleep = clock, sleep

    def __enter__(self):
        self._begun_s = self._clock()

    def __exit__(self, *_):
        left_s = self._begun_s + self._seconds - self._clock()
        if left_s > 0:
            self._sleep(left_s)
