"""Freezes a trained unit: counts of its codes become integer tables."""

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.common import graphs
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training import freezing, logs

# Training images that are counted, and the weight of a prior in images.
IMAGES, PRIOR_WEIGHT = 5000, 20.0
LARGEST_SYMBOL = 63  # The largest of a table; larger ones escape.
_BATCH = 200
# Without a budget, the default point is the coarsest that loses at most this
# many points of accuracy.
DEFAULT_LOSS = 1.0


def freeze(model, dataset, grouping="per_coefficient"):
    """Returns a `BottleNet` whose unit has tables, ready for payloads.

    Counts the codes of training images, without augmentation, at every
    operating point, shrinks the counts towards a prior, which knows the
    distributions' tails, and fits integer tables. The prior is the unit's
    learned one or, without it, the counts of larger groups: a coefficient's is
    its channel, a channel's is all. Shares the halves with `model`; the unit is
    a copy.

    Args:
        grouping: Codes of a unit without a learned prior that are counted
            together, one of `config.unit.TABLES`. "shared" is Datta's one
            static table, with a range coder in place of Huffman's.
    """
    unit = model.unit
    counts = _count(model, dataset.train.limit(IMAGES))
    if hasattr(unit, "prior"):
        pmfs = freezing.smooth_counts(counts, _prior(unit), PRIOR_WEIGHT)
    else:
        pmfs = _grouped(counts, unit.latent_shape[-1], grouping)
    tables = freezing.fit_tables(pmfs, _first_symbol(unit))
    text = EntropyCodec(tables, unit.points).get_config()["tables"]
    return with_unit_config(model, tables=text)


def with_unit_config(model, **changes):
    """Returns the same network around a copy of its unit.

    `changes` are to the unit's configuration, without effect on weights.
    """
    unit = type(model.unit)(**{**model.unit.get_config(), **changes})
    unit.build(model.prefix.output_shape)
    unit.built = True
    for new, old in zip(unit.weights, model.unit.weights, strict=True):
        new.assign(old)
    unit.trainable = model.unit.trainable
    return BottleNet(model.prefix, unit, model.suffix, name=model.name)


def choose_default_point(curve, accuracy, byte_budget=None):
    """Returns the index of the default operating point.

    From an `evaluation.Curve` on validation images, the finest whose mean wire
    bytes are within `byte_budget`; without one, the coarsest that loses at most
    `DEFAULT_LOSS` points of the unsplit network's accuracy.
    """
    sizes = [float(np.mean(each.wire_bytes)) for each in curve.results]
    if byte_budget is not None:
        within = [i for i, size in enumerate(sizes) if size <= byte_budget]
        if not within:
            raise ValueError(
                "--byte_budget must be at least the mean of the coarsest "
                f"operating point, {min(sizes):.1f} wire bytes; a larger "
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
    unit, points = model.unit, len(model.unit.points)
    first, count = _first_symbol(unit), unit.code_shape[0]
    symbols = LARGEST_SYMBOL + 1 - first
    totals = np.zeros((points, count * (symbols + 1)), np.int64)
    places = np.arange(count) * (symbols + 1)

    @graphs.function(reduce_retracing=True)
    def encode(images):
        return unit.codes_at_points(model.features(images))

    batches = part.guard(part.batches(_BATCH))
    steps = -(-len(part) // _BATCH)
    with logs.progress_bar(steps, 0, "tables", True) as bar:
        for images, _ in batches:
            for total, codes in zip(totals, encode(images), strict=True):
                codes = codes.numpy() - first
                beyond = (codes < 0) | (codes >= symbols)
                symbol = np.where(beyond, symbols, codes).astype(np.int64)
                index = (symbol + places).reshape(-1)
                total += np.bincount(index, minlength=len(total))
            bar.update()
    return totals.reshape(points, count, symbols + 1)


def _first_symbol(unit):
    return -LARGEST_SYMBOL if unit.signed else 0


def _grouped(counts, channels, grouping):
    """Returns probabilities `(points, n, symbols)` of codes counted in groups.

    `counts` are those of `_count`, channels innermost.
    """
    points, n, symbols = counts.shape
    by_place = counts.reshape(points, n // channels, channels, symbols)
    together = by_place.sum(axis=(1, 2), keepdims=True)
    pmfs = (together / together.sum(axis=-1, keepdims=True))[..., :-1]
    levels = {"shared": (), "per_channel": (1,), "per_coefficient": (1, ())}
    for axes in levels[grouping]:
        counted = by_place.sum(axis=axes, keepdims=True)
        prior = np.broadcast_to(pmfs, (*counted.shape[:-1], symbols - 1))
        pmfs = freezing.smooth_counts(counted, prior, PRIOR_WEIGHT)
    pmfs = np.broadcast_to(pmfs, (*by_place.shape[:-1], symbols - 1))
    return pmfs.reshape(points, n, symbols - 1)


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
