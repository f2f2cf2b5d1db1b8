"""Accuracy of a network on whole images, in percent."""

import numpy as np
import tensorflow as tf
from tqdm import tqdm


def predictor(classifier):
    """Returns a function: images `(batch, H, W, 3)` -> int labels `(batch,)`.

    Args:
        classifier: Keras model or function, float32 images 0..255 -> logits.
    """

    @tf.function(reduce_retracing=True)
    def labels(images):
        images = tf.cast(images, tf.float32)
        if hasattr(classifier, "layers"):
            logits = classifier(images, training=False)
        else:
            logits = classifier(images)
        return tf.argmax(logits, axis=-1)

    return lambda images: labels(tf.convert_to_tensor(images)).numpy()


def percent(correct, total):
    """Returns `correct / total` in percent.

    Raises:
        ValueError: if there is nothing to divide by.
    """
    if total < 1:
        raise ValueError(
            "Accuracy needs at least one image, or it would be 0 / 0. "
            f"Received: total={total}"
        )
    return 100.0 * int(correct) / int(total)


def iterate(part, batch_size, progress, label):
    """Yields a part's `(images, labels)` as NumPy arrays.

    Args:
        part: `data.Part`, the images to measure on.
        batch_size: Images per batch.
        progress: Whether to show a progress bar on standard error.
        label: What the bar says.
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

    The upper bound of every method that doesn't train the network further.

    Args:
        classifier: Keras model, float32 images 0..255 -> logits.
        part: `data.Part`, the images to measure on.
        batch_size: Images per call of the network.
        progress: Whether to show a progress bar.
    """
    predict = predictor(classifier)
    correct = total = 0
    batches = iterate(part, batch_size, progress, "network")
    for images, labels in batches:
        correct += np.sum(predict(images) == labels)
        total += len(labels)
    return percent(correct, total)
