"""One part of a data set, for measuring: in order, centre-cropped."""

import functools
import hashlib
import os

import numpy as np
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.common import graphs
from bottlenet_tf.data import corrupt

PARALLEL = os.cpu_count() or 1
_PREFETCH = 4  # Batches ready ahead of the network.
_SIZE_SAMPLE = 64  # Images that `stored_size` looks at.


class Part:
    """Training, validation or test images in a fixed order.

    Nothing is shuffled or augmented; `Dataset.train_batches` does that. An
    empty part is false.

    Args:
        name: "train", "validation" or "test".
    """

    def __init__(self, name, examples, preprocessing):
        self.name = name
        self.examples = examples
        self.preprocessing = preprocessing

    def __len__(self):
        return len(self.examples)

    @property
    def image_size(self):
        return self.preprocessing.image_size

    @property
    def task(self):
        """Task of its labels; see `tasks`."""
        return tasks.of_output(self.examples.output)

    @functools.cached_property
    def fingerprint(self):
        """16 hex digits over the images and their preprocessing.

        Covers names and contents of files; for TFDS records, the data set's
        version and size. Equal fingerprints mean that accuracies were measured
        on the same pixels.
        """
        digest = hashlib.sha256(self.preprocessing.evaluation_key.encode())
        for identity in self.examples.identities:
            digest.update(b"\n" + identity.encode())
        self.examples.add_contents(digest)
        return digest.hexdigest()[:16]

    @functools.cached_property
    def stored_size(self):
        """Side in pixels of an image's crop as it is stored.

        Less than `image_size` if the images are enlarged for the network;
        never more. The median of the first images.
        """
        few = self.examples.only(self.examples.keys[:_SIZE_SAMPLE])
        sides = [
            min(self.examples.image(item).shape[:2])
            for _, item, _ in few.stream()
        ]
        scale = np.median(sides) / self.preprocessing.resize
        return max(1, round(self.image_size * min(1.0, scale)))

    def limit(self, count, seed=0):
        """Returns a part of at most `count` of the images, all classes."""
        few = self.examples.limit(count, seed)
        return Part(self.name, few, self.preprocessing)

    def batches(self, batch_size):
        """All images in a fixed order, centre-cropped.

        Returns:
            `tf.data.Dataset` of `(images, labels)`: uint8 `(batch,
            image_size, image_size, 3)` and int32 `(batch,)`, or `(batch,
            classes)` for several labels per image.
        """
        if batch_size < 1:
            raise ValueError(
                "`batch_size` must be at least 1. "
                f"Received: batch_size={batch_size}"
            )

        @graphs.untranslated
        def prepare(key, item, label):
            del key
            image = self.examples.image(item)
            return self.preprocessing.evaluate(image), label

        batches = (
            self.examples.stream()
            .map(prepare, PARALLEL, deterministic=True)
            .batch(batch_size)
        )
        count = -(-len(self) // batch_size)
        return finish(
            batches.apply(tf.data.experimental.assert_cardinality(count))
        )

    def guard(self, batches):
        """Iterates over batches; a decoding failure names its file."""
        iterator = iter(batches)
        while True:
            try:
                batch = next(iterator)
            except StopIteration:
                return
            except corrupt.DECODE_ERRORS as error:
                raise self._explain(error) from error
            yield batch

    def _explain(self, error):
        """Returns a `CorruptImageError`, or `error` if all images decode.

        Every image is decoded until one fails, so this takes up to an epoch's
        decoding time.
        """
        # TensorFlow's message lists graph nodes on further lines.
        line = str(getattr(error, "message", error)).strip().splitlines()[:1]
        for key in corrupt.corrupt_keys(self.examples, first_only=True):
            return corrupt.CorruptImageError(
                "every image must decode, and this one does not: "
                f"{self.examples.describe(key)}. Repair or remove it; "
                "training, bottlenet-evaluate and bottlenet-adapt leave out "
                "all such images with --skip_corrupt. "
                f"{corrupt.reason(self.examples, key) or ''.join(line)[:300]}"
            )
        return error


def finish(batches):
    """Returns batches that are prefetched, in deterministic order."""
    options = tf.data.Options()
    options.deterministic = True
    # Its thread delays the end of every epoch, often for seconds.
    options.autotune.enabled = False
    # One input pipeline per worker, each reads everything and keeps its
    # share of every batch: tf.distribute cannot shard a list by files.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return batches.prefetch(_PREFETCH).with_options(options)
