"""Batches of images and labels, the same bytes on every run."""

import copy
import functools

import tensorflow as tf

from bottlenet_tf.common import graphs
from bottlenet_tf.data import splits
from bottlenet_tf.data.part import PARALLEL, Part, finish


class Dataset:
    """Training, validation and test images with their preprocessing.

    The validation images are for choosing: an epoch, a unit, a split, a
    setting. The test images are read once, at the end.

    Batch k of epoch e is a pure function of (data, seed, e, k, batch size): it
    is the same after a restart, from `start_batch=k` as from the beginning,
    and whatever the number of threads. Epochs differ in order and crops.

    It does not normalise: images stay uint8 and every network has its own
    normalisation. Made by `bottlenet_tf.data.load`.

    Args:
        train: `IndexedExamples` or `RecordExamples`.
        validation: The same, no example in common; may be empty.
        test: The same, no example in common with either.
        inventory: Function that returns `Dataset.inventory`.
        seed: Integer; decides shuffles and crops.
        skipped: Names of the corrupt images that were left out.
        passed_over: Files that are not read; `Listing.passed_over()`.
        unseen: Examples as `test`, of classes in no other part; None without
            them.
        unseen_classes: The names of these.
    """

    def __init__(
        self,
        name,
        class_names,
        train,
        validation,
        test,
        preprocessing,
        inventory,
        seed=0,
        skipped=(),
        passed_over=None,
        unseen=None,
        unseen_classes=(),
    ):
        self.name = name
        self.class_names = tuple(class_names)
        self.preprocessing = preprocessing
        self.seed = seed
        self.skipped = list(skipped)
        self.passed_over = dict(passed_over or {})
        self.train = Part("train", train, preprocessing)
        self.validation = Part("validation", validation, preprocessing)
        self.test = Part("test", test, preprocessing)
        self.unseen_classes = tuple(unseen_classes)
        if unseen is None:
            unseen = test.only(test.keys[:0])
        self.unseen = Part("unseen", unseen, preprocessing)
        self._take_inventory = inventory

    @functools.cached_property
    def inventory(self):
        """`{part: fingerprints.Fingerprint}` of all images of each part.

        Before `max_train` and the like leave images out: it shows which may
        have been trained on, and which were not.
        """
        return self._take_inventory()

    @property
    def development(self):
        """Validation `Part`, or else training: for pictures, parity, timing."""
        return self.validation or self.train

    @property
    def task(self):
        """Task of the labels; see `tasks`."""
        return self.train.task

    def for_output(self, output):
        """Returns the data set with labels for a kind of output.

        For "sigmoid", a class becomes a row with a single 1.
        """
        if output == self.task.output:
            return self
        rows = copy.copy(self)
        for name in ("train", "validation", "test", "unseen"):
            part = getattr(self, name)
            examples = part.examples.in_rows(self.num_classes)
            setattr(rows, name, Part(part.name, examples, part.preprocessing))
        return rows

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
        return len(self.train)

    @property
    def num_test(self):
        return len(self.test)

    def steps_per_epoch(self, batch_size):
        """Number of complete training batches in one epoch."""
        if not 1 <= batch_size <= self.num_train:
            raise ValueError(
                "`batch_size` must be from 1 to the number of training images, "
                f"{self.num_train}, because an epoch has complete batches "
                f"only. Received: batch_size={batch_size}"
            )
        return self.num_train // batch_size

    def train_batches(self, batch_size, *, epoch, start_batch=0, augment=True):
        """One epoch of shuffled training batches.

        Args:
            epoch: Integer from 0; decides the order and the crops.
            start_batch: First batch to yield; those before it are skipped
                without being decoded.
            augment: False for the centre crop of evaluation.

        Returns:
            `tf.data.Dataset` of `(images, labels)`: uint8 `(batch_size,
            image_size, image_size, 3)` and int32 `(batch_size,)` or, for
            several labels per image, `(batch_size, classes)`, with `num_train
            // batch_size - start_batch` elements.
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
        examples = self.train.examples

        @graphs.untranslated
        def prepare(key, item, label):
            image = examples.image(item)
            if augment:
                draw = tf.stack([tf.constant(epoch_seed, tf.int64), key])
                return self.preprocessing.augment(image, draw), label
            return self.preprocessing.evaluate(image), label

        stream = examples.stream(epoch_seed, skip=start_batch * batch_size)
        batches = stream.map(
            prepare, num_parallel_calls=PARALLEL, deterministic=True
        ).batch(batch_size, drop_remainder=True)
        # A stream through a filter has no known length; tf.distribute and
        # progress bars want one.
        remaining = tf.data.experimental.assert_cardinality(steps - start_batch)
        return finish(batches.apply(remaining))
