"""Batches of images and labels, the same bytes on every run."""

import functools
import hashlib
import os

import numpy as np
import tensorflow as tf

from bottlenet_tf.data import corrupt, splits

_PARALLEL = os.cpu_count() or 1
_PREFETCH = 4  # Batches ready ahead of the network.
_SIZE_SAMPLE = 64  # Images that `stored_size` looks at.


class Dataset:
    """A training and a test split with their preprocessing.

    Batch k of epoch e is a pure function of (data, seed, e, k, batch size): it
    is the same after a restart, from `start_batch=k` as from the beginning,
    and whatever the number of threads. Epochs differ in order and crops.

    It does not normalise: images stay uint8 and every network brings its own
    normalisation. Made by `bottlenet_tf.data.load`.

    Args:
        name: Shown in logs and results.
        class_names: One name per label.
        train: `IndexedExamples` or `RecordExamples`.
        test: The same, with no example in common.
        preprocessing: `images.Preprocessing`.
        seed: Integer; decides shuffles and crops.
        skipped: Names of the corrupt images that were left out.
    """

    def __init__(
        self,
        name,
        class_names,
        train,
        test,
        preprocessing,
        seed=0,
        skipped=(),
    ):
        self.name = name
        self.class_names = tuple(class_names)
        self.preprocessing = preprocessing
        self.seed = seed
        self.skipped = list(skipped)
        self._train = train
        self._test = test

    @functools.cached_property
    def fingerprint(self):
        """16 hex digits over the test images and their preprocessing.

        Covers names and contents of files; of TFDS records the data set's
        version and size. Equal fingerprints mean that accuracies were
        measured on the same pixels.
        """
        digest = hashlib.sha256(self.preprocessing.evaluation_key.encode())
        for identity in self._test.identities:
            digest.update(b"\n" + identity.encode())
        self._test.add_contents(digest)
        return digest.hexdigest()[:16]

    @functools.cached_property
    def stored_size(self):
        """Side in pixels of a test image's crop as it is stored.

        Less than `image_size` if the images are enlarged for the network;
        never more. The median of the first test images.
        """
        few = self._test.only(self._test.keys[:_SIZE_SAMPLE])
        sides = [
            min(self._test.image(item).shape[:2]) for _, item, _ in few.stream()
        ]
        scale = np.median(sides) / self.preprocessing.resize
        return max(1, round(self.image_size * min(1.0, scale)))

    @property
    def num_classes(self):
        return len(self.class_names)

    @property
    def image_size(self):
        return self.preprocessing.image_size

    @property
    def augmentation(self):
        """The policy in force: pad_crop, resize_crop or none."""
        return self.preprocessing.policy

    @property
    def num_train(self):
        return len(self._train)

    @property
    def num_test(self):
        return len(self._test)

    def steps_per_epoch(self, batch_size):
        """Number of whole training batches in one epoch.

        Raises:
            ValueError: if `batch_size` is not in 1..num_train.
        """
        if not 1 <= batch_size <= self.num_train:
            raise ValueError(
                "`batch_size` must be from 1 to the number of training "
                f"images, {self.num_train}, because an epoch has whole "
                f"batches only. Received: batch_size={batch_size}"
            )
        return self.num_train // batch_size

    def train_batches(self, batch_size, *, epoch, start_batch=0, augment=True):
        """One epoch of shuffled training batches.

        Args:
            batch_size: Images per batch.
            epoch: Integer from 0; decides the order and the crops.
            start_batch: First batch to yield; those before it are passed
                over without being decoded.
            augment: False for the test images' centre crop.

        Returns:
            `tf.data.Dataset` of `(images, labels)`: uint8 `(batch_size,
            image_size, image_size, 3)` and int32 `(batch_size,)`, with
            `num_train // batch_size - start_batch` elements.

        Raises:
            ValueError: for a batch size, epoch or start outside its range.
        """
        steps = self.steps_per_epoch(batch_size)
        if epoch < 0:
            raise ValueError(f"`epoch` counts from 0. Received: epoch={epoch}")
        if not 0 <= start_batch <= steps:
            raise ValueError(
                f"`start_batch` must be from 0 to {steps}, the number of "
                f"batches in an epoch. Received: start_batch={start_batch}"
            )
        epoch_seed = splits.epoch_seed(self.seed, epoch)
        examples = self._train

        def prepare(key, item, label):
            image = examples.image(item)
            if augment:
                draw = tf.stack([tf.constant(epoch_seed, tf.int64), key])
                return self.preprocessing.augment(image, draw), label
            return self.preprocessing.evaluate(image), label

        stream = examples.stream(epoch_seed, skip=start_batch * batch_size)
        batches = stream.map(
            prepare, num_parallel_calls=_PARALLEL, deterministic=True
        ).batch(batch_size, drop_remainder=True)
        # A stream through a filter has no known length; tf.distribute and
        # progress bars want one.
        remaining = tf.data.experimental.assert_cardinality(steps - start_batch)
        return _finish(batches.apply(remaining))

    def test_batches(self, batch_size):
        """All test images in a fixed order, centre-cropped.

        Args:
            batch_size: Images per batch; the last batch may be smaller.

        Returns:
            `tf.data.Dataset` of `(images, labels)` as in `train_batches`.

        Raises:
            ValueError: if `batch_size` is below 1.
        """
        if batch_size < 1:
            raise ValueError(
                "`batch_size` must be at least 1. "
                f"Received: batch_size={batch_size}"
            )
        examples = self._test

        def prepare(key, item, label):
            del key
            return self.preprocessing.evaluate(examples.image(item)), label

        batches = (
            examples.stream()
            .map(prepare, _PARALLEL, deterministic=True)
            .batch(batch_size)
        )
        count = -(-self.num_test // batch_size)
        return _finish(
            batches.apply(tf.data.experimental.assert_cardinality(count))
        )

    def guard(self, batches):
        """Iterates over batches; a decoding failure names its file.

        Args:
            batches: Any iterable made from this data set, distributed or not.

        Yields:
            The batches, unchanged.

        Raises:
            CorruptImageError: in place of TensorFlow's error, if an image
                of this data set turns out not to decode.
        """
        iterator = iter(batches)
        while True:
            try:
                batch = next(iterator)
            except StopIteration:
                return
            except corrupt.DECODE_ERRORS as error:
                raise self.explain(error) from error
            yield batch

    def explain(self, error):
        """Looks for the image behind a decoding error.

        Every image is decoded until one fails, so this takes up to an epoch's
        decoding time.

        Returns:
            `CorruptImageError` that names it, or `error` if all decode.
        """
        for examples in (self._train, self._test):
            for key in corrupt.corrupt_keys(examples, first_only=True):
                return corrupt.CorruptImageError(
                    "every image must decode, and this one does not: "
                    f"{examples.describe(key)}. Repair or remove it, or let "
                    "skip_corrupt=True find and leave out all such images. "
                    f"TensorFlow says: {_first_line(error)}"
                )
        return error


def _finish(batches):
    options = tf.data.Options()
    options.deterministic = True
    # Its thread holds up the end of every epoch, often for seconds.
    options.autotune.enabled = False
    # One input pipeline per worker, each reads everything and keeps its
    # share of every batch: tf.distribute cannot shard a list by files.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return batches.prefetch(_PREFETCH).with_options(options)


def _first_line(error):
    message = getattr(error, "message", None) or str(error)
    return message.strip().splitlines()[0][:300]
