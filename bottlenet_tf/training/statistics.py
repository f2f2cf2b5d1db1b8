"""Statistics of images for the closed form, of many splits in one pass.

```
images ─ network ─ features of every split, gradients of a random projection
  pass 1: moments of the patches        -> their KLT, `patch_klt.Patches`
  pass 2: patches in that KLT, d of p p C values per place, which are kept
```

Only the reduced patches of an image are kept, whatever the features' depth.
With several splits, one at a time is in memory.
"""

import contextlib
import math
import tempfile
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf.backbones.split_points import separating_tensors
from bottlenet_tf.common import graphs
from bottlenet_tf.training import logs, patch_klt

# The answers' temperature in the metric, twice that of distillation: a network
# is sure of most training images, of which only few would count at 1.
METRIC_TEMPERATURE = 4.0
_PATCH_IMAGES = 1000  # For the patches' KLT.
# Images whose gradients are computed at once: 200 of 64 pixels a side, 16 of
# 224. EfficientNet-Lite0 takes 100 MB for one of 224.
_BATCH = 200
_PIXELS = _BATCH * 64 * 64


class Statistics(NamedTuple):
    """Statistics of one split.

    patches: `patch_klt.Patches`.
    z, g: float32 `(images, h, w, d)`: its patches and their gradients.
    """

    patches: patch_klt.Patches
    z: np.ndarray
    g: np.ndarray


def of_unit(model, dataset, count, seed):
    """Returns the `Statistics` of the split of a `BottleNet`.

    Arguments and errors are those of `of_splits`.
    """
    batches = Batches(_from_unit(model), dataset, seed)
    sizes = {"the split": model.unit.get_config()}
    ((_, found),) = _gather(batches, sizes, count)
    return found


def of_patches(model, dataset, count, seed):
    """Returns `(z, g)`, as in `Statistics`, of a trained unit's own patches.

    The gradients are those through the unit's synthesis at the middle of the
    curve. Arguments and errors are those of `of_splits`.
    """
    unit, rows = model.unit, []

    def forward(images, tape):
        feature = model.features(images)
        z = unit.patches(feature)
        tape.watch(z)
        restored = unit.restore(z, tf.zeros(tf.shape(z)[:1]))
        # The true feature's value, the restored one's gradient.
        feature += restored - tf.stop_gradient(restored)
        return [z], model.answer(feature)

    batches = Batches(forward, dataset, seed)
    for (pair,) in batches.read(count, "coefficients"):
        _check("the split", *pair)
        rows.append(pair)
    z, g = map(np.concatenate, zip(*rows, strict=True))
    _check_answer("the split", g, count)
    return z, g


def of_splits(backbone, sizes, dataset, count, seed, folder):
    """Yields `(split, Statistics)` of several splits of a network.

    The same passes give all of them; they are kept on disk until they are
    yielded: 14 GB for 4,000 images and the sixteen splits of ResNet-50.

    Args:
        sizes: `{split: {"patch": p, "channels": d}}`.
        dataset: `data.Dataset`; training images are read, augmented as
            training sees them, and no label.
        folder: Folder of unnamed files, which end with the process.
    """
    forward = _from_backbone(backbone, list(sizes))
    yield from _gather(Batches(forward, dataset, seed), sizes, count, folder)


def _from_unit(model):
    def forward(images, tape):
        feature = model.features(images)
        tape.watch(feature)
        return [feature], model.answer(feature)

    return forward


def _from_backbone(backbone, splits):
    model = backbone.model
    layers = [backbone.split_point(split).layer for split in splits]
    tensors = separating_tensors(model)
    outputs = [tensors[layer] for layer in layers]
    together = keras.Model(model.input, [*outputs, model.output])

    def forward(images, tape):
        images = tf.cast(images, tf.float32)
        tape.watch(images)
        *features, logits = together(images, training=False)
        return features, logits

    return forward


def _gather(batches, sizes, count, folder=None):
    """Yields `(split, Statistics)` of `{split: sizes}` in forward's order."""
    patches = _patches(batches, sizes, min(count, _PATCH_IMAGES))
    with contextlib.ExitStack() as stack:

        def rows():
            if folder is None:
                return _Rows()
            file = tempfile.TemporaryFile(dir=folder)
            return _Rows(stack.enter_context(file))

        kept = {split: (rows(), rows()) for split in sizes}
        for found in batches.read(count, "coefficients"):
            for (split, both), pair in zip(kept.items(), found, strict=True):
                _check(split, *pair)
                for each, some in zip(both, patches[split].project(*pair)):
                    each.add(some)
        for split, (z, g) in kept.items():
            yield split, Statistics(patches[split], z.all(), g.all())


def _patches(batches, sizes, count):
    """Returns `{split: patch_klt.Patches}`."""
    moments = {s: patch_klt.Moments(each["patch"]) for s, each in sizes.items()}
    for found in batches.read(count, "patches"):
        for (split, moment), pair in zip(moments.items(), found, strict=True):
            _check(split, *pair)
            moment.add(*pair)
    for split, moment in moments.items():
        _check_answer(split, moment.slopes, count)
    return {
        s: patch_klt.solve_patches(moment, sizes[s]["channels"], s)
        for s, moment in moments.items()
    }


def _check(split, features, gradients):
    """Raises ValueError unless all values are finite."""
    for name, values in (("feature", features), ("gradient", gradients)):
        if not np.isfinite(np.sum(values)):
            bad = np.count_nonzero(~np.isfinite(values))
            raise ValueError(
                f"The {name} at {split} must be finite; a single image that "
                "isn't would spoil the statistics. Check the network and the "
                f"images. Received: {bad} of {values.size} values are not"
            )


def _check_answer(split, gradients, count):
    if not np.any(gradients):
        raise ValueError(
            f"The answer must depend on the feature at {split}, from which a "
            "unit is computed; its gradient is 0 on all images. Received: "
            f"images={count}"
        )


class _Rows:
    """A float32 array that grows by rows: in memory, or in a file."""

    def __init__(self, file=None):
        self._parts, self._file, self._shape = [], file, None

    def add(self, rows):
        if self._file is None:
            self._parts.append(rows)
            return
        self._shape = rows.shape[1:]
        self._file.write(np.ascontiguousarray(rows, np.float32).data)

    def all(self):
        if self._file is None:
            return np.concatenate(self._parts)
        self._file.seek(0)
        return np.fromfile(self._file, np.float32).reshape(-1, *self._shape)


class Batches:
    """Features and gradients of training images, the same in every pass.

    A gradient is that of a random projection of the answer,
    sum over classes of r z, z the logits and r the task's `fisher_root` of the
    probabilities at `METRIC_TEMPERATURE`: the mean outer product of such
    gradients is the Fisher information, by which KL(p || p') is half the
    squared error of the feature.

    `forward` is `(images, tape) -> (features, logits)`.
    """

    def __init__(self, forward, dataset, seed):
        self._dataset, self._seed = dataset, seed
        self._batch = batch_size(dataset)

        @graphs.function(reduce_retracing=True)
        def step(images, seeds):
            with tf.GradientTape() as tape:
                features, logits = forward(images, tape)
                scaled = tf.stop_gradient(logits) / METRIC_TEMPERATURE
                p = dataset.task.probabilities(tf.cast(scaled, tf.float32))
                draw = tf.random.stateless_normal(tf.shape(p), seeds)
                r = dataset.task.fisher_root(p, draw)
                projected = tf.reduce_sum(r * tf.cast(logits, tf.float32))
            # A tail without a gradient gives zeros, which are refused.
            gradients = tape.gradient(
                projected,
                features,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            return [
                (tf.cast(f, tf.float32), tf.cast(g, tf.float32))
                for f, g in zip(features, gradients, strict=True)
            ]

        self._step = step

    def read(self, count, name):
        """Yields a list of each split's `(features, gradients)` by batches."""
        batch, steps = _division(self._batch, count, self._dataset)
        batches = self._dataset.train.guard(
            self._dataset.train_batches(batch, epoch=0).take(steps)
        )
        with logs.progress_bar(steps, 0, f"closed form: {name}", True) as bar:
            for i, (images, _) in enumerate(batches):
                images = images[: count - i * batch]
                pairs = self._step(images, tf.constant((self._seed, i)))
                yield [(f.numpy(), g.numpy()) for f, g in pairs]
                bar.update()


def batch_size(dataset):
    """Returns the number of images whose gradients are computed at once."""
    return min(_BATCH, max(1, _PIXELS // dataset.image_size**2))


def _division(most, count, dataset):
    """Returns size and number of the batches that read `count` images.

    Training's batches are complete; as few images as possible are left out.
    """
    steps = math.ceil(count / most)
    batch = math.ceil(count / steps)
    if batch * steps > dataset.num_train:
        batch = count // steps
    return batch, steps


def first_features(model, dataset, count):
    """Returns features of the first `count` of the images, `(n, H, W, C)`."""
    batch, steps = _division(batch_size(dataset), count, dataset)
    batches = dataset.train_batches(batch, epoch=0).take(steps)
    compute = graphs.function(model.features, reduce_retracing=True)
    found = [
        tf.cast(compute(images), tf.float32)
        for images, _ in dataset.train.guard(batches)
    ]
    return tf.concat(found, axis=0)[:count]
