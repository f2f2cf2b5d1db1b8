"""Starts a learned unit: statistics of its split, then the closed form."""

import functools
import itertools
import math

import numpy as np
import tensorflow as tf

from bottlenet_tf.common import graphs
from bottlenet_tf.common.validation import check
from bottlenet_tf.training import closed_form, statistics
from bottlenet_tf.training.least_squares import batches, reduced_rank
from bottlenet_tf.training.losses import imitation_loss

# Most bytes of the features that the fits read, and most multiply-accumulates
# of the tail for each step or factor that is tried.
_FIT_BYTES, _FIT_MACS = 1 << 30, 4 * 10**11
# The ladder of steps reads one in so many of the images, and so does the
# synthesis; at least as many as of 1000.
_LADDER_SHARE, _SYNTHESIS_SHARE = 4, 2
_LADDER_STEPS = 8
# Most steps in a deviation: codes are int16. Where a single coefficient
# decides, the others would need far more.
_MOST_LEVELS = 1000
# Factors on decoded coefficients that are tried.
_ENERGIES = (1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.6)


def start_unit(model, dataset, config):
    """Initializes a learned unit with the closed form of its split.

    Reads training images, augmented, and no label. Fits in this order: the
    transform, from features and gradients; the steps for the two ends of
    `rate_weights`; the server's linear synthesis, by least squares; the energy
    that it lacks.

    The unit of `model` is built.
    """
    count = count_images(config, dataset, model.unit.get_config()["mixed_to"])
    found = statistics.of_unit(model, dataset, count, config.seed)
    start_from(found, model, dataset, config)


def count_images(config, dataset, mixed_to):
    """Returns the number of images that a closed form reads."""
    count = min(config.unit.statistics_images, dataset.num_train)
    check(
        count >= mixed_to,
        f"A closed form needs {mixed_to} images, one for each of the "
        "--mixed_to coefficients, whose variation over images it measures. "
        "Give more, or a smaller --mixed_to.",
        statistics_images=config.unit.statistics_images,
        training_images=dataset.num_train,
    )
    return count


def start_from(found, model, dataset, config):
    """As `start_unit`, from the known `Statistics` of its split."""
    unit = model.unit
    names = "coefficients", "mixed", "mixed_to", "shared"
    sizes = unit.get_config()
    form = closed_form.solve(*found, **{name: sizes[name] for name in names})
    closed_form.assign(unit, form)
    few, some = fitted_images(model, len(found.z))
    features = statistics.first_features(model, dataset, some)
    first = features[:few]
    answers = tf.concat([model.answer(f) for (f,) in batches(first)], 0)
    fitted = first, answers, config.temperature, dataset.task
    fit_steps(model, form, *fitted)
    divergence = divergence_of(model, *fitted)
    fit_synthesis(model, features, divergence)
    fit_energy(unit, divergence)


def fitted_images(model, count):
    """Returns how many of `count` images ladder and synthesis are fitted to."""
    most = max(count, 1000)
    size = 4 * math.prod(model.prefix.output_shape[1:])
    some = min(count, most // _SYNTHESIS_SHARE, _FIT_BYTES // size)
    few = min(some, most // _LADDER_SHARE, _FIT_MACS // model.macs().tail)
    return max(1, few), max(1, some)


def fit_steps(model, form, features, answers, temperature, task):
    """Sets gains and steps by the weight of a bit.

    A ladder of steps gives bits and divergences from the unsplit answers. The
    negative slope between two of them is the weight of a bit for which the
    step between is the best one. This gives the steps of the two ends of the
    unit's `rate_weights`.

    Args:
        features: float32 `(images, H, W, C)`.
        answers: The unsplit network's logits, `(images, classes)`.

    Returns:
        The ladder: `(step, bits, divergence)` of each step.
    """
    unit = model.unit
    ladder = steps_to_try(form.deviations)
    base = np.log(form.scale)

    @graphs.function
    def measure(feature, wanted):
        zeros = tf.zeros(tf.shape(feature)[:1])
        codes = unit.encode(feature, zeros)
        restored = unit.decode(codes, zeros)
        logits = model.answer(restored, zeros)
        loss = imitation_loss(wanted, logits, temperature, task)
        return codes["codes"], loss

    bits, losses = [], []
    for step in ladder:
        unit.log_gain.assign(base - np.log(step))
        unit.log_step.assign(np.log(step) - base)
        found = [
            measure(feature, wanted)
            for feature, wanted in batches(features, answers)
        ]
        bits.append(_entropy(np.concatenate([c for c, _ in found])))
        losses.append(np.mean(np.concatenate([loss for _, loss in found])))
    ends = unit.rate_weight(tf.constant([-1.0, 1.0])).numpy()
    fine, coarse = log_steps(ladder, bits, losses, ends)
    middle, slope = (fine + coarse) / 2, (coarse - fine) / 2
    unit.log_gain.assign(base - middle)
    unit.log_step.assign(middle - base)
    unit.gain_slope.assign(np.full(len(base), -slope, np.float32))
    unit.step_slope.assign(np.full(len(base), slope, np.float32))
    return list(zip(ladder, bits, losses))


def steps_to_try(deviations):
    """Returns the ladder of steps for coefficients of these deviations."""
    likely = np.sort(deviations)[::-1]
    # From all coefficients nonzero to almost none.
    finest = likely[min(len(likely) // 2, 400)] / 2
    finest = max(finest, likely[0] / _MOST_LEVELS)
    coarsest = max(likely[min(8, len(likely) - 1)], 4 * finest)
    return np.geomspace(finest, coarsest, _LADDER_STEPS)


def log_steps(ladder, bits, losses, rate_weights):
    """Returns log steps `(fine, coarse)` for two rising weights of a bit.

    The slopes of the lower convex hull of divergence over bits are the weights
    of a bit at the middles of its edges. Between them log(step) is linear in
    log(weight); beyond them the divergence is taken to be quadratic in the
    step, up to the ladder's coarse end and to e times finer than its fine end.
    The ladder's ends are returned if the answer hardly depends on the feature,
    or if both weights are beyond one end.

    Args:
        ladder: Rising steps.
        bits, losses: Those of an image at each step.
    """
    first, last = np.log([ladder[0], ladder[-1]])
    hull = []
    for at in range(len(ladder)):
        # By noise a coarser step may take more bits, or be better.
        if hull and bits[at] >= bits[hull[-1]]:
            continue
        while hull and losses[at] <= losses[hull[-1]]:
            hull.pop()
        while len(hull) > 1 and (
            _slope(bits, losses, *hull[-2:])
            >= _slope(bits, losses, hull[-1], at)
        ):
            hull.pop()
        hull.append(at)
    if len(hull) < 3:
        return first, last
    edges = list(itertools.pairwise(hull))
    known = np.log([_slope(bits, losses, *edge) for edge in edges])
    steps = [np.log(ladder[i] * ladder[j]) / 2 for i, j in edges]
    wanted = np.log(rate_weights)
    beyond = wanted - np.clip(wanted, known[0], known[-1])
    fine, coarse = np.interp(wanted, known, steps) + beyond / 2
    fine, coarse = max(fine, first - 1), min(coarse, last)
    return (fine, coarse) if fine < coarse else (first, last)


def _slope(bits, losses, i, j):
    return (losses[j] - losses[i]) / (bits[i] - bits[j])


def divergence_of(model, features, answers, temperature, task):
    """Returns a function of t: the mean divergence from the unsplit answers.

    Arguments as in `fit_steps`.
    """
    unit = model.unit

    @graphs.function(reduce_retracing=True)
    def measure(feature, wanted, t):
        restored = unit.decode(unit.encode(feature, t), t)
        logits = model.answer(restored, t)
        return imitation_loss(wanted, logits, temperature, task)

    def divergence(t):
        losses = [
            measure(feature, wanted, tf.fill((len(feature),), t))
            for feature, wanted in batches(features, answers)
        ]
        return float(np.mean(np.concatenate(losses)))

    return divergence


def fit_synthesis(model, features, divergence):
    """Sets the server's convolutions by least squares, of reduced rank.

    They make up for the coefficients that aren't kept. Fitted at the finest
    point: with coarser codes, features would become smaller. Where patches keep
    all channels there is an exact inverse, which stays if answers diverge less
    with it: least squares also shrink what they can't restore.
    """
    unit, patch = model.unit, model.unit.synthesis.patch
    targets = tf.nn.space_to_depth(features, patch) if patch > 1 else features
    point = tf.fill((len(features),), -1.0)
    codes = unit.encode(features, point)["codes"]
    z = unit.synthesis.patches(codes * tf.exp(unit.log_step - unit.step_slope))
    deviation = tf.math.reduce_std(z, axis=[0, 1, 2])
    unit.patch_deviation.assign(tf.maximum(deviation, 1e-6))
    rank = unit.synthesis.neighbours.filters
    fitted = reduced_rank(z, targets, rank)
    layers = unit.synthesis.neighbours, unit.synthesis.pixels
    weights = [weight for layer in layers for weight in layer.weights]
    inverse = [weight.numpy() for weight in weights]
    is_exact = unit.synthesis.channels == targets.shape[-1]
    before = divergence(-1.0) if is_exact else math.inf
    for weight, value in zip(weights, fitted, strict=True):
        weight.assign(value)
    if is_exact and divergence(-1.0) > before:
        for weight, value in zip(weights, inverse, strict=True):
            weight.assign(value)


def fit_energy(unit, divergence):
    """Compensates for the energy that the unit leaves out.

    The normalisations of a frozen tail expect all of it. At both ends of the
    curve, decoded coefficients get the factor of `_ENERGIES` whose answers
    diverge least, if these fall and then rise; between the ends it is
    log-linear in t. `divergence` is of `divergence_of`. Returns the two
    factors.
    """
    level, slope = unit.log_step.numpy(), unit.step_slope.numpy()

    def with_factor(t, factor):
        unit.log_step.assign(level + np.log(factor))
        return divergence(t)

    found = [
        _lowest(_ENERGIES, functools.partial(with_factor, t))
        for t in (-1.0, 1.0)
    ]
    fine, coarse = np.log(found)
    unit.log_step.assign(level + (fine + coarse) / 2)
    unit.step_slope.assign(slope + (coarse - fine) / 2)
    return tuple(found)


def _lowest(values, loss):
    """Returns the value of the least loss, if losses fall and then rise."""
    low, high = 0, len(values) - 1
    known = functools.cache(lambda i: loss(values[i]))
    while low < high:
        middle = (low + high) // 2
        if known(middle) <= known(middle + 1):
            high = middle
        else:
            low = middle + 1
    return values[low]


def _entropy(codes):
    """Returns bits per image by each coefficient's own frequencies."""
    total = 0.0
    for column in codes.T:
        _, counts = np.unique(column, return_counts=True)
        total -= np.sum(counts * np.log2(counts / len(column)))
    return total / len(codes)
