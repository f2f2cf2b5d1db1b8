"""Fits a trained unit to photos: its tables, or its transform as well.

The patches' projection is kept, since the server's convolutions read patches in
that basis; so are the convolutions.
"""

import math

import numpy as np
import tensorflow as tf

from bottlenet_tf.adaptation.measure import measure, takes_fewer_bytes
from bottlenet_tf.common import graphs
from bottlenet_tf.common.validation import check
from bottlenet_tf.data import photos
from bottlenet_tf.training import closed_form, statistics
from bottlenet_tf.training.freeze_unit import (
    PRIOR_WEIGHT,
    freeze,
    with_unit_config,
)
from bottlenet_tf.training.unit_start import (
    divergence_of,
    fit_energy,
    fit_steps,
    fitted_images,
)

# The learned prior's weight in images: fewer images know less than it does.
LEAST_PHOTOS = math.ceil(PRIOR_WEIGHT)
# Share of the photos for fitting that "auto" chooses by.
CHOOSING_SHARE = 0.25
# In a pack: in int8, deflated, a weight takes about 0.8 bytes.
MOST_WEIGHTS = 1_250_000
_SIZES = ("coefficients", "mixed", "mixed_to", "shared")
_SAME = 1e-6  # Most standard deviations by which a constant channel varies.


class Refit:
    """Fits a unit to photos; see `kind` and `model`.

    Args:
        base: `BottleNet` with a trained `LearnedUnit`; not changed.
        unsplit: As `measure.answers` returns it.
    """

    def __init__(self, base, unsplit, run, config):
        self._base, self._unsplit = base, unsplit
        self._run, self._config = run, config
        self._mixed_to = base.unit.get_config()["mixed_to"]

    def check_possible(self, dataset):
        """Raises ValueError if a pack is too small or photos are too few."""
        changed = 0
        if self._config.steps:
            changed = self._base.unit.count_params()
        elif self._config.refit == "transform":
            changed = self._transform_weights()
        check(
            changed <= MOST_WEIGHTS,
            f"A pack has at most {MOST_WEIGHTS:,} of a unit's weights, and "
            "more would change. Use --refit=tables without --steps.",
            weights=changed,
        )
        least = LEAST_PHOTOS
        remedy = "Give more."
        if self._config.refit == "transform":
            least = self._least_for_transform()
            remedy = (
                "Coefficients differ by their variation among photos. Give "
                "more, or --refit=tables."
            )
        share = self._config.held_out
        check(
            dataset.num_train >= least,
            f"--refit={self._config.refit} needs {least} photos besides those "
            f"held out, {photos_needed(least, share)} in all with "
            f"--held_out={share}. {remedy}",
            images=self._config.images,
            photos=dataset.num_train + len(dataset.validation),
        )

    def kind(self, dataset):
        """Returns "tables" or "transform", as configured or the better one.

        Chooses by some of the photos for fitting; those held out for measuring
        are not read.
        """
        if self._config.refit != "auto":
            return self._config.refit
        if self._transform_weights() > MOST_WEIGHTS:
            print("The transform is kept: a new one is too large for a pack.")
            return "tables"
        examples, seed = dataset.train.examples, self._config.seed
        inner = photos.divide(examples, dataset, CHOOSING_SHARE, seed)
        least = self._least_for_transform()
        if inner.num_train < least:
            needed = photos_needed(
                photos_needed(least, CHOOSING_SHARE), self._config.held_out
            )
            print(
                f"The transform is kept: a new one needs {needed} photos to be "
                "fitted and compared."
            )
            return "tables"
        curves = {}
        for kind in ("tables", "transform"):
            frozen = freeze(self.model(kind, inner), inner)
            curves[kind] = measure(
                frozen,
                self._unsplit,
                inner.validation,
                self._run.temperature,
                self._config.batch_size,
                f"new {kind}",
            )
        if takes_fewer_bytes(curves["transform"], curves["tables"]):
            print("A new transform takes fewer bytes at equal divergence.")
            return "transform"
        print("The transform is kept: a new one doesn't take fewer bytes.")
        return "tables"

    def model(self, kind, dataset):
        """Returns the network with a copy of its unit, without tables.

        With a new transform if `kind` is "transform".
        """
        model = with_unit_config(self._base, tables=None)
        if kind == "transform":
            self._solve(model, dataset)
        return model

    def _solve(self, model, dataset):
        unit, seed = model.unit, self._config.seed
        count = max(self._run.unit.statistics_images, self._mixed_to)
        count = min(count, dataset.num_train)
        z, g = statistics.of_patches(model, dataset, count, seed)
        sizes = unit.get_config()
        form = closed_form.solve(None, z, g, **{n: sizes[n] for n in _SIZES})
        closed_form.assign_grid(unit, form)
        few, _ = fitted_images(model, count)
        features, logits = self._answered(model, dataset.train.limit(few))
        fitted = features, logits, self._run.temperature, dataset.task
        fit_steps(model, form, *fitted)
        fit_energy(unit, divergence_of(model, *fitted))

    def _answered(self, model, part):
        """Returns a part's features and the unsplit network's logits."""
        compute = graphs.function(model.features, reduce_retracing=True)
        found = [
            (tf.cast(compute(images), tf.float32), self._unsplit(images))
            for images, _ in part.guard(part.batches(self._config.batch_size))
        ]
        return tuple(tf.concat(each, 0) for each in zip(*found, strict=True))

    def _transform_weights(self):
        """Returns the number of weights that a new transform changes."""
        unit = self._base.unit
        weights = [*unit.analysis.weights, *unit.synthesis.grid_variables]
        stay = {id(w) for w in unit.analysis.projection.weights}
        return sum(math.prod(w.shape) for w in weights if id(w) not in stay)

    def _least_for_transform(self):
        return max(LEAST_PHOTOS, self._mixed_to)


def photos_needed(least, share):
    """Returns the number of photos that leaves `least` without a share."""
    count = least + 1
    while count - min(max(round(share * count), 1), count - 1) < least:
        count += 1
    return count


def check_features(model, dataset, batch_size):
    """Reads all photos before the work starts."""

    @graphs.function(reduce_retracing=True)
    def compute(images):
        feature = tf.cast(model.features(images), tf.float32)
        finite = tf.reduce_all(tf.math.is_finite(feature), axis=[1, 2, 3])
        return finite, model.unit.patches(feature)

    low, high = np.inf, -np.inf
    for part in (dataset.train, dataset.validation):
        names = iter(part.examples.identities)
        for images, _ in part.guard(part.batches(batch_size)):
            finite, z = (each.numpy() for each in compute(images))
            for name, is_finite in zip(names, finite):
                check(
                    is_finite,
                    "The features of a photo must be finite; a single one that "
                    "isn't would spoil the statistics. Check the network.",
                    photo=name,
                )
            if part is dataset.train:
                low = np.minimum(low, z.min(0))
                high = np.maximum(high, z.max(0))
    spread = (high - low).max((0, 1)) / model.unit.patch_deviation.numpy()
    constant = np.flatnonzero(spread <= _SAME).tolist()
    check(
        not constant,
        "Every channel of the patches must vary among the photos, or nothing "
        "can be learned about it; are they copies of one, or blank?",
        constant_channels=constant[:10],
        channels=len(spread),
    )
