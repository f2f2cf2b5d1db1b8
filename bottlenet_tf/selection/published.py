"""Printed latencies and energies: choose by them, and check their sums."""

import csv
import dataclasses
import math

from bottlenet_tf.common.validation import check
from bottlenet_tf.selection.links import NAMED

FIELDS = ("network", "name", "bytes", "latency_ms", "energy_mj", "accuracy")
# Times printed in tenths of a ms, or energies in tenths of a mJ, can't be
# told apart within this.
ROUNDING = 0.05


@dataclasses.dataclass(frozen=True)
class Total:
    """One printed cell: a choice under a network.

    Attributes:
        network: One of `links.NAMED`.
        name: "mobile-only", "cloud-only", or a split point.
        num_bytes: Sent for an image; 0 if nothing.
        latency_ms: Printed total.
        energy_mj: Printed total, of the device.
        accuracy: In percent; None if not printed.
    """

    network: str
    name: str
    num_bytes: float
    latency_ms: float
    energy_mj: float
    accuracy: float | None

    @property
    def is_split(self):
        """Whether it is no reference."""
        return self.name not in ("mobile-only", "cloud-only")


@dataclasses.dataclass(frozen=True)
class Remainder:
    """What a printed total leaves for computing, by the link's own model.

    Negative: the total is less than sending alone would take.

    Attributes:
        total: `Total`.
        uplink_ms: By table 3's rate.
        uplink_mj: By table 3's power.
        computing_ms: Latency less up-link: device, codec and server.
        computing_mj: Energy less up-link: device and codec.
    """

    total: Total
    uplink_ms: float
    uplink_mj: float
    computing_ms: float
    computing_mj: float

    @property
    def contradiction(self):
        """The sentence that says by how much it can't be; None if it can."""
        wrong = []
        for what, unit, computing, uplink, printed in (
            ("latency", "ms", self.computing_ms, self.uplink_ms,
             self.total.latency_ms),
            ("energy", "mJ", self.computing_mj, self.uplink_mj,
             self.total.energy_mj),
        ):  # fmt: skip
            if computing < -ROUNDING:
                wrong.append(
                    f"sending alone takes {uplink:.1f} {unit} of the printed "
                    f"{what} {printed:.1f} {unit} ({-computing:.1f} too many)"
                )
        left = self.computing_mj
        if self.total.name == "cloud-only" and left > ROUNDING:
            wrong.append(
                f"{left:.1f} mJ of the printed energy "
                f"{self.total.energy_mj:.1f} mJ aren't the up-link's, though "
                "the device computes nothing"
            )
        return "; ".join(wrong) or None


def read(path):
    """Reads printed totals from a CSV file.

    Its header is `network,name,bytes,latency_ms,energy_mj,accuracy`;
    `accuracy` may be empty. Lines that begin with # are comments.

    Returns:
        List of `Total`.

    Raises:
        OSError: if it can't be read.
        ValueError: for another header, an unknown network, a missing or
            negative number; it names file, line and field.
    """
    with open(path, newline="", encoding="utf-8") as file:
        numbered = [
            (number, line)
            for number, line in enumerate(file, 1)
            if line.strip() and not line.startswith("#")
        ]
    rows = csv.reader(line for _, line in numbered)
    header = tuple(next(rows, ()))
    check(
        header == FIELDS,
        f"{path} must begin with the header {','.join(FIELDS)}.",
        header=header,
    )
    totals = [
        _total(path, number, row)
        for (number, _), row in zip(numbered[1:], rows, strict=True)
    ]
    check(bool(totals), f"{path} must hold at least one row.", rows=0)
    return totals


def _total(path, line, row):
    where = f"{path}, line {line}"
    check(len(row) == len(FIELDS), f"{where}: six fields are needed.", row=row)
    given = dict(zip(FIELDS, row, strict=True))
    check(
        given["network"] in NAMED,
        f"{where}: network must be one of {', '.join(NAMED)}.",
        network=given["network"],
    )
    check(given["name"] != "", f"{where}: name must not be empty.", row=row)
    numbers = {
        name: _number(where, name, given[name])
        for name in ("bytes", "latency_ms", "energy_mj")
    }
    accuracy = given["accuracy"]
    return Total(
        given["network"],
        given["name"],
        numbers["bytes"],
        numbers["latency_ms"],
        numbers["energy_mj"],
        _number(where, "accuracy", accuracy) if accuracy else None,
    )


def _number(where, name, text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    check(
        math.isfinite(value) and value >= 0,
        f"{where}: {name} must be a number that isn't negative.",
        **{name: text},
    )
    return value


def best_split(totals, network, target):
    """Returns the split of least latency or energy.

    Args:
        totals: List of `Total`.
        network: Which.
        target: "latency_ms" or "energy_mj".

    Raises:
        ValueError: if there is no split for that network.
    """
    splits = [t for t in totals if t.network == network and t.is_split]
    check(bool(splits), "The table must hold a split for it.", network=network)
    return min(splits, key=lambda total: getattr(total, target))


def improvement(totals, network, target):
    """Returns how many times cloud-only costs what the best split does.

    Raises:
        ValueError: if there is no split, or no row "cloud-only".
    """
    cloud = [
        t for t in totals if t.network == network and t.name == "cloud-only"
    ]
    check(
        len(cloud) == 1,
        "The table must hold one row cloud-only for each network.",
        network=network,
        rows=len(cloud),
    )
    best = best_split(totals, network, target)
    least = getattr(best, target)
    check(
        least > 0,
        "A split must cost something, or nothing is so many times as much.",
        network=network,
        split=best.name,
        **{target: least},
    )
    return getattr(cloud[0], target) / least


def break_even_rtt_ms(totals, network):
    """Returns the round trip above which mobile-only is faster than the best.

    Printed totals hold no round trip.

    Returns:
        In ms; negative if mobile-only is faster without one. None if the
        table holds no row mobile-only for that network.

    Raises:
        ValueError: if there is no split for that network.
    """
    fastest = best_split(totals, network, "latency_ms").latency_ms
    for total in totals:
        if (total.network, total.name) == (network, "mobile-only"):
            return total.latency_ms - fastest
    return None


def remainders(totals):
    """Returns the `Remainder` of each total that sends something."""
    return [_remainder(total) for total in totals if total.num_bytes > 0]


def _remainder(total):
    link = NAMED[total.network]
    uplink_ms = link.uplink_ms(total.num_bytes)
    uplink_mj = 1e-3 * uplink_ms * link.uplink_mw
    return Remainder(
        total,
        uplink_ms,
        uplink_mj,
        total.latency_ms - uplink_ms,
        total.energy_mj - uplink_mj,
    )


def computing_spread(totals, figure):
    """Returns how far apart the networks leave what a split's computing takes.

    Device and server don't know the network: the same split should leave the
    same on each.

    Args:
        totals: List of `Total`.
        figure: "computing_ms" or "computing_mj".

    Returns:
        `{name: (least, most)}`, for what is printed for more than one network.
    """
    left = {}
    for remainder in remainders(totals):
        values = left.setdefault(remainder.total.name, [])
        values.append(getattr(remainder, figure))
    return {
        name: (min(values), max(values))
        for name, values in left.items()
        if len(values) > 1
    }
