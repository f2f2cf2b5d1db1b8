"""A folder of class folders, the form that most people's images have."""

import logging
import os
import pathlib

from bottlenet_tf.data import corrupt, images, splits
from bottlenet_tf.data.examples import IndexedExamples
from bottlenet_tf.data.sources import DEFAULT_IMAGE_SIZE, Source

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
TEST_FOLDERS = ("test", "val", "validation")

# Square images up to this size are used as they are.
_LARGEST_NATIVE_SIZE = 96

_LOG = logging.getLogger(__name__)


def folder(path, test_fraction, validation_fraction, seed):
    """Lists `train/<class>/*` and `test/<class>/*`, or divides `<class>/*`.

    The held-out folder is called `test`, `val` or `validation`; the first of
    these that exists tests, and a second one validates. A `train` folder
    alone, like plain class folders, is divided per class: `test_fraction` of
    the images test, chosen by `splits.held_out` from class and file name.
    Where no folder validates, `validation_fraction` of what trains does,
    chosen in the same way. Classes are numbered in the sorted order of their
    names. Folders inside class folders are not searched; hidden files and
    other extensions are passed over.

    Args:
        path: The folder.
        test_fraction: Share to hold out if need be.
        validation_fraction: Share of the training images that validates; 0
            for none, even if there is a folder.
        seed: Integer; decides what is held out.

    Returns:
        `Source`.

    Raises:
        ValueError: before any image is read, if the folder is missing, a
            class is empty or the two halves have different classes.
    """
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        raise ValueError(
            "a data set's folder must exist. "
            f"Received: spec={os.fspath(path)!r}"
        )
    train_root = root / "train"
    own = [root / n for n in TEST_FOLDERS if _has_folders(root / n)]
    if not _has_folders(train_root):
        train_root, own = root, []
    train = _list_classes(train_root)
    used = own[: 2 if validation_fraction else 1]
    if len(used) < len(own):
        unused = ", ".join(part.name for part in own[len(used) :])
        _LOG.info("%s: %s is left unused", root, unused)
    parts = []
    for part in used:
        parts.append(_list_classes(part))
        _check_same_classes(train, parts[-1], train_root, part)
    if not parts:
        train, test = _divide(train, splits.held_out, test_fraction, seed)
        parts = [test]
    if len(parts) == 1:
        fraction = validation_fraction
        train, validation = _divide(train, splits.validation, fraction, seed)
        parts.append(validation)
    test, validation = parts
    classes = tuple(sorted(train))
    return Source(
        root.resolve().name,
        classes,
        _native_size(train[classes[0]][0]),
        _examples(root, classes, train),
        _examples(root, classes, validation),
        _examples(root, classes, test),
    )


def undivided(path):
    """Lists `<class>/*`; all images test, of classes of one image, too.

    Args:
        path: The folder.

    Returns:
        `Source`; None if the folder is no such, or has a `train` folder.

    Raises:
        ValueError: if a class is empty.
    """
    root = pathlib.Path(path).expanduser()
    if not _has_folders(root) or _has_folders(root / "train"):
        return None
    found = _list_classes(root)
    classes = tuple(sorted(found))
    examples = _examples(root, classes, found)
    nothing = examples.only(examples.keys[:0])
    size = _native_size(found[classes[0]][0])
    return Source(
        root.resolve().name, classes, size, nothing, nothing, examples
    )


def list_images(class_folder):
    """Returns the sorted image files directly inside a folder."""
    return sorted(
        path
        for path in pathlib.Path(class_folder).iterdir()
        if path.suffix.lower() in EXTENSIONS
        and not path.name.startswith(".")
        and path.is_file()
    )


def _has_folders(path):
    return path.is_dir() and any(_class_folders(path))


def _class_folders(path):
    return sorted(
        p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")
    )


def _list_classes(root):
    """Maps class name to image files; refuses empty ones."""
    found = {p.name: list_images(p) for p in _class_folders(root)}
    if not found:
        raise ValueError(
            "a data set's folder must hold class folders, directly or under "
            "train/ and test/, val/ or validation/. "
            f"Received: spec={os.fspath(root)!r}"
        )
    empty = [name for name, files in found.items() if not files]
    if empty:
        raise ValueError(
            "every class folder must hold images "
            f"({', '.join(EXTENSIONS)}), because an empty class cannot be "
            f"learned. Received: empty={empty[:5]} in {os.fspath(root)!r}"
        )
    return found


def _divide(found, choose, fraction, seed):
    """Returns `(rest, share)`, each a list of files by class."""
    rest, share = {}, {}
    for name, files in found.items():
        keys = {f"{name}/{path.name}": path for path in files}
        chosen = choose(list(keys), fraction, seed)
        rest[name] = [p for key, p in keys.items() if key not in chosen]
        share[name] = [p for key, p in keys.items() if key in chosen]
    return rest, share


def _check_same_classes(train, test, train_root, test_root):
    if train.keys() == test.keys():
        return
    raise ValueError(
        "the training and the test folder must hold the same classes, "
        "because labels are numbered by them. Received: "
        f"only in {os.fspath(train_root)!r}: "
        f"{sorted(train.keys() - test.keys())[:5]}, "
        f"only in {os.fspath(test_root)!r}: "
        f"{sorted(test.keys() - train.keys())[:5]}"
    )


def _examples(root, classes, found):
    paths, labels, identities = [], [], []
    for label, name in enumerate(classes):
        for path in found[name]:
            paths.append(os.fspath(path))
            labels.append(label)
            identities.append(path.relative_to(root).as_posix())
    return IndexedExamples(paths, labels, identities, paths=True)


def _native_size(path):
    try:
        image = images.decode_image(path.read_bytes())
    except corrupt.DECODE_ERRORS:
        return DEFAULT_IMAGE_SIZE  # Loading goes on to deal with it.
    height, width = image.shape[:2]
    small = height == width <= _LARGEST_NATIVE_SIZE
    return height if small else DEFAULT_IMAGE_SIZE
