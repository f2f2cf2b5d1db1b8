"""Profiles: time and energy of split networks' parts on one machine.

Profiles of a device and of a server are combined by split and part.
"""

import dataclasses
from typing import Annotated

from msgspec import Meta

from bottlenet_tf.common.ranges import Count, NotNegative, Whole

BY_HAND = "by hand"
# The first two run on the device, the next two on the server; "whole" is the
# network without a split, on this machine, and "served" the same as a server
# runs it, if that is different.
PARTS = ("head", "encode", "decode", "tail", "whole", "served")
UNSPLIT = ("whole", "served")

Text = Annotated[str, Meta(min_length=1)]


@dataclasses.dataclass(frozen=True)
class Row:
    """Time of one part of one split for one image.

    Attributes:
        split: Name of the split; "" for parts "whole" and "served".
        load: Number of other processes that did the same work meanwhile.
        power_mw: Mean power meanwhile, in milliwatts; None if unmeasured.
    """

    split: str
    part: str
    load: Whole
    median_ms: NotNegative
    p95_ms: NotNegative | None = None
    n: Count | None = None
    power_mw: NotNegative | None = None


@dataclasses.dataclass(frozen=True)
class Split:
    """One trained split; None means unknown.

    Attributes:
        name: The run's: units of one split point have different names.
        feature_shape: `(H, W, C)` there.
        head_macs, tail_macs: Multiply-accumulates of one image on the device
            and on the server.
        head_memory_mb, tail_memory_mb: Peak memory of the process that ran this
            half, in MB (10^6 bytes): libraries, network, images.
        payload_bytes: Mean `len()` of the payloads of the images used.
    """

    name: Text
    point: Text | None = None
    layer: Text | None = None
    feature_shape: tuple[Count, Count, Count] | None = None
    head_macs: Whole | None = None
    tail_macs: Whole | None = None
    head_memory_mb: NotNegative | None = None
    tail_memory_mb: NotNegative | None = None
    payload_bytes: NotNegative | None = None


@dataclasses.dataclass(frozen=True)
class Profile:
    """The measurements on one machine.

    Attributes:
        runtime: Runtime of the network, or "by hand".
        threads: CPU threads of one call; None is the library's choice.
        made: Date, ISO 8601.
        file: File that it was read from, for messages; not stored.
    """

    device: Text
    network: Text
    splits: tuple[Split, ...]
    rows: Annotated[tuple[Row, ...], Meta(min_length=1)]
    image_size: Count | None = None
    runtime: Text = BY_HAND
    threads: Count | None = None
    meter: Text = "none"
    whole_macs: Whole | None = None
    whole_memory_mb: NotNegative | None = None
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)
    command: tuple[str, ...] = ()
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    made: str = ""
    file: str = dataclasses.field(default="the profile", compare=False)

    @property
    def loads(self):
        """All load levels, a sorted tuple."""
        return tuple(sorted({row.load for row in self.rows}))

    def split(self, name):
        """Returns the `Split` of this name."""
        for split in self.splits:
            if split.name == name:
                return split
        raise ValueError(
            f"{self.file}: field 'splits' must have one of the name {name!r}. "
            f"Received: {', '.join(split.name for split in self.splits)}"
        )

    def row(self, split, part, load=0):
        """Returns the `Row` of a split's part at a load.

        Args:
            split: Name of the split; "" for parts "whole" and "served".
            part: One of `PARTS`; for "served", "whole" is used unless it was
                tried and failed.
        """
        if split:
            self.split(split)
        rows = [row for row in self.rows if row.split == split]
        parts = [part]
        if part == "served" and part not in self.reasons:
            parts.append("whole")
        for each in parts:
            for row in rows:
                if (row.part, row.load) == (each, load):
                    return row
        part = parts[-1]
        found = ", ".join(f"{row.part} at {row.load}" for row in rows)
        reason = self.reasons.get(part)
        raise ValueError(
            f"{self.file}: field 'rows' must have part={part!r} of "
            f"split={split!r} at load={load}. Received: {found or 'none'}"
            + (f"; {reason}" if reason else "")
        )
