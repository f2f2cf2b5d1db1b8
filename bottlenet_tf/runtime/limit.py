"""Payloads of a head's results: at a point, or within a limit of bytes."""

from typing import NamedTuple

import numpy as np


class Fitted(NamedTuple):
    """A payload within a limit.

    Attributes:
        left_out: Number of coefficients, the least important ones, set to 0
            because even the coarsest point was too large.
        tries: Number of payloads made to find it.
    """

    payload: bytes
    point: int
    left_out: int
    tries: int


class Packer:
    """Makes payloads from one run of a head.

    A unit without gains has codes, the same at every point.

    Attributes:
        least_bytes: Size of the smallest payload that a limit may require. With
            gains, any image has one: all codes 0 at the coarsest point.

    Args:
        form: `PayloadFormat`.
        gains: `Gains` of a unit whose head computes coefficients, or None.
    """

    def __init__(self, form, gains=None):
        self._form = form
        self._gains = gains
        self._coarsest = len(form.points) - 1
        self.least_bytes = form.least_bytes
        if gains is not None:
            order = form.codec.by_importance(form.shape, self._coarsest)
            self._expendable = order[::-1]
            nothing = np.zeros(form.shape, form.codec.code_dtype)
            code_range = (0.0, 0.0) if form.sends_range else None
            smallest = form.pack(nothing, code_range, self._coarsest)
            self.least_bytes = len(smallest)

    def codes(self, values, point):
        """Returns codes at a point; without gains, `values` are codes."""
        if self._gains is None:
            return values
        return self._gains.codes(values, point)

    def check_limit(self, max_bytes):
        """Raises ValueError unless a payload can be within `max_bytes`.

        Without gains, an image's payload may still be larger.
        """
        is_integer = isinstance(max_bytes, (int, np.integer))
        if isinstance(max_bytes, bool) or not is_integer or max_bytes < 1:
            raise ValueError(
                "`max_bytes` must be a positive integer, the most bytes of a "
                f"payload with its header. Received: max_bytes={max_bytes!r}"
            )
        if max_bytes < self.least_bytes:
            raise ValueError(
                f"`max_bytes` must be at least {self.least_bytes}, since no "
                "payload of this unit is smaller. "
                f"Received: max_bytes={max_bytes}"
            )

    def fit(self, values, code_range, max_bytes, finest=0):
        """Returns the most detailed payload within a limit, `Fitted`.

        It is that of the finest operating point that fits, points being in
        order from most bytes to fewest. If none does and there are gains: at
        the coarsest point, as many of the most important coefficients as fit.

        Args:
            values: As for `codes`.
            code_range: As for `PayloadFormat.pack`.
            max_bytes: Most bytes of the payload.
            finest: Index of the finest point that may be used.

        Raises:
            ValueError: for a limit that `check_limit` refuses; without gains,
                if the image's payload is larger; see `codes`.
        """
        self.check_limit(max_bytes)

        def at_point(point):
            return self._form.pack(self.codes(values, point), code_range, point)

        points = range(finest, self._coarsest + 1)
        found, payload, tries = first_within(max_bytes, points, at_point)
        if found is not None:
            return Fitted(payload, found, 0, tries)
        if self._gains is None:
            raise ValueError(
                "A payload must be within the limit, and this unit has no "
                "smaller one of this image. "
                f"Received: max_bytes={max_bytes}, {len(payload)} bytes"
            )
        codes = self.codes(values, self._coarsest)

        def without(left_out):
            kept = codes.copy()
            kept.ravel()[self._expendable[:left_out]] = 0
            return self._form.pack(kept, code_range, self._coarsest)

        numbers = range(1, codes.size + 1)
        left_out, payload, more = first_within(max_bytes, numbers, without)
        return Fitted(payload, self._coarsest, left_out, tries + more)


def first_within(limit, rungs, payload_at):
    """Returns the first rung of a ladder whose payload is within a limit.

    The first rung is tried first, then bisection, assuming that no payload is
    larger than the previous one. If one is, another rung than the first may be
    found, though never one beyond the limit; if only the last is within it,
    that is found.

    Args:
        rungs: A `range` of at least one rung, from most bytes to fewest.
        payload_at: Callable, rung -> payload (bytes).

    Returns:
        `(rung, payload, tries)`; if none is within the limit, None and the
        last rung's payload.
    """
    low, high = rungs.start, rungs.stop
    best, tries, rung = None, 0, low
    while low < high:
        payload = payload_at(rung)
        tries += 1
        if len(payload) <= limit:
            best, high = (rung, payload), rung
        else:
            low = rung + 1
        rung = (low + high) // 2
    return (best or (None, payload)) + (tries,)


def check_one(point, max_bytes):
    """Raises ValueError if both a point and a limit are given."""
    if point is not None and max_bytes is not None:
        raise ValueError(
            "Only one of `point` and `max_bytes` may be given: within a limit, "
            f"the image decides the point. Received: point={point}, "
            f"max_bytes={max_bytes}"
        )
