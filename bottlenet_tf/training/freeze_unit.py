"""Freezes a trained learned unit: its densities become integer tables."""

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training import freezing, logs

# Training images that are counted, and how many the learned prior weighs.
IMAGES, PRIOR_WEIGHT = 5000, 20.0
LARGEST_SYMBOL = 63  # Of a table; what is beyond escapes.
_BATCH = 200
# Without a budget, the default point is the coarsest that loses so many
# points of accuracy at most.
DEFAULT_LOSS = 1.0


def freeze(model, dataset):
    """Returns a `BottleNet` whose unit has tables, ready for payloads.

    Counts the codes of whole training images at every operating point, draws
    the counts towards the learned prior, which knows the tails, and fits
    integer tables. Shares the halves with `model`; the unit is a copy.

    Args:
        model: `BottleNet` with a `LearnedUnit`.
        dataset: `data.Dataset`; training images alone are read.
    """
    unit = model.unit
    counts = _count(model, dataset.train.limit(IMAGES))
    pmfs = freezing.smooth_counts(counts, _prior(unit), PRIOR_WEIGHT)
    tables, _ = freezing.fit_tables(pmfs, -LARGEST_SYMBOL)
    text = EntropyCodec(tables, unit.points).get_config()["tables"]
    return with_unit_config(model, tables=text)


def with_unit_config(model, **changes):
    """Returns the same network around a copy of its unit.

    Args:
        model: `BottleNet` with a `LearnedUnit`.
        **changes: Entries of the unit's configuration that the copy has anew;
            none that decides a weight.
    """
    unit = type(model.unit)(**{**model.unit.get_config(), **changes})
    unit.build(model.prefix.output_shape)
    unit.built = True
    for new, old in zip(unit.weights, model.unit.weights, strict=True):
        new.assign(old)
    unit.trainable = model.unit.trainable
    return BottleNet(model.prefix, unit, model.suffix, name=model.name)


def choose_default_point(curve, accuracy, byte_budget=None):
    """Returns the index of the point to use where none is asked for.

    The finest whose mean wire bytes are within `byte_budget`; without one,
    the coarsest that loses at most `DEFAULT_LOSS` points.

    Args:
        curve: `evaluation.Curve` on validation images.
        accuracy: Of the unsplit network on them, in percent.
        byte_budget: Mean wire bytes, or None.

    Raises:
        ValueError: if no point is within the budget.
    """
    sizes = [float(np.mean(each.wire_bytes)) for each in curve.results]
    if byte_budget is not None:
        within = [i for i, size in enumerate(sizes) if size <= byte_budget]
        if not within:
            raise ValueError(
                "--byte_budget must be at least what the coarsest operating "
                f"point takes, {min(sizes):.1f} wire bytes; a larger "
                "--coarse_rate_weight makes a coarser one. "
                f"Received: byte_budget={byte_budget}"
            )
        return max(within, key=lambda i: sizes[i])
    least = accuracy - DEFAULT_LOSS
    enough = [
        i for i, each in enumerate(curve.results) if each.accuracy >= least
    ]
    best = max(range(len(sizes)), key=lambda i: curve.results[i].accuracy)
    return min(enough, key=lambda i: sizes[i], default=best)


def _count(model, part):
    """Returns counts `(points, n, symbols + 1)` of a part's codes."""
    unit, points = model.unit, model.unit.points
    count, symbols = unit.code_shape[0], 2 * LARGEST_SYMBOL + 1
    gains = [unit.gain(tf.constant([t])).numpy()[0] for t in points]
    totals = np.zeros((len(points), count * (symbols + 1)), np.int64)
    places = np.arange(count) * (symbols + 1)

    @tf.function(reduce_retracing=True)
    def coefficients(images):
        return unit.coefficients(model.features(images))

    batches = part.guard(part.batches(_BATCH))
    steps = -(-len(part) // _BATCH)
    with logs.progress_bar(steps, 0, "tables", True) as bar:
        for images, _ in batches:
            found = coefficients(images).numpy()
            for total, gain in zip(totals, gains):
                codes = np.rint(found * gain) + LARGEST_SYMBOL
                beyond = (codes < 0) | (codes >= symbols)
                symbol = np.where(beyond, symbols, codes).astype(np.int64)
                index = (symbol + places).reshape(-1)
                total += np.bincount(index, minlength=len(total))
            bar.update()
    return totals.reshape(len(points), count, symbols + 1)


def _prior(unit):
    """Returns the learned prior's `(points, n, symbols)`."""
    symbols = np.arange(-LARGEST_SYMBOL, LARGEST_SYMBOL + 1, dtype=np.float32)
    values = np.repeat(symbols[:, None], unit.code_shape[0], axis=1)
    found = []
    for t in unit.points:
        point = tf.fill((len(symbols),), np.float32(t))
        likely = unit.prior.probabilities(values, unit.gain(point), point)
        found.append(keras.ops.convert_to_numpy(likely).T)
    return np.stack(found)
