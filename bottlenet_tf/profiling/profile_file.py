"""Profiles: what the parts of split networks take on one machine.

A JSON file that `bottlenet-profile` writes, or a CSV file by hand. Profiles
of a device and of a server are combined by split and part.
"""

import dataclasses
import json
import pathlib

from bottlenet_tf.common import json_file
from bottlenet_tf.common.validation import check
from bottlenet_tf.profiling import by_hand, rules
from bottlenet_tf.profiling.rules import FORMAT

BY_HAND = "by hand"


@dataclasses.dataclass(frozen=True)
class Row:
    """How long one part of one split takes for one image.

    Attributes:
        split: Name of the split; "" for parts "whole" and "served".
        part: One of `rules.PARTS`.
        load: How many other processes did the same work meanwhile.
        median_ms: Median of the runs, in milliseconds.
        p95_ms: What 95 % of the runs don't exceed; None if unknown.
        n: How many runs; None if unknown.
        power_mw: Mean power meanwhile, in milliwatts; None if unmeasured.
    """

    split: str
    part: str
    load: int
    median_ms: float
    p95_ms: float | None = None
    n: int | None = None
    power_mw: float | None = None


@dataclasses.dataclass(frozen=True)
class Split:
    """One trained split; None is what isn't known.

    Attributes:
        name: The run's: units of one split point have different ones.
        point: Split point, "RB3".
        layer: The layer that the network is cut after.
        feature_shape: `(H, W, C)` there.
        head_macs: Multiply-accumulates of one image on the device.
        tail_macs: The same on the server.
        head_memory_mb: Most memory of the process that ran the head, in MB
            (10^6 bytes): libraries, network, images.
        tail_memory_mb: The same of the tail.
        payload_bytes: Mean `len()` of the payloads of the images used.
    """

    name: str
    point: str | None = None
    layer: str | None = None
    feature_shape: tuple | None = None
    head_macs: int | None = None
    tail_macs: int | None = None
    head_memory_mb: float | None = None
    tail_memory_mb: float | None = None
    payload_bytes: float | None = None


@dataclasses.dataclass(frozen=True)
class Profile:
    """What was measured on one machine.

    Attributes:
        device: The machine's name.
        network: The backbone's name.
        splits: Tuple of `Split`.
        rows: Tuple of `Row`, one for each split, part and load.
        image_size: Side of the images in pixels; None if unknown.
        runtime: What ran the network, or "by hand".
        threads: CPU threads of one call; None is the library's choice.
        meter: Which energy meter it was.
        whole_macs: Multiply-accumulates of the network without a split.
        whole_memory_mb: As in `Split`, of the network without a split.
        reasons: `{figure: why it is missing}`.
        command: The program's arguments.
        versions: `{name: version}` of the libraries.
        made: Date, ISO 8601.
        file: Where it was read from, for messages; not part of the file.
    """

    device: str
    network: str
    splits: tuple
    rows: tuple
    image_size: int | None = None
    runtime: str = BY_HAND
    threads: int | None = None
    meter: str = "none"
    whole_macs: int | None = None
    whole_memory_mb: float | None = None
    reasons: dict = dataclasses.field(default_factory=dict)
    command: tuple = ()
    versions: dict = dataclasses.field(default_factory=dict)
    made: str = ""
    file: str = dataclasses.field(default="the profile", compare=False)

    @property
    def loads(self):
        """All load levels, a sorted tuple."""
        return tuple(sorted({row.load for row in self.rows}))

    def split(self, name):
        """Returns the `Split` of this name.

        Raises:
            ValueError: if there is none.
        """
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
            part: One of `rules.PARTS`; for "served", "whole" will do
                unless it was tried and failed.
            load: Competing processes.

        Raises:
            ValueError: if there is none; it lists what there is.
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


def read(path):
    """Reads and checks a profile, `.json` or, by hand, `.csv`.

    A CSV file has the columns of `Row` that its first line names: split, part
    and median_ms, and if wanted load (0), p95_ms, n, power_mw and memory_mb,
    the peak of the process that ran the part. Lines before it say whose they
    are:

        # device=Jetson TX2
        # network=cifar_resnet20
        split,part,load,median_ms,power_mw
        RB3,head,0,4.1,5200
        RB3,encode,0,0.3,4800

    Args:
        path: The file.

    Returns:
        `Profile`.

    Raises:
        OSError: if the file cannot be read.
        ValueError: naming file and field, if it is no profile: damaged, of
            another version, or with values that can't be.
    """
    path = pathlib.Path(path)
    if path.suffix == ".csv":
        return _by_hand(path)
    if path.suffix != ".json":
        raise ValueError(
            "A profile must be a .json file of bottlenet-profile, or a .csv "
            f"file by hand. Received: path={str(path)!r}"
        )
    return _profile(json_file.load(path), str(path))


def write(profile, path):
    """Writes a profile, whole or not; returns the `pathlib.Path`.

    Raises:
        ValueError: naming the field, if `read` would refuse it.
        OSError: if it can't be written.
    """
    content = dataclasses.asdict(profile)
    del content["file"]
    content = {"format": FORMAT, **content}
    _profile(json.loads(json.dumps(content)), str(path))
    return json_file.write_json(path, content)


def slowed(profile, factor):
    """Returns the profile of a machine that is assumed, not measured.

    Every time is multiplied; power, memory and bytes stay.

    Args:
        profile: `Profile`.
        factor: How many times slower it is; positive.

    Raises:
        ValueError: if the factor isn't positive.
    """
    check(
        factor > 0,
        "A machine must be a positive number of times slower.",
        factor=factor,
    )
    rows = tuple(
        dataclasses.replace(
            row,
            median_ms=factor * row.median_ms,
            p95_ms=None if row.p95_ms is None else factor * row.p95_ms,
        )
        for row in profile.rows
    )
    device = f"an assumed device, {factor:g} times slower than {profile.device}"
    return dataclasses.replace(profile, device=device, rows=rows)


def check_same_network(first, second):
    """Raises ValueError unless two profiles are of the same splits.

    Network, image size, and each split's name, layer, shape and
    multiply-accumulates, which tell units apart, are compared; what one of
    the two doesn't know, as one by hand, is passed over.

    Args:
        first: `Profile`.
        second: `Profile`.
    """
    names = [sorted(split.name for split in p.splits) for p in (first, second)]
    pairs = [
        ("network", first.network, second.network),
        ("image_size", first.image_size, second.image_size),
        ("splits", *names),
    ]
    if names[0] == names[1]:
        for ours in first.splits:
            theirs = second.split(ours.name)
            for field in (
                "point", "layer", "feature_shape", "head_macs", "tail_macs"
            ):  # fmt: skip
                values = getattr(ours, field), getattr(theirs, field)
                pairs.append((f"{field} of split {ours.name}", *values))
    for field, ours, theirs in pairs:
        if None not in (ours, theirs) and ours != theirs:
            raise ValueError(
                "Profiles must be of the same network and splits, because "
                "the parts of one are added to those of the other. Received: "
                f"field {field!r} is {ours!r} in {first.file}, {theirs!r} in "
                f"{second.file}"
            )


def _by_hand(path):
    about, rows, places = by_hand.read(path)
    peaks = [(row, row.pop("memory_mb")) for row in rows]

    def peak(split, *parts):
        found = [
            memory
            for row, memory in peaks
            if row["split"] == split
            and row["part"] in parts
            and memory is not None
        ]
        return max(found, default=None)

    splits = tuple(
        Split(
            name,
            head_memory_mb=peak(name, "head", "encode"),
            tail_memory_mb=peak(name, "decode", "tail"),
        )
        for name in dict.fromkeys(row["split"] for row in rows if row["split"])
    )
    profile = Profile(
        **about,
        splits=splits,
        rows=(),
        meter=BY_HAND,
        whole_memory_mb=peak("", "whole"),
    )
    content = dataclasses.asdict(profile) | {"format": FORMAT, "rows": rows}
    return _profile(content, str(path), places)


def _profile(content, file, places=None):
    """Returns the checked `Profile` of a JSON object's content.

    Args:
        content: What JSON held.
        file: Its name, for messages.
        places: How messages call each row; by index if None.
    """
    content = rules.checked_fields(content, rules.PROFILE, file, "")
    splits = [
        rules.checked_fields(split, rules.SPLIT, file, f"splits[{i}].")
        for i, split in enumerate(content["splits"])
    ]
    places = places or [f"rows[{i}]." for i in range(len(content["rows"]))]
    rows = [
        rules.checked_fields(row, rules.ROW, file, place)
        for row, place in zip(content["rows"], places, strict=True)
    ]
    rules.check_unique("splits", [split["name"] for split in splits], file)
    keys = [(row["split"], row["part"], row["load"]) for row in rows]
    rules.check_unique("rows", keys, file)
    names = {split["name"] for split in splits}
    for row, place in zip(rows, places):
        wanted = {""} if row["part"] in rules.UNSPLIT else names
        if row["split"] not in wanted:
            raise ValueError(
                f"{file}: field '{place}split' must be one of 'splits', or "
                "empty for parts 'whole' and 'served' alone. "
                f"Received: split={row['split']!r}, part={row['part']!r}"
            )
    for split in splits:
        if split["feature_shape"] is not None:
            split["feature_shape"] = tuple(split["feature_shape"])
    del content["format"]
    content |= {
        "splits": tuple(Split(**split) for split in splits),
        "rows": tuple(Row(**row) for row in rows),
        "command": tuple(content["command"]),
    }
    return Profile(**content, file=file)
