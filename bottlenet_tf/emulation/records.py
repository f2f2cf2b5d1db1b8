"""What a replay writes down of each image, and what follows from all."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Record:
    """One image of a replay.

    Attributes:
        arrived_s: When it was there.
        answered_s: When its answer was; None while it is set aside.
        busy_until_s: When the device is free for the next one.
        choice: The `Choice` that answered.
        tried: The `Choice` that was sent, or the same.
        energy_mj: Of the device; None if unknown.
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


def summary(records, deadline_ms=None):
    """Returns the figures of a policy over one trace.

    Args:
        records: List of `Record`, not empty.
        deadline_ms: That of each image, or None.

    Returns:
        Dictionary of `images`, `mean_ms`, `p95_ms`, `max_ms`, `accuracy`,
        `energy_mj` (None if unknown), `fallbacks` (share answered by another
        choice than the one sent), `choices` (images by name), and with a
        deadline `in_time` (share) and `accuracy_in_time` (percent; late
        answers count as wrong).
    """
    latencies = sorted(record.latency_ms for record in records)
    energies = [record.energy_mj for record in records]
    names = [record.choice.name for record in records]
    found = {
        "images": len(records),
        "mean_ms": statistics.fmean(latencies),
        "p95_ms": latencies[(95 * len(latencies) - 1) // 100],
        "max_ms": latencies[-1],
        "accuracy": statistics.fmean(r.choice.accuracy for r in records),
        "energy_mj": None if None in energies else statistics.fmean(energies),
        "fallbacks": statistics.fmean(r.choice is not r.tried for r in records),
        "choices": {name: names.count(name) for name in sorted(set(names))},
    }
    if deadline_ms is not None:
        # A nanosecond for the rounding of sums of seconds.
        kept = [r for r in records if r.latency_ms <= deadline_ms + 1e-6]
        found["in_time"] = len(kept) / len(records)
        right = sum(record.choice.accuracy for record in kept)
        found["accuracy_in_time"] = right / len(records)
    return found
