"""Features of frozen blocks, computed once and then read from disk."""

import math
import pathlib
import shutil

import numpy as np

from bottlenet_tf.layers.quantizer import MAX_FLOAT16
from bottlenet_tf.training import logs
from bottlenet_tf.training.schedules import augmented_epochs

# With fewer augmented versions of each image, the time saved isn't worth the
# lack of variety.
LEAST_VERSIONS = 4
_CLEAN = "clean"


def open_cache(config, model, dataset, prepare):
    """Returns the `FeatureCache` of a run; None without disk space for one.

    `prepare` is `LearnedStepper.prepare`.
    """
    if not config.feature_cache_gb or config.strategy != "none":
        return None
    augmented = augmented_epochs(config)
    cache = FeatureCache(
        pathlib.Path(config.workdir) / "features",
        dataset,
        config,
        prepare,
        1e9 * config.feature_cache_gb,
        (augmented, config.epochs - augmented),
    )
    elements = math.prod(model.prefix.output_shape[1:])
    classes = model.suffix.output_shape[-1]
    # A row is a float16 feature, float32 answers and targets.
    return cache if cache.is_worthwhile(2 * elements + 8 * classes) else None


class FeatureCache:
    """Keeps several augmented versions of all training images' features.

    Epoch e trains on version e mod V, in its own order; epochs without
    augmentation share one more version. A version is computed completely before
    its first epoch, from this epoch's crops and blends, so that a resumed run
    trains on the same numbers. Features are float16.

    `prepare` is `(images, labels, step) -> (feature, answers, targets)`,
    `epochs` the numbers of augmented and of clean ones.
    """

    def __init__(self, folder, dataset, config, prepare, most_bytes, epochs):
        self._folder = pathlib.Path(folder)
        self._dataset = dataset
        self._config = config
        self._prepare = prepare
        self._most_bytes = most_bytes
        self._epochs = epochs
        self._steps = dataset.steps_per_epoch(config.batch_size)
        self._versions = None

    def is_worthwhile(self, row_bytes):
        """Whether enough versions fit, by the bytes of one image's row."""
        augmented, clean = self._epochs
        size = row_bytes * self._steps * self._config.batch_size
        fitting = int(self._most_bytes // size) - min(clean, 1)
        self._versions = min(fitting, augmented)
        return self._versions >= min(augmented, LEAST_VERSIONS)

    def batches(self, epoch, start):
        """Returns an iterator of an epoch's `(feature, answers, targets)`.

        It begins with batch `start`. A missing version is computed before this
        returns, not in the time of the epoch's steps.
        """
        version = _CLEAN
        if epoch < self._epochs[0]:
            version = epoch % self._versions
        names = ("answers", "targets", "features")
        paths = [self._folder / f"{version}_{name}.npy" for name in names]
        if not paths[-1].is_file():  # Renamed last.
            self._build(version, epoch, paths)
        return self._read(paths, epoch, start)

    def close(self):
        """Removes all versions."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self, paths, epoch, start):
        answers, targets, features = (np.load(p, mmap_mode="r") for p in paths)
        generator = np.random.default_rng((self._config.seed, epoch))
        order = generator.permutation(len(features))
        size = self._config.batch_size
        for i in range(start, self._steps):
            rows = np.sort(order[i * size : (i + 1) * size])
            yield (
                features[rows].astype(np.float32),
                answers[rows],
                targets[rows],
            )

    def _build(self, version, epoch, paths):
        """Computes one version; files get their names when complete."""
        self._folder.mkdir(parents=True, exist_ok=True)
        is_clean = version == _CLEAN
        first = self._epochs[0] if is_clean else version
        batches = self._dataset.train_batches(
            self._config.batch_size,
            epoch=self._config.first_epoch + first,
            augment=not is_clean,
        )
        temporary = [path.with_suffix(".tmp") for path in paths]
        size, files = self._config.batch_size, None
        name = f"features for epoch {epoch + 1}"
        with logs.progress_bar(self._steps, 0, name, True) as bar:
            guarded = self._dataset.train.guard(batches)
            for i, (images, labels) in enumerate(guarded):
                step = first * self._steps + i
                feature, answers, targets = self._prepare(images, labels, step)
                if not np.abs(feature).max() <= MAX_FLOAT16:  # Also NaN.
                    raise ValueError(
                        "Cached features must fit float16, at most "
                        f"{MAX_FLOAT16:.0f}: train with --feature_cache_gb=0. "
                        f"Received: largest={np.abs(feature).max()}"
                    )
                parts = (answers, targets, feature.astype(np.float16))
                if files is None:
                    files = [
                        np.lib.format.open_memmap(
                            path,
                            mode="w+",
                            dtype=part.dtype,
                            shape=(self._steps * size, *part.shape[1:]),
                        )
                        for path, part in zip(temporary, parts)
                    ]
                for file, part in zip(files, parts):
                    file[i * size : (i + 1) * size] = part
                bar.update()
        for file in files:
            file.flush()
        for path, final in zip(temporary, paths):
            path.replace(final)
