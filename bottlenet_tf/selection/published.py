"""Printed latencies and energies: the best of them, and their sums checked."""

import csv
from typing import Annotated, Literal

import msgspec

from bottlenet_tf.common import reading
from bottlenet_tf.common.ranges import NotNegative, Percent
from bottlenet_tf.common.validation import check
from bottlenet_tf.selection.links import NAMED

FIELDS = ("network", "name", "bytes", "latency_ms", "energy_mj", "accuracy")
# Times printed in tenths of a ms, or energies in tenths of a mJ, can't be
# distinguished within this.
ROUNDING = 0.05


class Total(msgspec.Struct, frozen=True):
    """One printed cell: the latency and energy of a choice under a network.

    `network` is one of `links.NAMED`, `name` is "mobile-only", "cloud-only" or
    a split point. `num_bytes` are sent per image, `accuracy` is in percent.
    """

    network: Literal[tuple(NAMED)]
    name: Annotated[str, msgspec.Meta(min_length=1)]
    num_bytes: NotNegative = msgspec.field(name="bytes")
    latency_ms: NotNegative
    energy_mj: NotNegative
    accuracy: Percent | None

    @property
    def is_split(self):
        """Whether it isn't a reference."""
        return self.name not in ("mobile-only", "cloud-only")

    @property
    def uplink_ms(self):
        """Time of sending by table 3's rate."""
        return NAMED[self.network].uplink_ms(self.num_bytes)

    @property
    def uplink_mj(self):
        """Energy of sending by table 3's power."""
        return 1e-3 * self.uplink_ms * NAMED[self.network].uplink_mw

    @property
    def computing_ms(self):
        """Latency less up-link: device, codec and server.

        Negative: the total is less than sending alone would take.
        """
        return self.latency_ms - self.uplink_ms

    @property
    def computing_mj(self):
        """Energy less up-link: device and codec; may be negative, too."""
        return self.energy_mj - self.uplink_mj

    @property
    def contradiction(self):
        """A sentence on the contradiction, with its size; None without one."""
        wrong = []
        for name, unit, computing, uplink, printed in (
            ("latency", "ms", self.computing_ms, self.uplink_ms,
             self.latency_ms),
            ("energy", "mJ", self.computing_mj, self.uplink_mj,
             self.energy_mj),
        ):  # fmt: skip
            if computing < -ROUNDING:
                wrong.append(
                    f"sending alone takes {uplink:.1f} {unit} of the printed "
                    f"{name} {printed:.1f} {unit} ({-computing:.1f} too much)"
                )
        left = self.computing_mj
        if self.name == "cloud-only" and left > ROUNDING:
            wrong.append(
                f"{left:.1f} mJ of the printed energy "
                f"{self.energy_mj:.1f} mJ aren't the up-link's, though "
                "the device computes nothing"
            )
        return "; ".join(wrong) or None


def read(path):
    """Reads printed totals from a CSV file; returns a list of `Total`.

    Its header is `network,name,bytes,latency_ms,energy_mj,accuracy`;
    `accuracy` may be empty. Lines that begin with # are comments.
    """
    with open(path, newline="", encoding="utf-8") as file:
        lines = [
            (number, next(csv.reader([line])))
            for number, line in enumerate(file, 1)
            if line.strip() and not line.startswith("#")
        ]
    header = lines[0][1] if lines else None
    check(
        header == list(FIELDS),
        f"{path} must begin with the header {','.join(FIELDS)}.",
        header=header,
    )
    check(len(lines) > 1, f"{path} must have at least one row.", rows=0)
    totals = []
    for number, row in lines[1:]:
        place = f"line {number}, "
        check(
            len(row) == len(FIELDS),
            f"{path}, line {number}: six fields are needed.",
            row=row,
        )
        given = dict(zip(FIELDS, row))
        given["accuracy"] = given["accuracy"] or None
        totals.append(reading.convert(given, Total, path, place, strict=False))
    return totals


def best_split(totals, network, target):
    """Returns the split of least "latency_ms" or "energy_mj", the target."""
    splits = [t for t in totals if t.network == network and t.is_split]
    check(bool(splits), "The table must have a split for it.", network=network)
    return min(splits, key=lambda total: getattr(total, target))


def improvement(totals, network, target):
    """Returns the cost of cloud-only as a multiple of the best split's."""
    cloud = _row(totals, network, "cloud-only")
    check(
        cloud is not None,
        "The table must have a row cloud-only for each network.",
        network=network,
    )
    best = best_split(totals, network, target)
    least = getattr(best, target)
    check(
        least > 0,
        "A split's cost must not be 0, or cloud-only can't be a multiple of "
        "it.",
        network=network,
        split=best.name,
        **{target: least},
    )
    return getattr(cloud, target) / least


def _row(totals, network, name):
    """Returns the `Total` of a reference; None if the table has none."""
    found = [t for t in totals if (t.network, t.name) == (network, name)]
    check(
        len(found) < 2,
        f"The table must have one row {name} for each network.",
        network=network,
        rows=len(found),
    )
    return found[0] if found else None


def break_even_rtt_ms(totals, network):
    """Returns the round trip above which mobile-only is faster than the best.

    In ms; negative if mobile-only is faster even without one. None without a
    row mobile-only for that network.
    """
    alone = _row(totals, network, "mobile-only")
    fastest = best_split(totals, network, "latency_ms")
    return alone and alone.latency_ms - fastest.latency_ms


def computing_spread(totals, figure):
    """Returns `{name: (least, most)}` of a figure over the networks.

    The figure is "computing_ms" or "computing_mj". Device and server don't
    depend on the network: the same split should leave the same on each. Names
    printed for only one network are left out.
    """
    left = {}
    for total in totals:
        if total.num_bytes:
            values = left.setdefault(total.name, [])
            values.append(getattr(total, figure))
    return {
        name: (min(values), max(values))
        for name, values in left.items()
        if len(values) > 1
    }
