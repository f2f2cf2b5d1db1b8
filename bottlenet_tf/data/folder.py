"""A folder of class folders."""

import os
import pathlib

from bottlenet_tf.data import splits
from bottlenet_tf.data.examples import IndexedExamples
from bottlenet_tf.data.listing import Listing, report
from bottlenet_tf.data.sources import DEFAULT_IMAGE_SIZE, Source
from bottlenet_tf.runtime import decoder
from bottlenet_tf.runtime.forms import EXTENSIONS

TEST_FOLDERS = ("test", "val", "validation", "valid")
PARTS = ("train", *TEST_FOLDERS)

# Square images up to this size are used unchanged.
_LARGEST_NATIVE_SIZE = 96


def folder(path, test_fraction, validation_fraction, seed):
    """Lists `train/<class>/*` and `test/<class>/*`, or divides `<class>/*`.

    The held-out folder is called `test`, `val`, `validation` or `valid`, in
    upper or lower case; the first of these that exists is for testing, a second
    one for validation. A `train` folder alone, like plain class folders, is
    divided per class: `test_fraction` of the images are for testing, chosen by
    `splits.held_out` from class and file name. Without a validation folder,
    `validation_fraction` of the training images are chosen in the same way; 0
    for none, even if there is a folder. Classes are numbered in the sorted
    order of their names. Images in folders inside class folders count for the
    class. Other extensions, images in no class folder and other folders next to
    `train` are counted and reported; hidden files and folders are not.
    """
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        raise ValueError(
            "a data set's folder must exist. "
            f"Received: spec={os.fspath(path)!r}"
        )
    listing = Listing()
    folders = _parts(root)
    train_root, used = folders.pop("train", root), []
    if train_root is not root:
        used = list(folders.values())[: 2 if validation_fraction else 1]
        kept = (train_root, *used)
        listing.add_outside(root)
        listing.add_unused(p for p in _class_folders(root) if p not in kept)
    train = _list_classes(train_root, listing)
    parts = []
    for part in used:
        parts.append(_list_classes(part, listing))
        _check_same_classes(train, parts[-1], train_root, part)
    if not parts:
        train, test = _divide(
            train, train_root, splits.held_out, test_fraction, seed
        )
        parts = [test]
    if len(parts) == 1:
        train, validation = _divide(
            train, train_root, splits.validation, validation_fraction, seed
        )
        parts.append(validation)
    test, validation = parts
    report(root, listing.passed_over())
    if listing.nested:
        print(
            f"{listing.nested:,} images lie in folders inside class folders "
            "and count for these classes."
        )
    return _source(root, sorted(train), listing, train, validation, test)


def undivided(path):
    """Returns the `Source` of `<class>/*`, with all images for testing.

    None if the folder contains no folders, or has a `train` folder.
    """
    root = pathlib.Path(path).expanduser()
    if not _has_folders(root) or "train" in _parts(root):
        return None
    listing = Listing()
    found = _list_classes(root, listing)
    return _source(root, sorted(found), listing, {}, {}, found)


def _parts(root):
    """Maps lower-case part names to the folders that have them."""
    found = {p.name.lower(): p for p in _class_folders(root)}
    return {n: found[n] for n in PARTS if n in found and _has_folders(found[n])}


def _has_folders(path):
    return path.is_dir() and any(_class_folders(path))


def _class_folders(path):
    return sorted(
        p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")
    )


def _list_classes(root, listing):
    """Maps class name to image files; refuses empty ones."""
    listing.add_outside(root)
    folders = {p.name: p for p in _class_folders(root)}
    found = {name: listing.images_below(p) for name, p in folders.items()}
    if not found:
        raise ValueError(
            "a data set's folder must contain class folders, directly or under "
            f"train/ and {'/, '.join(TEST_FOLDERS)}/, or a labels.csv of "
            "several labels per image, which begins with file,CLASS,CLASS. "
            f"Received: spec={os.fspath(root)!r}"
        )
    empty = [name for name, files in found.items() if not files]
    if empty:
        raise ValueError(
            "every class folder must contain images "
            f"({', '.join(EXTENSIONS)}), because an empty class cannot be "
            f"learned. Received: empty={empty[:5]} in {os.fspath(root)!r}, "
            f"passed over={listing.passed_over()}"
        )
    if root.name.lower() not in PARTS and listing.nested == sum(
        map(len, found.values())
    ):
        raise ValueError(
            "Class folders must contain images themselves, or be in train/: if "
            "all images are deeper, their classes are unknown. Received: "
            f"{len(found)} folders in {os.fspath(root)!r}"
        )
    return found


def _divide(found, root, choose, fraction, seed):
    """Returns `(rest, share)`, each a list of files by class."""
    rest, share = {}, {}
    for name, files in found.items():
        keys = {path.relative_to(root).as_posix(): path for path in files}
        chosen = choose(list(keys), fraction, seed)
        rest[name] = [p for key, p in keys.items() if key not in chosen]
        share[name] = [p for key, p in keys.items() if key in chosen]
    return rest, share


def _check_same_classes(train, test, train_root, test_root):
    if train.keys() == test.keys():
        return
    raise ValueError(
        "the training and the test folder must contain the same classes, "
        "because labels are numbered by them. Received: only in "
        f"{os.fspath(train_root)!r}: {sorted(train.keys() - test.keys())[:5]}, "
        f"only in {os.fspath(test_root)!r}: "
        f"{sorted(test.keys() - train.keys())[:5]}"
    )


def _source(root, classes, listing, *parts):
    """Returns the `Source` of three parts, each a list of files by class."""

    def examples(found):
        paths, labels = [], []
        for label, name in enumerate(classes):
            paths += found.get(name, ())
            labels += [label] * len(found.get(name, ()))
        return IndexedExamples(
            [os.fspath(path) for path in paths],
            labels,
            [path.relative_to(root).as_posix() for path in paths],
            paths=True,
        )

    first = next(part for part in parts if part)[classes[0]][0]
    return Source(
        root.resolve().name,
        tuple(classes),
        native_size(first),
        *map(examples, parts),
        passed_over=listing.passed_over(),
    )


def native_size(path):
    """Returns the default image size of a folder, by one of its images."""
    try:
        image = decoder.decode(path.read_bytes())
    except (OSError, ValueError):
        return DEFAULT_IMAGE_SIZE  # Reading it again reports the error.
    height, width = image.shape[:2]
    small = height == width <= _LARGEST_NATIVE_SIZE
    return height if small else DEFAULT_IMAGE_SIZE
