"""Checks that a pretrained network knows the data set's classes."""

import math

from bottlenet_tf import evaluation
from bottlenet_tf.backbones import graph
from bottlenet_tf.common.validation import check

_IMAGES = 500
# With fewer, chance and a little knowledge can't be distinguished.
_LEAST_IMAGES = 100
_DEVIATIONS = 3
# Points of accuracy; less may be luck of a few images.
_LEAST_GAIN = 5.0
_SCALING = ("Rescaling", "Normalization", "Preprocess")


def check_above_chance(config, network, dataset):
    """Prints the accuracy of a pretrained network before training."""
    if not config.starts_trained or config.new_head:
        return
    unsplit = network.untouched or network.model
    part = dataset.development.limit(_IMAGES)
    accuracy = evaluation.network_accuracy(
        unsplit, part, config.batch_size, progress=False
    )
    if config.preprocessing == "auto" and config.backbone.endswith(".keras"):
        mode, scaled = better_scaling(unsplit, part, accuracy)
        check(
            mode is None,
            "The network takes images of another scale: use "
            f"--preprocessing={mode}, or --preprocessing=none for 0..255.",
            accuracy_with_it=f"{scaled:.2f} %",
            accuracy=f"{accuracy:.2f} %",
            images=len(part),
        )
    print(
        f"Without a split the network classifies {accuracy:.2f} % of "
        f"{len(part)} {part.name} images correctly."
    )
    guess = part.task.guess(part.examples.labels, unsplit.output_shape[-1])
    spread = math.sqrt(guess * (1 - guess) / len(part))
    check(
        config.allow_chance
        or network.untouched is None
        or len(part) < _LEAST_IMAGES
        or accuracy / 100 > guess + _DEVIATIONS * spread,
        "A trained network must know the classes better than guessing, or a "
        "split of it is useless: see --preprocessing, --class_indices and "
        "--backbone_weights, train it by --mode=baseline first, or use "
        "--allow_chance.",
        accuracy=f"{accuracy:.2f} %",
        by_guessing=f"{100 * guess:.2f} %",
        images=len(part),
    )


def better_scaling(network, part, accuracy):
    """Returns `(--preprocessing, accuracy with it)` if one is clearly better.

    Else `(None, accuracy)`. Tries 0..1 and -1..1 on a network without a layer
    that scales its images.

    Args:
        network: Keras model, float32 images 0..255 -> logits.
        accuracy: Its accuracy on that, in percent.
    """
    if len(part) < _LEAST_IMAGES or any(
        type(each).__name__ in _SCALING for each in graph.all_layers(network)
    ):
        return None, accuracy
    scaled = {
        "unit": lambda images: network(images / 255.0, training=False),
        "signed": lambda images: network(images / 127.5 - 1.0, training=False),
    }
    found = {
        mode: evaluation.network_accuracy(each, part, progress=False)
        for mode, each in scaled.items()
    }
    mode = max(found, key=found.get)
    share = (found[mode] + accuracy) / 200
    spread = 100 * math.sqrt(2 * share * (1 - share) / len(part))
    if found[mode] - accuracy > max(_DEVIATIONS * spread, _LEAST_GAIN):
        return mode, found[mode]
    return None, accuracy
