"""A Keras model cut in two, for the user's own `compile` and `fit`.

docs/python.md has a complete example.
"""

import dataclasses
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from bottlenet_tf import backbones, tasks, training
from bottlenet_tf.common.run_folders import MODEL_FILE
from bottlenet_tf.common.validation import check
from bottlenet_tf.config.data import DataConfig
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.config.unit import UNITS
from bottlenet_tf.models.bottlenet import BottleNet, build_bottlenet
from bottlenet_tf.training.freeze_unit import freeze
from bottlenet_tf.training.unit_start import start_unit

_BYTE_SCALE = 100.0  # As --rate_weight counts bytes.


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class SplitModel(BottleNet):
    """A `BottleNet` that Keras trains: uint8 or float images -> logits.

    loss = the compiled loss of the logits + rate

    The rate joins by `add_loss`; `bytes`, the mean image data per image, is one
    of the metrics. A learned unit sees each image at its own operating point,
    and the blocks around it run as deployed. The device's blocks are frozen
    unless `prefix.trainable` is set.

    Args:
        prefix, unit, suffix: As in `BottleNet`.
        layer: Layer after which the network is cut.
        settings: Settings of the unit, `{"kind": ..., ...}`; see `config.unit`.
        rate_weight: Loss of 100 bytes; a learned unit has its own weights.
    """

    def __init__(
        self, prefix, unit, suffix, layer, settings, rate_weight=0.05, **kwargs
    ):
        super().__init__(prefix, unit, suffix, **kwargs)
        self.about = {
            "layer": layer,
            "settings": dict(settings),
            "rate_weight": rate_weight,
        }
        self.bytes = keras.metrics.Mean(name="bytes")
        self.supports_jit = False  # Image codecs have no XLA form.

    def call(self, images, training=None, use_codec=True, point=None):
        is_learned, options = hasattr(self.unit, "rate_weight"), {}
        count = ops.shape(images)[0]
        if training and is_learned:
            if point is None:
                point = keras.random.uniform((count,), -1.0, 1.0)
            shape = (count, *self.unit.code_shape)
            options["noise"] = keras.random.uniform(shape, -0.5, 0.5)
        point = self._point(point, images)
        feature = self._before(images, training)
        restored, size, rate = self.unit.transmit(
            feature, point, training=training, use_codec=use_codec, **options
        )
        self.bytes.update_state(size)
        if training and is_learned:
            self.add_loss(ops.mean(self.unit.rate_weight(point) * rate))
        elif training:
            mean = ops.mean(rate)
            scale = size / ops.maximum(mean, 1e-6) / _BYTE_SCALE
            self.add_loss(
                self.about["rate_weight"] * ops.stop_gradient(scale) * mean
            )
        return self._after(restored, point, training and not is_learned)

    def fit_closed_form(self, images, seed=0):
        """Starts a learned unit from images alone, without labels or steps.

        Args:
            images: uint8 `(n, S, S, 3)`, raw RGB; a few thousand.
            seed: Seed of the projections of answers.

        Raises:
            ValueError: for another unit, or fewer images than are mixed.
        """
        check(
            hasattr(self.unit, "rate_weight"),
            "fit_closed_form is for unit='learned'; others start with compile "
            "and fit.",
            unit=type(self.unit).__name__,
        )
        found = _Images(images)
        config = TrainConfig(
            mode="frozen",
            backbone="network.keras",  # It is already here.
            unit=UNITS["learned"](statistics_images=len(found)),
            seed=seed,
        )
        start_unit(self, found, config)

    def freeze(self, images):
        """Returns a copy with integer tables, whose payloads are real bytes.

        Args:
            images: As for `fit_closed_form`; training images.

        Raises:
            ValueError: for a unit without tables.
        """
        check(
            hasattr(self.unit, "codes_at_points")
            and "tables" in self.unit.get_config(),
            "freeze is for units with tables, 'learned' and 'datta'.",
            unit=type(self.unit).__name__,
        )
        frozen = freeze(self, _Images(images))
        return SplitModel(
            frozen.prefix,
            frozen.unit,
            frozen.suffix,
            name=self.name,
            **self.about,
        )

    def save_run(self, workdir, network, dataset, **flags):
        """Measures this network as train.py does and writes a finished run.

        `bottlenet-export --workdir=WORKDIR` deploys it; a unit with tables is
        frozen first.

        Args:
            workdir: The run's folder; new.
            network: The original Keras model.
            dataset: As --dataset: a folder of class folders, or a name.
            **flags: Fields of `DataConfig` (`max_test=...`) and `TrainConfig`.

        Returns:
            The report, as in `report.json`.

        Raises:
            ValueError: if network, split and data don't match.
        """
        data = {f.name for f in dataclasses.fields(DataConfig)} & set(flags)
        data = {name: flags.pop(name) for name in data}
        data.setdefault("image_size", self.prefix.input_shape[1])
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder, "network.keras"))
            network.save(path)
            init_from = str(pathlib.Path(folder, MODEL_FILE))
            parts = self.prefix, self.unit, self.suffix
            BottleNet(*parts, name="bottlenet").save(init_from)
            settings = self.about["settings"]
            kind = settings["kind"]
            config = TrainConfig(
                workdir=str(workdir),
                mode="aware" if kind == "bottlenet" else "frozen",
                epochs=0,
                backbone=path,
                split=self.about["layer"],
                unit=UNITS[kind](**settings),
                data=DataConfig(dataset=str(dataset), **data),
                init_from=init_from,
                **{"batch_size": 1, **flags},  # Nothing is trained.
            )
            return training.run(config)

    def get_config(self):
        return {**super().get_config(), **self.about}


def split(model, layer, unit="learned", rate_weight=0.05, **settings):
    """Cuts a Keras classifier in two and inserts a unit.

    Args:
        model: Functional or `Sequential` classifier of square raw RGB images;
            a final softmax is left out. It isn't changed.
        layer: Layer after which it is cut.
        unit: "learned", "bottlenet" or "datta".
        rate_weight: Loss of 100 bytes, for the latter two.
        **settings: The unit's, by the names of train.py's unit settings.

    Returns:
        `SplitModel`: images -> logits. Compile it with a loss
        `from_logits=True`.

    Raises:
        ValueError: if the layer doesn't separate the network, or for a unit or
            settings that don't exist.
    """
    check(
        unit in UNITS,
        f"`unit` must be one of {', '.join(UNITS)}.",
        unit=unit,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder, "network.keras"))
        model.save(path)
        backbone = backbones.create(
            path,
            image_size=model.input_shape[1],
            num_classes=model.output_shape[-1],
        )
    check(
        backbone.output in ("softmax", "logits"),
        "split takes networks that end in logits or a softmax, one class per "
        "image; train.py takes others.",
        ends_in=backbone.output,
    )
    made = build_bottlenet(backbone, layer, UNITS[unit](**settings))
    made.prefix.trainable = False
    return SplitModel(
        made.prefix,
        made.unit,
        made.suffix,
        layer,
        {"kind": unit, **settings},
        rate_weight,
        name="bottlenet",
    )


class _Images:
    """An array of images with the interface of a training part."""

    task = tasks.ONE_CLASS

    def __init__(self, images):
        images = np.asarray(images)
        check(
            images.ndim == 4
            and images.dtype == np.uint8
            and images.shape[1] == images.shape[2]
            and images.shape[3] == 3,
            "`images` must be uint8 (n, S, S, 3), raw RGB.",
            shape=images.shape,
            dtype=str(images.dtype),
        )
        self._images = images
        self.image_size, self.num_train = images.shape[1], len(images)

    def __len__(self):
        return self.num_train

    @property
    def train(self):
        return self

    def limit(self, count):
        return _Images(self._images[:count])

    def guard(self, batches):
        return batches

    def batches(self, size):
        labels = np.zeros(len(self), np.int32)
        return tf.data.Dataset.from_tensor_slices((self._images, labels)).batch(
            size
        )

    def train_batches(self, size, epoch=0, augment=True):
        del epoch, augment
        return self.batches(size)
