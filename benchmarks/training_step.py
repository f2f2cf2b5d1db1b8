"""A training step with quantizer and JPEG against the same step without.

Both steps run in turns in one process, so that a busy machine slows both; the
ratio of the medians is what counts. The bound is 1; the aim is <= 1.05.

    python benchmarks/training_step.py [--only=cifar_resnet20]
"""

import argparse
import os
import platform

from timing import in_turns

from bottlenet_tf.cli.surroundings import prepare

prepare()

import keras  # noqa: E402 (after the preparation)
import tensorflow as tf  # noqa: E402

from bottlenet_tf import backbones  # noqa: E402
from bottlenet_tf.config.run import UnitConfig  # noqa: E402
from bottlenet_tf.models.bottlenet import build_bottlenet  # noqa: E402

# name: image size, batch, split, timed steps of each kind
CASES = {
    "cifar_resnet20": (32, 128, "RB3", 15),
    "resnet50": (224, 32, "RB1", 9),
}


def without_quantizer_and_codec(model, images):
    """The network with its unit's convolutions alone."""
    x = model.prefix(images, training=True)
    for layer in (*model.unit.reduction, *model.unit.restoration):
        x = layer(x, training=True)
    return model.suffix(x, training=True)


def with_quantizer_and_codec(model, images):
    """The network as it is trained."""
    return model.transmit(images, training=True).logits


def compiled_step(forward, model, optimizer):
    """Returns a compiled training step through `forward`."""
    variables = model.trainable_variables

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            logits = forward(model, images)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return step


def measure(name):
    """Prints milliseconds of both steps and their ratio."""
    size, batch, split, repeats = CASES[name]
    keras.utils.set_random_seed(0)
    backbone = backbones.create(name, image_size=size, num_classes=100)
    model = build_bottlenet(backbone, split, UnitConfig(quantizer="learned"))
    images = tf.random.uniform((batch, size, size, 3), maxval=255.0)
    labels = tf.zeros((batch,), tf.int32)
    optimizer = keras.optimizers.SGD(1e-4, momentum=0.9)
    optimizer.build(model.trainable_variables)
    steps = [
        compiled_step(forward, model, optimizer)
        for forward in (without_quantizer_and_codec, with_quantizer_and_codec)
    ]
    bare, full = in_turns(
        [lambda step=step: step(images, labels).numpy() for step in steps],
        repeats,
    )
    print(
        f"{name} {size} px, batch {batch}, {split}: "
        f"without {bare:.0f} ms, with {full:.0f} ms, "
        f"ratio {full / bare:.3f} (n={repeats} each, medians; "
        f"{os.cpu_count()} cores, {platform.machine()})",
        flush=True,
    )


def main():
    """Measures all cases, or the one asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CASES)
    only = parser.parse_args().only
    for name in [only] if only else CASES:
        measure(name)


if __name__ == "__main__":
    main()
