"""Profiles as files: JSON of `bottlenet-profile`, or CSV by hand."""

import dataclasses
import json
import pathlib

from bottlenet_tf.common import json_file, reading
from bottlenet_tf.common.validation import check
from bottlenet_tf.profiling import by_hand
from bottlenet_tf.profiling.profiles import PARTS, UNSPLIT, Profile

FORMAT = "bottlenet_tf.profile.1"
_REMEDY = "bottlenet-profile writes a new one."


def read(path):
    """Reads and checks a profile, `.json` or, by hand, `.csv`.

    A CSV file has the columns of `Row` that its first line names: split, part
    and median_ms, and optionally load (0), p95_ms, n, power_mw and memory_mb,
    the peak of the process that ran the part. Lines before it name device and
    network:

        # device=Jetson TX2
        # network=cifar_resnet20
        split,part,load,median_ms,power_mw
        RB3,head,0,4.1,5200
        RB3,encode,0,0.3,4800

    Returns:
        `Profile`.

    Raises:
        OSError: if the file cannot be read.
        ValueError: naming file and field, if it is damaged, of another
            version, or has an invalid value.
    """
    path = pathlib.Path(path)
    if path.suffix not in (".csv", ".json"):
        raise ValueError(
            "A profile must be a .json file of bottlenet-profile, or a .csv "
            f"file by hand. Received: path={str(path)!r}"
        )
    if not path.is_file():
        raise FileNotFoundError(
            "A profile must exist; bottlenet-profile --out writes one. "
            f"Received: path={str(path)!r}"
        )
    if path.suffix == ".csv":
        profile, places = by_hand.read(path)
        return _checked(profile, path, places)
    fields = [f.name for f in dataclasses.fields(Profile) if f.name != "file"]
    content = json_file.read_json(path, FORMAT, fields, _REMEDY)
    return _checked(reading.convert(content, Profile, path), path)


def write(profile, path):
    """Writes a profile, atomically; returns the `pathlib.Path`."""
    content = dataclasses.asdict(profile)
    del content["file"]
    content = {"format": FORMAT, **content}
    as_read = json.loads(json.dumps(content))
    _checked(reading.convert(as_read, Profile, path), path)
    return json_file.write_json(path, content)


def slowed(profile, factor):
    """Returns the `Profile` of an assumed machine, `factor` times slower.

    Every time is multiplied; power, memory and bytes stay the same.
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
    multiply-accumulates, which differ between units, are compared; None, as in
    a profile by hand, matches anything.
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


def _checked(profile, file, places=None):
    """Returns the profile, whose rows must agree with each other.

    Args:
        places: Names of the rows for messages; by index if None.
    """
    if not profile.rows:
        raise ValueError(
            f"{file}: field 'rows' must have at least one. Received: none"
        )
    places = places or [f"rows[{i}]." for i in range(len(profile.rows))]
    names = {split.name for split in profile.splits}
    for row, place in zip(profile.rows, places, strict=True):
        if row.part not in PARTS:
            raise ValueError(
                f"{file}: field '{place}part' must be one of "
                f"{', '.join(PARTS)}. Received: part={row.part!r}"
            )
        if row.split not in ({""} if row.part in UNSPLIT else names):
            raise ValueError(
                f"{file}: field '{place}split' must be one of 'splits', or "
                "empty for parts 'whole' and 'served' alone. "
                f"Received: split={row.split!r}, part={row.part!r}"
            )
    _check_unique("splits", [split.name for split in profile.splits], file)
    keys = [(row.split, row.part, row.load) for row in profile.rows]
    _check_unique("rows", keys, file)
    return dataclasses.replace(profile, file=str(file))


def _check_unique(field, keys, file):
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(
                f"{file}: field {field!r} must not have the same twice. "
                f"Received: {key!r}"
            )
