"""`labels.csv` in a folder of images: any number of labels per image.

```
file,cat,dog,person
train/0001.jpg,1,0,1
train/0002.jpg,0,0,0
```
"""

import csv
import os
import pathlib

import numpy as np

from bottlenet_tf.data import splits
from bottlenet_tf.data.examples import IndexedExamples
from bottlenet_tf.data.folder import PARTS, TEST_FOLDERS, native_size
from bottlenet_tf.data.listing import Listing, report
from bottlenet_tf.data.sources import Source

NAME = "labels.csv"
_SHOWN = 5


def is_there(path):
    """Whether a folder has a `labels.csv` that begins with the word "file"."""
    table = pathlib.Path(path).expanduser() / NAME
    if not table.is_file():
        return False
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().split(",")[0].strip().lower() == "file"


def labelled(path, test_fraction, validation_fraction, seed):
    """Reads a folder's `labels.csv`.

    Classes are the columns, in their order, which is that of the network's
    outputs. If files are in train/, they are divided as in `folder.folder`;
    else `test_fraction` of all are for testing, chosen by name.
    """
    root, classes, rows, passed_over = _read(path)
    parts = {}
    for name in rows:
        parts.setdefault(name.split("/")[0].lower(), []).append(name)
    if "train" in parts:
        unknown = sorted(set(parts) - set(PARTS))
        if unknown:
            raise ValueError(
                f"All files of {NAME} must be in {', '.join(PARTS)} if some "
                f"are in train. Received: {unknown[:_SHOWN]}"
            )
        train = parts["train"]
        held_out = [parts[name] for name in TEST_FOLDERS if name in parts]
        held_out = held_out[: 2 if validation_fraction else 1]
    else:
        train, held_out = list(rows), []
    if not held_out:
        train, test = _divide(train, splits.held_out, test_fraction, seed)
        held_out.append(test)
    if len(held_out) == 1:
        divided = _divide(train, splits.validation, validation_fraction, seed)
        train, validation = divided
        held_out.append(validation)
    report(root, passed_over)
    test, validation = held_out
    return _source(root, classes, rows, passed_over, train, validation, test)


def undivided(path):
    """Returns a folder's `Source` with all images for testing; see `labelled`.

    None if some of its files are in train/.
    """
    root, classes, rows, passed_over = _read(path)
    if any(name.lower().startswith("train/") for name in rows):
        return None
    return _source(root, classes, rows, passed_over, [], [], list(rows))


def _read(path):
    """Returns root, classes, `{name: row of 0 and 1}`, files passed over."""
    root, rows = pathlib.Path(path).expanduser(), {}
    with (root / NAME).open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        _, *classes = (cell.strip() for cell in next(lines))
        if not all(classes) or not 0 < len(classes) == len(set(classes)):
            raise ValueError(
                f"{NAME} must begin with a line of the word file and the names "
                f"of the classes. Received: {classes[:_SHOWN]}"
            )
        for line in filter(None, lines):
            name, *cells = (cell.strip() for cell in line)
            name = pathlib.PurePath(name).as_posix()
            if len(cells) != len(classes) or {*cells} - {"0", "1"}:
                raise ValueError(
                    f"Each line of {NAME} must have a file and, for each of "
                    f"{len(classes)} classes, 0 or 1. Received: line "
                    f"{lines.line_num}, {','.join(line)!r}"
                )
            if name in rows:
                raise ValueError(
                    f"{NAME} must name each file once. "
                    f"Received: {name!r}, again in line {lines.line_num}"
                )
            rows[name] = [int(cell) for cell in cells]
    if not rows:
        raise ValueError(f"{NAME} must name images. Received: none in {path!r}")
    listing = Listing()
    there = {p.relative_to(root).as_posix() for p in listing.images_below(root)}
    missing = [name for name in rows if name not in there]
    if missing:
        raise ValueError(
            f"{NAME} must name image files in its folder, by their paths from "
            f"there. Received: {len(missing)} that aren't, {missing[:_SHOWN]}"
        )
    listing.files[".csv"] -= 1  # The table itself.
    listing.files = +listing.files
    listing.unlabelled = len(there) - len(rows)
    return root, classes, rows, listing.passed_over()


def _divide(names, choose, fraction, seed):
    chosen = choose(names, fraction, seed)
    rest = [name for name in names if name not in chosen]
    return rest, [name for name in names if name in chosen]


def _source(root, classes, rows, passed_over, *parts):
    def examples(names):
        labels = np.reshape([rows[name] for name in names], (-1, len(classes)))
        return IndexedExamples(
            [os.fspath(root / name) for name in names],
            labels,
            names,
            paths=True,
        )

    return Source(
        root.resolve().name,
        tuple(classes),
        native_size(root / next(iter(rows))),
        *map(examples, parts),
        passed_over=passed_over,
    )
