"""One split of a source: addressable examples, not yet decoded."""

import numpy as np
import tensorflow as tf

from bottlenet_tf.data import images, splits

# A record stream is shuffled within a buffer of encoded images: all of them
# up to these limits. TFDS writes records in an already shuffled order, so a
# smaller buffer still mixes the classes.
SHUFFLE_EXAMPLES = 50_000
SHUFFLE_BYTES = 1 << 30


class IndexedExamples:
    """Examples held as arrays: pixels, or paths of image files.

    Args:
        items: uint8 array `(n, h, w, 3)` or a list of n paths.
        labels: n integers.
        identities: n strings that name the examples, the same on every
            machine.
        paths: Whether `items` are paths.

    Attributes:
        keys: int64 array `(n,)`, 0..n - 1.
        labels: int32 array `(n,)`.
        identities: List of n strings.
    """

    def __init__(self, items, labels, identities, paths):
        self._items = np.asarray(items, dtype=object if paths else np.uint8)
        self._paths = paths
        self.labels = np.asarray(labels, np.int32)
        self.identities = list(identities)
        self.keys = np.arange(len(self.labels))

    def __len__(self):
        return len(self.labels)

    def only(self, keys):
        """Returns the same kind of split with these keys' examples alone."""
        return IndexedExamples(
            self._items[keys],
            self.labels[keys],
            [self.identities[key] for key in keys],
            self._paths,
        )

    def limit(self, count, seed):
        """Keeps `count` examples, balanced over the classes."""
        return self.only(splits.balanced_subset(self.labels, count, seed))

    def describe(self, key):
        """Names one example for an error message: its path if it has one."""
        return self._items[key] if self._paths else self.identities[key]

    def stream(self, shuffle_seed=None, skip=0):
        """Yields `(key, item, label)` without reading any image.

        Args:
            shuffle_seed: Integer for a shuffled order; None for the stored.
            skip: How many examples to leave out at the beginning.
        """
        order = self.keys
        if shuffle_seed is not None:
            order = np.random.default_rng(shuffle_seed).permutation(order)
        items = tf.constant(self._items)
        labels = tf.constant(self.labels)
        return tf.data.Dataset.from_tensor_slices(order[skip:]).map(
            lambda key: (key, tf.gather(items, key), tf.gather(labels, key))
        )

    def image(self, item):
        """Turns a streamed item into a uint8 image `(h, w, 3)`."""
        if not self._paths:
            return item
        return images.decode_image(tf.io.read_file(item))


class RecordExamples:
    """Examples of a prepared TFDS split, streamed from its records.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder` with features `image` and
            `label`.
        split: Name of a split.
        keep: Optional bool array over the stored examples.

    Attributes:
        keys: int64 array, stored positions of the examples that are kept.
    """

    def __init__(self, builder, split, keep=None):
        self._builder = builder
        self._split = split
        info = builder.info.splits[split]
        if keep is None:
            keep = np.ones(info.num_examples, bool)
        self._keep = keep
        self._stored_bytes = info.num_bytes
        self.keys = np.flatnonzero(keep)

    def __len__(self):
        return len(self.keys)

    @property
    def identities(self):
        """Names the examples by data set, version, split and position.

        The split's size in bytes is part of it, so that two different
        preparations of one data set differ.
        """
        name = self._builder.info.full_name
        prefix = f"{name}:{self._split}({self._stored_bytes})"
        return [f"{prefix}[{key}]" for key in self.keys]

    def only(self, keys):
        """Returns the same kind of split with these keys' examples alone."""
        keep = np.zeros_like(self._keep)
        keep[keys] = True
        return RecordExamples(self._builder, self._split, keep)

    def limit(self, count, seed):
        """Keeps the first `count`, so that no more than that need be read."""
        del seed  # TFDS's stored order is shuffled already.
        return self.only(self.keys[:count])

    def describe(self, key):
        """Names one example, with its file name where TFDS keeps one."""
        where = f"{self._builder.info.full_name}:{self._split}[{key}]"
        if "file_name" not in self._builder.info.features:
            return where
        record = next(iter(self._read(f"{self._split}[{key}:{key + 1}]")))
        return f"{record['file_name'].numpy().decode()} ({where})"

    def stream(self, shuffle_seed=None, skip=0):
        """As `IndexedExamples.stream`; what is skipped is not decoded."""
        stop = int(self.keys[-1]) + 1 if len(self) else 0
        keep = tf.constant(self._keep[:stop])
        records = self._read(f"{self._split}[:{stop}]").enumerate()
        if len(self) < stop:
            records = records.filter(lambda key, _: tf.gather(keep, key))
        if shuffle_seed is not None:
            records = records.shuffle(
                self._buffer_size(),
                seed=shuffle_seed,
                reshuffle_each_iteration=False,
            )
        return records.skip(skip).map(
            lambda key, record: (
                key,
                record["image"],
                tf.cast(record["label"], tf.int32),
            )
        )

    def image(self, item):
        """Turns a streamed item into a uint8 image `(h, w, 3)`."""
        return images.decode_image(item)

    def _buffer_size(self):
        mean_bytes = max(self._stored_bytes // len(self._keep), 1)
        fits = min(SHUFFLE_EXAMPLES, SHUFFLE_BYTES // mean_bytes)
        return max(min(len(self), fits), 1)

    def _read(self, split):
        import tensorflow_datasets as tfds

        wanted = {"image", "label", "file_name"}
        features = self._builder.info.features
        return self._builder.as_dataset(
            split=split,
            decoders=tfds.decode.PartialDecoding(
                {name: True for name in features if name in wanted},
                decoders={"image": tfds.decode.SkipDecoding()},
            ),
            # One shard after the other: the order is the stored one.
            read_config=tfds.ReadConfig(
                interleave_cycle_length=1, try_autocache=False
            ),
            shuffle_files=False,
        )
