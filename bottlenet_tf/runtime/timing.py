"""The device's time for each step from image to payload."""

import platform
import time
from statistics import mean, median

from bottlenet_tf.runtime import machine

STEPS = ("image (read, resize, crop)", "head (network)", "payload (codec)")


class Timing:
    """Encodes images and keeps the milliseconds of every step.

    The first image is encoded once more, untimed, to warm up: first calls
    allocate memory and choose kernels.

    Args:
        point: Index of the operating point; None is the unit's default.
        max_bytes: In place of a point, the maximum bytes of a payload.
    """

    def __init__(self, head, repeat=1, point=None, max_bytes=None):
        self._head = head
        self._repeat = repeat
        self._point = point
        self._max_bytes = max_bytes
        self._is_warm = False
        self._sizes = []
        self._laps = []
        self._fitted = []  # With a limit, one for each lap.

    def encode(self, path):
        """Returns the payload of one image file, encoded `repeat` times."""
        head, laps, fitted = self._head, [], []
        if not self._is_warm:
            head.encode(path, self._point, self._max_bytes)
            self._is_warm = True
        for _ in range(self._repeat):
            start = time.perf_counter()
            pixels = head.prepare(path)
            prepared = time.perf_counter()
            if self._max_bytes is None:
                codes, code_range = head.codes(pixels, self._point)
                coded = time.perf_counter()
                payload = head.pack(codes, code_range, self._point)
            else:
                values, code_range = head.run(pixels)
                coded = time.perf_counter()
                fitted.append(head.fit(values, code_range, self._max_bytes))
                payload = fitted[-1].payload
            end = time.perf_counter()
            laps.append((prepared - start, coded - prepared, end - coded))
        # An image that failed has left no trace.
        self._laps += laps
        self._fitted += fitted
        self._sizes.append(len(payload))
        return payload

    def report(self):
        """Returns the table (str); at least one image must be encoded."""
        sizes = self._sizes
        rows = [
            f"device: {machine.name()}, {platform.machine()}, "
            f"Python {platform.python_version()}",
            f"head: {self._head.runtime}",
            f"timed: {len(self._laps)} runs ({len(sizes)} images, "
            f"{self._repeat} each) after 1 to warm up",
            _row("milliseconds", "median", "p95"),
        ]
        laps = [[1e3 * second for second in lap] for lap in self._laps]
        columns = dict(zip(STEPS, zip(*laps)), all=[sum(lap) for lap in laps])
        for step, column in columns.items():
            rows.append(_timed(step, column))
        if self._fitted:
            rows += self._limit_rows(columns[STEPS[-1]])
        rows.append(
            f"bytes of a payload: mean {mean(sizes):.1f}, "
            f"median {median(sizes):g}, p95 {percentile(sizes, 95)}, "
            f"p99 {percentile(sizes, 99)}, max {max(sizes)}"
        )
        return "\n".join(rows)

    def _limit_rows(self, coding):
        """Returns the rows about a limit; `coding` has each last step's ms."""
        tries = [fitted.tries for fitted in self._fitted]
        cut = sum(fitted.left_out > 0 for fitted in self._fitted)
        each = [time / count for time, count in zip(coding, tries)]
        return [
            _timed("  one try of a payload", each),
            f"limit: {self._max_bytes} bytes, kept in {mean(tries):.1f} tries "
            f"(mean; {max(tries)} at most), {cut} of {len(tries)} runs beyond "
            "the coarsest point",
        ]


def _timed(step, column):
    return _row(step, f"{median(column):.3f}", f"{percentile(column, 95):.3f}")


def _row(step, median, high):
    return f"{step:<28}{median:>10}{high:>10}"


def percentile(values, percent):
    """Returns the smallest value that this percentage doesn't exceed."""
    ordered = sorted(values)
    return ordered[-(-percent * len(ordered) // 100) - 1]
