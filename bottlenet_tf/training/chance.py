"""Whether a network that comes trained knows the data set's classes."""

import math

from bottlenet_tf import evaluation
from bottlenet_tf.validation import check

_IMAGES = 500
# With fewer, chance and a little knowledge look alike.
_LEAST_IMAGES = 100
_DEVIATIONS = 3


def check_above_chance(config, network, dataset):
    """Tells the accuracy of a network that comes trained, before it trains.

    Args:
        config: `TrainConfig`.
        network: `Network`.
        dataset: `data.Dataset`.

    Raises:
        ValueError: if it is to be split and no better than guessing, without
            --allow_chance.
    """
    if not config.starts_trained or config.new_head:
        return
    unsplit = network.untouched or network.model
    part = dataset.development.limit(_IMAGES)
    accuracy = evaluation.network_accuracy(
        unsplit, part, config.batch_size, progress=False
    )
    print(
        f"Without a split the network has {accuracy:.2f} % of {len(part)} "
        f"{part.name} images right."
    )
    guess = 1 / unsplit.output_shape[-1]
    spread = math.sqrt(guess * (1 - guess) / len(part))
    check(
        config.allow_chance
        or network.untouched is None
        or len(part) < _LEAST_IMAGES
        or accuracy / 100 > guess + _DEVIATIONS * spread,
        "A network that comes trained must know the classes better than "
        "guessing does, or a split of it is worth nothing: see "
        "--preprocessing, --class_indices and --backbone_weights, train it "
        "by --mode=baseline first, or go on by --allow_chance.",
        accuracy=f"{accuracy:.2f} %",
        by_guessing=f"{100 * guess:.2f} %",
        images=len(part),
    )
