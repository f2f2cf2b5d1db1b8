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


def folder(path, test_fraction, seed):
    """Lists `train/<class>/*` and `test/<class>/*`, or splits `<class>/*`.

    The held-out folder is called `test`, `val` or `validation`; the first of
    these that exists is used. A `train` folder alone, like plain class
    folders, is split per class: `test_fraction` of the images test, chosen
    by `splits.held_out` from their relative paths. Classes are numbered in
    the sorted order of their names. Folders inside class folders are not
    searched; hidden files and other extensions are passed over.

    Args:
        path: The folder.
        test_fraction: Share to hold out if need be.
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
    test_roots = [root / n for n in TEST_FOLDERS if _has_folders(root / n)]
    if not _has_folders(train_root):
        train, test = _split(_list_classes(root), test_fraction, seed)
    elif not test_roots:
        train, test = _split(_list_classes(train_root), test_fraction, seed)
    else:
        train, test = _list_classes(train_root), _list_classes(test_roots[0])
        _check_same_classes(train, test, train_root, test_roots[0])
        if len(test_roots) > 1:
            unused = ", ".join(p.name for p in test_roots[1:])
            _LOG.info("%s: %s is left unused", root, unused)
    classes = tuple(sorted(train))
    return Source(
        root.resolve().name,
        classes,
        _native_size(train[classes[0]][0]),
        _examples(root, classes, train),
        _examples(root, classes, test),
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


def _split(found, test_fraction, seed):
    train, test = {}, {}
    for name, files in found.items():
        keys = {f"{name}/{path.name}": path for path in files}
        chosen = splits.held_out(list(keys), test_fraction, seed)
        train[name] = [p for key, p in keys.items() if key not in chosen]
        test[name] = [p for key, p in keys.items() if key in chosen]
    return train, test


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
