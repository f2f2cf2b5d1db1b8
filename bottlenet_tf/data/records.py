"""The examples of a prepared TFDS split."""

import functools

import numpy as np
import tensorflow as tf

from bottlenet_tf.common import graphs
from bottlenet_tf.data import examples, images

# Up to this size the encoded images of a record split are kept in memory when
# shuffled: an epoch then starts at once, wherever it is resumed. Above it they
# are shuffled within a buffer of this size, which an epoch fills first. TFDS
# writes records in an already shuffled order, so that mixes the classes too.
MEMORY_BYTES = 1 << 30


class RecordExamples:
    """Examples of a prepared TFDS split, streamed from its records.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder` with features `image` and
            `label`.
        keep: Optional bool array over the stored examples.
        outputs: Optional list; stored label i becomes `outputs[i]`.
        rows: Number of classes, if labels are rows of 0 and 1; else None.

    Attributes:
        keys: int64 array, stored positions of the examples that are kept.
    """

    def __init__(self, builder, split, keep=None, outputs=None, rows=None):
        self._builder = builder
        self._split = split
        self._outputs = outputs
        self._rows = rows
        self.output = "sigmoid" if rows else "softmax"
        info = builder.info.splits[split]
        if keep is None:
            keep = np.ones(info.num_examples, bool)
        self._keep = keep
        self._stored_bytes = info.num_bytes
        self._held = None
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
        """Returns the examples of these keys."""
        keep = np.zeros_like(self._keep)
        keep[keys] = True
        return self._with(keep=keep)

    def relabelled(self, outputs):
        """Returns the same examples; label i becomes `outputs[i]`."""
        return self._with(outputs=[int(output) for output in outputs])

    def in_rows(self, classes):
        """Returns the same examples; label i becomes a row with a 1 at i."""
        return self._with(rows=classes)

    def _with(self, **changes):
        own = {
            "keep": self._keep, "outputs": self._outputs, "rows": self._rows,
        }  # fmt: skip
        return RecordExamples(self._builder, self._split, **{**own, **changes})

    @functools.cached_property
    def labels(self):
        """int32 array, one label or row for each key; reads all records."""
        stream = self._stored().map(
            graphs.untranslated(lambda key, image, label: label)
        )
        shape = (-1, self._rows) if self._rows else (-1,)
        found = list(stream.as_numpy_iterator())
        return np.array(found, np.int32).reshape(shape)

    def limit(self, count, seed):
        """Keeps the first `count`, so that no more than that need be read."""
        del seed  # TFDS's stored order is already shuffled.
        return self.only(self.keys[:count])

    def and_those_of(self, others):
        """Returns these examples and others', in the stored order."""
        stored = {each._split for each in (self, *others)}
        if len(stored) > 1:
            raise ValueError(
                "All images of a TFDS data set can be read together only if "
                "they are in one split; read its parts one by one. Received: "
                f"splits={sorted(stored)} of {self._builder.info.full_name}"
            )
        return self.only(np.concatenate([e.keys for e in (self, *others)]))

    def describe(self, key):
        """Names one example, with its file name where TFDS keeps one."""
        where = f"{self._builder.info.full_name}:{self._split}[{key}]"
        if "file_name" not in self._builder.info.features:
            return where
        record = next(iter(self._read(f"{self._split}[{key}:{key + 1}]")))
        return f"{record['file_name'].numpy().decode()} ({where})"

    def stream(self, shuffle_seed=None, skip=0):
        """As `IndexedExamples.stream`; skipped examples are not decoded."""
        if shuffle_seed is None:
            return self._stored().skip(skip)
        if self._stored_bytes <= MEMORY_BYTES:
            if self._held is None:
                self._held = next(iter(self._stored().batch(len(self))))
            order = examples.shuffled(len(self), shuffle_seed)
            return examples.pick(*self._held, order[skip:])
        mean_bytes = self._stored_bytes // len(self._keep)
        buffer = min(len(self), MEMORY_BYTES // max(mean_bytes, 1))
        mixed = self._stored().shuffle(
            max(buffer, 1), seed=shuffle_seed, reshuffle_each_iteration=False
        )
        return mixed.skip(skip)

    def add_contents(self, digest, most_bytes=None):
        """Feeds changed labels to a digest; identities cover the contents."""
        del most_bytes  # No record is read.
        if self._outputs is not None:
            digest.update(np.array(self._outputs, np.int32).tobytes())
        if self._rows:
            digest.update(b"rows %d" % self._rows)

    def image(self, item):
        """Turns a streamed item into a uint8 image `(h, w, 3)`."""
        return images.decode_image(item)

    def _stored(self):
        """Streams `(key, encoded image, label)` in the stored order."""
        stop = int(self.keys[-1]) + 1 if len(self) else 0
        records = self._read(f"{self._split}[:{stop}]").enumerate()
        if len(self) < stop:
            keep = tf.constant(self._keep[:stop])
            records = records.filter(
                graphs.untranslated(lambda key, _: tf.gather(keep, key))
            )
        outputs, rows = self._outputs, self._rows

        @graphs.untranslated
        def parts(key, record):
            label = tf.cast(record["label"], tf.int32)
            if outputs is not None:
                label = tf.gather(tf.constant(outputs, tf.int32), label)
            if rows:
                label = tf.one_hot(label, rows, dtype=tf.int32)
            return key, record["image"], label

        return records.map(parts)

    def _read(self, split):
        import tensorflow_datasets as tfds

        wanted = {"image", "label", "file_name"}
        features = self._builder.info.features
        decoders = {"image": tfds.decode.SkipDecoding()}
        if not wanted.issuperset(features):
            decoders = tfds.decode.PartialDecoding(
                {name: True for name in features if name in wanted},
                decoders=decoders,
            )
        return self._builder.as_dataset(
            split=split,
            decoders=decoders,
            # One shard after the other: the order is the stored one.
            read_config=tfds.ReadConfig(
                interleave_cycle_length=1, try_autocache=False
            ),
            shuffle_files=False,
        )
