"""A training step with our batch normalisation against one with Keras's.

CIFAR ResNet-20, batch 128, both in turns in one process; the ratio counts.

    python benchmarks/batch_norm.py
"""

import os

from timing import in_turns

from bottlenet_tf.cli.surroundings import prepare

prepare()

import keras  # noqa: E402 (after the preparation)
import tensorflow as tf  # noqa: E402

from bottlenet_tf import backbones, layers  # noqa: E402

REPEATS = 10


def with_keras_norm(model):
    """Returns a copy of `model` with Keras's own layers."""

    def copy(layer):
        kind = type(layer)
        if kind is layers.BatchNormalization:
            kind = keras.layers.BatchNormalization
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=copy)


def compiled_step(model, images, labels):
    """Returns a compiled forward and backward pass."""

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels, model(images, training=True)
                )
            )
        return tape.gradient(loss, model.trainable_variables)

    return step


def main():
    """Prints milliseconds of both and their ratio."""
    model = backbones.create("cifar_resnet20", image_size=32, num_classes=10)
    images = tf.random.uniform((128, 32, 32, 3), maxval=255.0)
    labels = tf.zeros((128,), tf.int32)
    steps = [
        compiled_step(m, images, labels)
        for m in (model.model, with_keras_norm(model.model))
    ]
    ours, theirs = in_turns(
        [lambda step=step: step()[0].numpy() for step in steps], REPEATS
    )
    print(
        f"forward and backward: ours {ours:.0f} ms, Keras {theirs:.0f} ms, "
        f"ratio {theirs / ours:.2f} (n={REPEATS}, medians; "
        f"{os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    main()
