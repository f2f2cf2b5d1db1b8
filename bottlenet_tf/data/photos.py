"""A folder of photos without labels, to fit to and to measure on."""

import os
import pathlib

import numpy as np

from bottlenet_tf.data import splits
from bottlenet_tf.data.dataset import Dataset
from bottlenet_tf.data.examples import IndexedExamples
from bottlenet_tf.data.listing import Listing, report
from bottlenet_tf.runtime.forms import EXTENSIONS


def list_photos(folder):
    """Returns the image files below a folder, `IndexedExamples` of label 0.

    Hidden files and folders are passed over, and so are other extensions,
    which are counted.
    """
    root = pathlib.Path(folder).expanduser()
    listing = Listing()
    found = listing.images_below(root)
    if len(found) < 2:
        raise ValueError(
            f"--images must be a folder with photos ({', '.join(EXTENSIONS)}) "
            "in it or in its subfolders: some to fit to, and others to measure "
            f"on. Received: images={os.fspath(folder)!r}, {len(found)} photos, "
            f"passed over={listing.passed_over()}"
        )
    report(root, listing.passed_over())
    names = [path.relative_to(root).as_posix() for path in found]
    paths = [os.fspath(path) for path in found]
    return IndexedExamples(paths, [0] * len(found), names, paths=True)


def divide(photos, like, share, seed):
    """Returns photos as a `Dataset`: some to fit to, others for validation.

    Args:
        photos: Examples, as `list_photos` returns them; at least two.
        like: `Dataset` that gives classes and preprocessing.
        share: The validation share, chosen by their names.
    """
    chosen = splits.held_out(photos.identities, share, seed)
    held_out = np.isin(photos.identities, list(chosen))
    return Dataset(
        "photos",
        like.class_names,
        photos.only(photos.keys[~held_out]),
        photos.only(photos.keys[held_out]),
        photos.only(photos.keys[:0]),
        like.preprocessing,
        inventory=dict,
        seed=seed,
    ).for_output(like.task.output)
