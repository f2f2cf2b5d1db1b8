"""Networks, runs and a deployment small enough to make in seconds.

TensorFlow is imported by fixtures alone: the process that hands the tests to
workers imports this file, too, and needs none.
"""

import dataclasses
import os

import pytest

from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.config.run import (
    DataConfig,
    LearnedUnitConfig,
    TrainConfig,
    UnitConfig,
)

# As the programs do it, see `cli.surroundings.prepare`: left alone,
# TensorFlow decides by the processor, and tests would mean something else on
# each. The workers, and TensorFlow, which reads it once, come later.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# What takes longest begins first, so that no worker is left with it at the end.
_LONGEST = (
    "learned runs",
    "deployments",
    "test_runner.py",
    "test_provenance.py",
    "test_learned_deployment.py",
    "test_onednn.py",
    "test_parts.py",
    "test_adaptation.py",
    "test_other_images.py",
    "test_search_over_curves.py",
    "test_resuming.py",
    "test_payload_parser.py",
    "test_rivals.py",
    "test_entropy_code.py",
)


# Made once a process, so that those who need them go to one worker.
_SHARED = {
    "deployments": {"sweep", "both"},
    "learned runs": {"finished_learned", "finished_tail"},
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A file's tests go to one worker, and so do those that share a run."""
    for item in items:
        group = item.path.name
        for name, fixtures in _SHARED.items():
            if fixtures & set(item.fixturenames):
                group = name
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_place)


def _place(item):
    group = item.get_closest_marker("xdist_group").args[0]
    return _LONGEST.index(group) if group in _LONGEST else len(_LONGEST)


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory):
    """Path of a two-layer network, 16x16 feature of 4 channels at "cut"."""
    import keras

    layers = keras.layers
    image = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, 2, padding="same", name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="cut")(x)
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(10, name="logits")(x)
    path = tmp_path_factory.mktemp("backbone") / "tiny.keras"
    keras.Model(image, logits, name="tiny").save(path)
    return str(path)


@pytest.fixture(scope="session")
def sure_backbone(tmp_path_factory):
    """Path of a network that is sure of its answers, trained or not.

    16x16 feature of 4 channels at "cut"; the answer depends on where things
    are.
    """
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, 2, padding="same", name="conv")(x)
    x = layers.ReLU(name="cut")(x)
    x = layers.Conv2D(6, 3, 2, padding="same", name="second")(x)
    x = layers.Flatten()(layers.ReLU()(x))
    spread = keras.initializers.RandomNormal(stddev=2.0)
    logits = layers.Dense(10, kernel_initializer=spread, name="logits")(x)
    path = tmp_path_factory.mktemp("backbone") / "sure.keras"
    keras.Model(image, logits, name="sure").save(path)
    return str(path)


@pytest.fixture(scope="session")
def noisy_backbone(tmp_path_factory):
    """Path of a network that draws random numbers before and after "cut".

    By dropout, stochastic depth, noise and augmentation; in layers of its own,
    in a nested model and in one called with `training=True`.
    """
    import keras

    layers = keras.layers

    def noisy(x, name):
        x = layers.Dropout(0.5, name=f"{name}_drop")(x)
        x = layers.SpatialDropout2D(0.3, name=f"{name}_spatial")(x)
        x = layers.GaussianNoise(0.5, name=f"{name}_noise")(x)
        branch = layers.Conv2D(4, 1, name=f"{name}_branch")(x)
        branch = layers.BatchNormalization(name=f"{name}_norm")(branch)
        # As EfficientNet drops whole branches of an image.
        drop = layers.Dropout(
            0.5, noise_shape=(None, 1, 1, 1), name=f"{name}_depth"
        )
        x = layers.Add(name=f"{name}_add")([x, drop(branch)])
        nested = [
            layers.Dropout(0.5, name=f"{name}_inner"),
            layers.BatchNormalization(name=f"{name}_inner_norm"),
        ]
        x = keras.Sequential(nested, name=f"{name}_nested")(x)
        return layers.Dropout(0.5, name=f"{name}_fixed")(x, training=True)

    image = keras.Input((32, 32, 3))
    x = layers.RandomFlip(name="flip")(image)
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(4, 3, 2, padding="same", name="conv")(x)
    x = layers.ReLU(name="cut")(noisy(x, "before"))
    x = layers.GlobalAveragePooling2D()(noisy(x, "after"))
    logits = layers.Dense(10, name="logits")(x)
    path = tmp_path_factory.mktemp("backbone") / "noisy.keras"
    keras.Model(image, logits, name="noisy").save(path)
    return str(path)


@pytest.fixture(scope="session")
def mixed_backbone(tmp_path_factory):
    """Path of a network that was built under a mixed-precision policy."""
    import keras

    from bottlenet_tf.models.precision import dtype_policy

    layers = keras.layers
    with dtype_policy("mixed_bfloat16"):
        image = keras.Input((32, 32, 3))
        x = layers.Conv2D(4, 3, 4, name="conv")(
            layers.Rescaling(1 / 255)(image)
        )
        x = layers.ReLU(name="cut")(layers.BatchNormalization(name="norm")(x))
        logits = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    path = tmp_path_factory.mktemp("backbone") / "mixed.keras"
    keras.Model(image, logits, name="mixed").save(path)
    return str(path)


@pytest.fixture(scope="session")
def tiny_run(tiny_backbone):
    """A run of 2 epochs with 3 steps each on 24 digits; has no folder yet."""
    return TrainConfig(
        backbone=tiny_backbone,
        split="cut",
        unit=UnitConfig(channels=2, quality=50),
        data=DataConfig(max_train=24, max_validation=16, max_test=16),
        epochs=2,
        batch_size=8,
        learning_rate=0.01,
        sweep_qualities=(10, 90),
    )


@pytest.fixture(scope="session")
def learned_run(sure_backbone):
    """A run with a learned unit, 3 steps on 96 digits; has no folder yet."""
    return TrainConfig(
        mode="frozen",
        backbone=sure_backbone,
        split="cut",
        unit=LearnedUnitConfig(
            patch=2,
            patch_channels=8,
            coefficients=96,
            mixed=60,
            mixed_to=40,
            synthesis_width=8,
            num_points=5,
        ),
        data=DataConfig(max_train=96, max_validation=24, max_test=24),
        epochs=1,
        batch_size=32,
        sweep_qualities=(10, 90),
    )


@pytest.fixture(scope="session")
def finished_learned(learned_run, tmp_path_factory):
    """Config and report of `learned_run`; its folder is not to be changed."""
    return _finished(learned_run, tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="session")
def finished_tail(learned_run, tmp_path_factory):
    """The same of a run that trained its tail, which is told the point."""
    config = dataclasses.replace(learned_run, mode="tail")
    return _finished(config, tmp_path_factory.mktemp("tail"))


def _finished(config, folder):
    from bottlenet_tf import training
    from tests.eager import eagerly

    config = dataclasses.replace(config, workdir=str(folder / "digits"))
    with eagerly():
        return config, training.run(config)


@pytest.fixture
def learned_config(learned_run, tmp_path):
    """`learned_run` in a folder of the test's own."""
    workdir = str(tmp_path / "runs" / "learned")
    return dataclasses.replace(learned_run, workdir=workdir)


@pytest.fixture
def tiny_config(tiny_run, tmp_path):
    """`tiny_run` in a folder of the test's own."""
    workdir = str(tmp_path / "runs" / "run")
    return dataclasses.replace(tiny_run, workdir=workdir)


@pytest.fixture(scope="session")
def replace():
    """`dataclasses.replace`, under a short name."""
    return dataclasses.replace


@pytest.fixture
def image_folder():
    """A function that writes a folder of class folders: (root, classes)."""
    import numpy as np
    from PIL import Image

    def write(root, classes=("apple", "pear"), count=20):
        for label, name in enumerate(classes):
            (root / name).mkdir(parents=True)
            for i in range(count):
                pixels = np.random.default_rng((label, i)).integers(
                    0, 256, (32, 32, 3), np.uint8
                )
                Image.fromarray(pixels).save(root / name / f"{i:02d}.png")
        return root

    return write


@pytest.fixture(scope="session")
def sweep(tiny_backbone, tmp_path_factory):
    """A folder of two finished runs, `range` and `learned`, of digits."""
    from bottlenet_tf import training
    from tests.eager import eagerly

    root = tmp_path_factory.mktemp("sweep")
    first = TrainConfig(
        workdir=str(root / "range"),
        backbone=tiny_backbone,
        split="cut",
        unit=UnitConfig(channels=2, quality=80),
        data=DataConfig(max_train=40, max_validation=40, max_test=40),
        epochs=1,
        batch_size=8,
        learning_rate=0.01,
        sweep_qualities=(10, 90),
    )
    second = dataclasses.replace(
        first,
        workdir=str(root / "learned"),
        unit=dataclasses.replace(first.unit, quantizer="learned"),
    )
    with eagerly():
        training.run(first)
        training.run(second)
    return root


@pytest.fixture(scope="session")
def both(sweep, tmp_path_factory):
    """The deployment folder of both finished runs."""
    from bottlenet_tf import export

    out = tmp_path_factory.mktemp("deploy") / "both"
    export.run(
        ExportConfig(
            workdir=(str(sweep),), out=str(out), parity_images=20, litert=()
        )
    )
    return out
