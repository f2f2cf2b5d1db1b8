"""Accuracy of a network on uncompressed images, in percent."""

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from bottlenet_tf import tasks
from bottlenet_tf.common import graphs

# Fewer images take less time than building a graph.
_WORTH_A_GRAPH = 100


def predictor(classifier, count=_WORTH_A_GRAPH):
    """Returns a function: images `(batch, H, W, C)` -> NumPy logits.

    Args:
        classifier: Keras model or function, float32 images 0..255 -> logits.
    """

    def compute(images):
        images = tf.cast(images, tf.float32)
        if hasattr(classifier, "layers"):
            return classifier(images, training=False)
        return classifier(images)

    if count >= _WORTH_A_GRAPH:
        compute = graphs.function(compute, reduce_retracing=True)
    return lambda images: compute(tf.convert_to_tensor(images)).numpy()


def iterate(part, batch_size, progress, label):
    """Yields a `data.Part`'s `(images, labels)` as NumPy arrays.

    A progress bar on standard error, if any, names the part and `label`.
    """
    batches = part.guard(part.batches(batch_size))
    label = f"{part.name}: {label}"
    with tqdm(
        total=len(part), desc=label, unit="img", disable=not progress
    ) as bar:
        for images, labels in batches:
            yield np.asarray(images), np.asarray(labels)
            bar.update(len(labels))


def network_accuracy(classifier, part, batch_size=256, progress=True):
    """Returns the accuracy in percent of the untouched, unsplit network.

    It bounds every method that doesn't train the network further. `classifier`
    is a Keras model, float32 images 0..255 -> logits; `part` a `data.Part`.
    """
    return measured(classifier, part, batch_size, progress).accuracy


def measured(classifier, part, batch_size=256, progress=True):
    """Returns the `tasks.Meter` of the network; see `network_accuracy`."""
    predict = predictor(classifier, len(part))
    meter = tasks.Meter(part.task)
    for images, labels in iterate(part, batch_size, progress, "network"):
        meter.add(predict(images), labels)
    return meter
