"""One part of a source: addressable examples, not yet decoded."""

import hashlib
import math
import os
import pathlib

import numpy as np
import tensorflow as tf

from bottlenet_tf.common import graphs
from bottlenet_tf.data import images, splits


def joined(parts):
    """Returns the examples of several parts of one source, part after part.

    Args:
        parts: `IndexedExamples`, or `RecordExamples` of one TFDS split; with
            nothing in common.
    """
    parts = [part for part in parts if len(part)] or parts[:1]
    return parts[0].and_those_of(parts[1:])


class IndexedExamples:
    """Examples held as arrays: pixels, or paths of image files.

    Args:
        items: uint8 array `(n, h, w, 3)` or a list of n paths.
        labels: n integers, or for several labels per image 0 and 1, `(n,
            classes)`.
        identities: n strings that name the examples, the same on every
            machine.

    Attributes:
        keys: int64 array `(n,)`, 0..n - 1.
        output: "softmax" or, for several labels per image, "sigmoid".
    """

    def __init__(self, items, labels, identities, paths):
        self._items = np.asarray(items, dtype=object if paths else np.uint8)
        self._paths = paths
        self.labels = np.asarray(labels, np.int32)
        self.identities = list(identities)
        self.keys = np.arange(len(self.labels))
        self.output = "sigmoid" if self.labels.ndim == 2 else "softmax"

    def __len__(self):
        return len(self.labels)

    def only(self, keys):
        """Returns the examples of these keys."""
        return IndexedExamples(
            self._items[keys],
            self.labels[keys],
            [self.identities[key] for key in keys],
            self._paths,
        )

    def relabelled(self, outputs):
        """Returns the same examples; label i becomes `outputs[i]`."""
        return self._with_labels(np.asarray(outputs, np.int32)[self.labels])

    def in_rows(self, classes):
        """Returns the same examples; label i becomes a row with a 1 at i."""
        return self._with_labels(np.eye(classes, dtype=np.int32)[self.labels])

    def _with_labels(self, labels):
        return IndexedExamples(
            self._items, labels, self.identities, self._paths
        )

    def limit(self, count, seed):
        """Keeps `count` examples, balanced over the classes, or rows."""
        labels = self.labels
        if self.output == "sigmoid":
            labels = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
        return self.only(splits.balanced_subset(labels, count, seed))

    def and_those_of(self, others):
        """Returns these examples, then those of others of the same kind."""
        all_of = [self, *others]
        return IndexedExamples(
            np.concatenate([each._items for each in all_of]),
            np.concatenate([each.labels for each in all_of]),
            [name for each in all_of for name in each.identities],
            self._paths,
        )

    def describe(self, key):
        """Names an example in an error message: its path if it has one."""
        return self._items[key] if self._paths else self.identities[key]

    def stream(self, shuffle_seed=None, skip=0):
        """Yields `(key, item, label)` without reading any image.

        Args:
            shuffle_seed: Integer for a shuffled order; None for the stored.
        """
        order = self.keys
        if shuffle_seed is not None:
            order = shuffled(len(self), shuffle_seed)
        held = (self.keys, self._items, self.labels)
        return pick(*map(tf.constant, held), order[skip:])

    def add_contents(self, digest, most_bytes=math.inf):
        """Feeds labels and pixels, or the files' bytes, to a hashlib digest.

        Only the sizes of images that have more than `most_bytes` in all.
        """
        digest.update(self.labels.tobytes())
        sizes = [
            os.path.getsize(item) if self._paths else item.nbytes
            for item in self._items
        ]
        sizes = np.array(sizes, np.int64)
        if sizes.sum() > most_bytes:
            digest.update(sizes.tobytes())
            return
        for item in self._items:
            content = item
            if self._paths:
                content = pathlib.Path(item).read_bytes()
            digest.update(hashlib.sha256(content).digest())

    def image(self, item):
        """Turns a streamed item into a uint8 image `(h, w, 3)`."""
        if not self._paths:
            return item
        return images.decode_image(tf.io.read_file(item))


def shuffled(count, seed):
    """Returns 0..count - 1 in an order that the seed decides."""
    return np.random.default_rng(seed).permutation(count)


def pick(keys, items, labels, positions):
    """Streams these positions of three tensors."""

    @graphs.untranslated
    def at(position):
        return tuple(tf.gather(x, position) for x in (keys, items, labels))

    return tf.data.Dataset.from_tensor_slices(positions).map(at)
