"""Latencies and bytes so far: a line while it runs, a table at the end."""

import collections
import math
import time

_STEP = 1.01
_LEAST_MS = 1e-3
_RECENT = 100


class Latencies:
    """Percentiles of any number of latencies in bounded memory.

    They are counted in bins 1 % wide, and so exact to 0.5 %.
    """

    def __init__(self):
        self._bins = collections.Counter()

    @property
    def count(self):
        """Number of latencies."""
        return sum(self._bins.values())

    def add(self, ms):
        """Counts one."""
        bin_ = math.log(max(ms, _LEAST_MS)) / math.log(_STEP)
        self._bins[int(math.floor(bin_))] += 1

    def percentile(self, percent):
        """Returns a percentile; 0 without a latency."""
        needed = max(1, -(-percent * self.count // 100))
        for bin_ in sorted(self._bins):
            needed -= self._bins[bin_]
            if needed <= 0:
                return _STEP ** (bin_ + 0.5)
        return 0.0

    def __add__(self, other):
        both = Latencies()
        both._bins = self._bins + other._bins
        return both


class Tally:
    """Counts answers and failures.

    Attributes:
        problems: Images that were sent to the server without an answer.
    """

    def __init__(self, clock=time.monotonic):
        self._clock, self._begun_s = clock, clock()
        self.answered = self.failed = self.problems = 0
        self._ways = {}
        self._bytes = self._accuracy = 0.0
        self._with_accuracy = 0
        self._recent = collections.deque(maxlen=_RECENT)
        self._last = None

    def add(self, result):
        """Counts a `Result`."""
        self.answered += 1
        if result.way not in self._ways:
            self._ways[result.way] = Latencies()
        self._ways[result.way].add(result.latency_ms)
        self._recent.append((self._clock(), result.latency_ms))
        self._bytes += result.payload_bytes
        self.problems += result.problem is not None
        if result.accuracy is not None:
            self._accuracy += result.accuracy
            self._with_accuracy += 1
        self._last = result

    def add_failure(self):
        """Counts an image without an answer."""
        self.failed += 1

    def progress(self):
        """Returns the running line: rate, median of the last 100 images."""
        if self._last is None:
            return "{} failed".format(self.failed)
        last = self._last
        latencies = sorted(ms for _, ms in self._recent)
        parts = [
            "{} images".format(self.answered),
            "{:.1f}/s".format(self._rate()),
            last.choice or last.way,
            "{} B".format(last.payload_bytes),
            "p50 {:.1f} ms".format(latencies[len(latencies) // 2]),
        ]
        parts += self._accuracy_parts()
        if self.failed:
            parts.append("{} failed".format(self.failed))
        return ", ".join(parts)

    def _rate(self):
        since_s = self._begun_s
        if len(self._recent) == _RECENT:
            since_s = self._recent[0][0]
        elapsed_s = self._clock() - since_s
        return len(self._recent) / elapsed_s if elapsed_s > 0 else 0.0

    def _accuracy_parts(self):
        if not self._with_accuracy:
            return []
        mean = self._accuracy / self._with_accuracy
        return ["accuracy {:.2f} % by the plan".format(mean)]

    def summary(self):
        """Returns the table at the end, of several lines."""
        elapsed_s = self._clock() - self._begun_s
        count = self.answered + self.failed
        heads = ["{} images in {:.1f} s".format(count, elapsed_s)]
        if elapsed_s > 0:
            heads.append("{:.1f} per second".format(count / elapsed_s))
        heads.append("{} failed".format(self.failed))
        if self.problems:
            heads.append("{} sent to the server in vain".format(self.problems))
        if self.answered:
            mean = self._bytes / self.answered
            heads.append("{:.1f} B sent per image".format(mean))
        heads += self._accuracy_parts()
        rows = [", ".join(heads)]
        if self.answered:
            rows.append(_row("latency ms", "images", "p50", "p95", "p99"))
            rows += [_table_row(*way) for way in sorted(self._ways.items())]
            total = sum(self._ways.values(), Latencies())
            rows.append(_table_row("all", total))
        return "\n".join(rows)


def _table_row(name, latencies):
    cells = ("{:.2f}".format(latencies.percentile(p)) for p in (50, 95, 99))
    return _row(name, latencies.count, *cells)


def _row(name, *cells):
    return "{:<12}".format(name) + "".join(
        "{:>10}".format(cell) for cell in cells
    )
