"""Compares an emulated link with arithmetic before measurements over it."""

import dataclasses
import statistics

from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.emulation.settings import Settings, expected_ms

# A learned unit's message, and the paper's JPEG of an image.
SIZES = (316, 26_766)
TOLERANCE_MS = 0.3
TOLERANCE = 0.03
SENDS = 7
ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Cell:
    """Messages of one size at one rate, one way, each on an idle link.

    Attributes:
        num_bytes: Bytes of a message at IP level.
        attempts: Number of measurements, at most 3; the last one counts.
    """

    mbps: float
    num_bytes: int
    expected_ms: float
    measured_ms: float
    least_ms: float
    most_ms: float
    attempts: int

    @property
    def tolerance_ms(self):
        """The larger of 0.3 ms and 3 %."""
        return max(TOLERANCE_MS, TOLERANCE * self.expected_ms)

    @property
    def agrees(self):
        """Whether the median is within the tolerance."""
        return abs(self.measured_ms - self.expected_ms) <= self.tolerance_ms


@dataclasses.dataclass(frozen=True)
class LinkCheck:
    """A link's check; part of every result measured over it."""

    form: str
    scheduling: str
    delay_ms: float
    sends: int
    cells: tuple

    @property
    def passed(self):
        """Whether every cell agrees."""
        return all(cell.agrees for cell in self.cells)

    def summary(self):
        """Returns one sentence."""
        worst = max(
            self.cells,
            key=lambda c: abs(c.measured_ms - c.expected_ms) / c.tolerance_ms,
        )
        verdict = "agrees" if self.passed else "does NOT agree"
        return (
            f"The emulated link ({self.form}, {self.scheduling}) {verdict} "
            f"with arithmetic: at worst {worst.measured_ms:.2f} ms for "
            f"{worst.expected_ms:.2f} ms ({worst.num_bytes} bytes at "
            f"{worst.mbps:g} Mbit/s, tolerance {worst.tolerance_ms:.2f} ms)."
        )

    def markdown(self):
        """Returns the table's lines."""
        header = (
            "Mbit/s", "bytes", "expected ms", "median ms", "least ms",
            "most ms", "attempts", "agrees",
        )  # fmt: skip
        rows = [
            (
                f"{c.mbps:g}", str(c.num_bytes), f"{c.expected_ms:.2f}",
                f"{c.measured_ms:.2f}", f"{c.least_ms:.2f}",
                f"{c.most_ms:.2f}", str(c.attempts),
                "yes" if c.agrees else "NO",
            )
            for c in self.cells
        ]  # fmt: skip
        return aligned(header, rows, left=0)


def check_link(timed, rates_mbps, delay_ms=0.0, sizes=SIZES, sends=SENDS):
    """Measures messages over a link and compares them with arithmetic.

    A cell that disagrees is measured up to three times: a busy machine may be
    late once. The link keeps its last settings; the caller restarts it with its
    own.

    Args:
        timed: `Messages` or `Datagrams`: a `link` with `restart`, `form` and
            `scheduling`, and `one_way_s(num_bytes)`.
    """
    cells = []
    for mbps in rates_mbps:
        timed.link.restart(Settings(mbps, delay_ms=delay_ms))
        for num_bytes in sizes:
            wanted = expected_ms(num_bytes, mbps, delay_ms)
            for attempt in range(1, ATTEMPTS + 1):
                cell = _measure(timed, mbps, num_bytes, wanted, sends, attempt)
                if cell.agrees:
                    break
            cells.append(cell)
    return LinkCheck(
        timed.link.form, timed.link.scheduling, delay_ms, sends, tuple(cells)
    )


def _measure(timed, mbps, num_bytes, wanted, sends, attempt):
    taken = [1e3 * timed.one_way_s(num_bytes) for _ in range(sends)]
    return Cell(
        mbps, num_bytes, wanted, statistics.median(taken), min(taken),
        max(taken), attempt,
    )  # fmt: skip
