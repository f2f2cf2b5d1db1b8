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
            "Accuracy needs at least one test image, or it would be 0 / 0. "
            f"Received: total={total}"
        )
    return 100.0 * int(correct) / int(total)


def iterate_test_set(dataset, batch_size, progress, label):
    """Yields a data set's `(images, labels)` as NumPy arrays.

    Args:
        dataset: `data.Dataset`.
        batch_size: Images per batch.
        progress: Whether to show a progress bar on standard error.
        label: What the bar says.
    """
    batches = dataset.guard(dataset.test_batches(batch_size))
    with tqdm(
        total=dataset.num_test, desc=label, unit="img", disable=not progress
    ) as bar:
        for images, labels in batches:
            yield np.asarray(images), np.asarray(labels)
            bar.update(len(labels))


def network_accuracy(classifier, dataset, batch_size=256, progress=True):
    """Returns the accuracy in percent of the untouched, unsplit network.

    The upper bound of every method that doesn't train the network further.

    Args:
        classifier: Keras model, float32 images 0..255 -> logits.
        dataset: `data.Dataset`; its test images are used.
        batch_size: Images per call of the network.
        progress: Whether to show a progress bar.
    """
    predict = predictor(classifier)
    correct = total = 0
    batches = iterate_test_set(dataset, batch_size, progress, "network")
    for images, labels in batches:
        correct += np.sum(predict(images) == labels)
        total += len(labels)
    return percent(correct, total)
