"""How long the device takes for each step from image to payload."""

import platform
import time

from bottlenet_tf.runtime import machine

STEPS = ("image (read, resize, crop)", "head (network)", "payload (codec)")


class Timing:
    """Encodes images and keeps the milliseconds of every step.

    The first image is encoded once more, untimed, to warm up: first calls
    allocate memory and choose kernels.

    Args:
        head: `edge.Head`.
        repeat: How many times each image is encoded.
        point: Index of the operating point; None is the unit's default.
    """

    def __init__(self, head, repeat=1, point=None):
        self._head = head
        self._repeat = repeat
        self._point = point
        self._is_warm = False
        self._sizes = []
        self._laps = []

    def encode(self, path):
        """Returns the payload of one image file, encoded `repeat` times."""
        head, laps = self._head, []
        if not self._is_warm:
            head.encode(path, self._point)
            self._is_warm = True
        for _ in range(self._repeat):
            start = time.perf_counter()
            pixels = head.prepare(path)
            prepared = time.perf_counter()
            codes, code_range = head.codes(pixels, self._point)
            coded = time.perf_counter()
            payload = head.pack(codes, code_range, self._point)
            end = time.perf_counter()
            laps.append((prepared - start, coded - prepared, end - coded))
        # An image that failed on the way has left no trace.
        self._laps += laps
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
            cells = f"{median(column):.3f}", f"{p95(column):.3f}"
            rows.append(_row(step, *cells))
        rows.append(
            f"bytes of a payload: mean {sum(sizes) / len(sizes):.1f}, "
            f"median {median(sizes):g}, p95 {p95(sizes)}"
        )
        return "\n".join(rows)


def _row(step, median, high):
    return f"{step:<28}{median:>10}{high:>10}"


def median(values):
    """Returns the middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return (ordered[half] + ordered[-half - 1]) / 2


def p95(values):
    """Returns the smallest value that 95 % of all don't exceed."""
    ordered = sorted(values)
    return ordered[-(-95 * len(ordered) // 100) - 1]
