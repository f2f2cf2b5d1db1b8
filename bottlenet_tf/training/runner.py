"""A whole run: data, network, training, measurement, report."""

import dataclasses
import pathlib

import keras

from bottlenet_tf import backbones, data, evaluation
from bottlenet_tf.codec import create_codec
from bottlenet_tf.config import TrainConfig
from bottlenet_tf.json_file import write_json
from bottlenet_tf.run_folders import CONFIG_FILE, MODEL_FILE, UNTOUCHED_FILE
from bottlenet_tf.training.distribution import build_strategy
from bottlenet_tf.training.loop import Loop
from bottlenet_tf.training.measure import measure
from bottlenet_tf.training.network import build_network, match_feature
from bottlenet_tf.training.norms import estimate_statistics

# Fields that may differ when a run is resumed: they change no result.
_FREE_FIELDS = ("workdir", "checkpoint_minutes")


def run(config):
    """Trains, measures and reports one `TrainConfig`.

    Resumes from the work directory's newest checkpoint. A finished run is
    not trained again: its report is shown and returned.

    Args:
        config: `TrainConfig`.

    Returns:
        The report, a dictionary, as written to `report.json`; None on
        workers other than the chief, which writes it.

    Raises:
        ValueError: for a configuration that doesn't fit the data or the
            network, or a work directory of another run.
        loop.TrainingDiverged: if the loss is no number.
    """
    workdir = pathlib.Path(config.workdir)
    _check_unclaimed(workdir, config)
    if (workdir / "report.json").is_file():
        report = evaluation.load_report(workdir)
        print(f"{workdir} is finished:\n")
        print(evaluation.markdown_table([report]))
        return report
    _check_names(config)
    strategy = build_strategy(config.strategy, config.batch_size)
    keras.utils.set_random_seed(config.seed)
    keras.mixed_precision.set_global_policy(config.precision)
    dataset = load_data(config)
    with strategy.scope():
        network = build_network(config, dataset.image_size, dataset.num_classes)
    if config.mode == "frozen" and config.init_from is None:
        match_feature(network.model, dataset, config.batch_size)
    _describe(config, dataset, network)
    picture = None
    if config.mode != "baseline":
        images = next(iter(dataset.test_batches(4)))[0].numpy()
        picture = _Picture(network.model, images)
    loop = Loop(config, network, dataset, strategy, picture)
    # Only now: a run that could not even start leaves nothing to resume.
    write_json(workdir / CONFIG_FILE, dataclasses.asdict(config))
    spent = loop.run()
    if config.norm_batches:
        _estimate_norms(config, network.model, dataset)
        spent["norm_examples"] = config.norm_batches * config.batch_size
    if not loop.is_chief:
        return None
    if network.untouched is not None:
        # An export needs it, and its source may have changed by then.
        _save(network.untouched, workdir / UNTOUCHED_FILE)
    _save(network.model, workdir / MODEL_FILE)
    return measure(config, network, dataset, spent)


def load_data(config):
    """Opens the data set of a `TrainConfig`."""
    d = config.data
    return data.load(
        d.dataset,
        image_size=d.image_size,
        resize=d.resize,
        data_dir=d.data_dir,
        manual_dir=d.manual_dir,
        seed=config.seed,
        augmentation=d.augmentation,
        flip=d.flip,
        skip_corrupt=d.skip_corrupt,
        test_fraction=d.test_fraction,
        max_train=d.max_train,
        max_test=d.max_test,
    )


def _estimate_norms(config, model, dataset):
    batches = dataset.train_batches(
        config.batch_size,
        epoch=config.first_epoch + config.epochs,
        augment=False,
    )
    estimate_statistics(model, dataset.guard(batches.take(config.norm_batches)))


class _Picture:
    """Makes the TensorBoard picture: images, planes, decoded planes."""

    def __init__(self, model, images):
        self.model, self.images = model, images

    def __call__(self):
        return evaluation.plane_mosaic(self.model, self.images)[None]


def _check_unclaimed(workdir, config):
    """Raises ValueError if the work directory is another run's."""
    path = workdir / CONFIG_FILE
    if not path.is_file():
        return
    try:
        before = TrainConfig.from_json(path.read_text())
    except (ValueError, TypeError) as error:
        raise ValueError(
            "--workdir holds a run of another version, or a damaged "
            f"{CONFIG_FILE}: {error}. Use another folder. "
            f"Received: workdir={str(workdir)!r}"
        ) from error
    differing = [
        f"{name}: {getattr(before, name)} there, {getattr(config, name)} here"
        for name in TrainConfig.__dataclass_fields__
        if name not in _FREE_FIELDS
        and getattr(before, name) != getattr(config, name)
    ]
    if differing:
        raise ValueError(
            "--workdir holds a run with other flags, and a run is resumed "
            "with the flags it began with. Use another folder. "
            f"Received: workdir={str(workdir)!r}, {'; '.join(differing)}"
        )


def _check_names(config):
    """Refuses what no data set could make right, before any is read."""
    create_codec(config.unit.codec, **config.unit.codec_config())
    backbones.check_name(config.backbone)
    for flag in ("backbone_weights", "init_from"):
        path = getattr(config, flag)
        if path not in (None, "imagenet") and not pathlib.Path(path).exists():
            raise ValueError(
                f"--{flag} must name a file or folder that exists. "
                f"Received: {flag}={path!r}"
            )


def _describe(config, dataset, network):
    print(
        f"{dataset.name}: {dataset.num_train} training and "
        f"{dataset.num_test} test images of {dataset.num_classes} classes, "
        f"{dataset.image_size} px."
    )
    if dataset.skipped:
        print(f"Left out {len(dataset.skipped)} corrupt images.")
    if network.split_point is None:
        print(f"{config.backbone}, without unit.")
        return
    point, unit = network.split_point, network.model.unit
    height, width, channels = unit.code_shape
    print(
        f"{config.backbone} cut after {point.name} ({point.layer}, "
        f"{'x'.join(map(str, point.shape))}): {height}x{width}x{channels} "
        f"codes by {unit.byte_codec.name}; the device computes "
        f"{100 * network.model.device_mac_share():.1f} % of the network's "
        "multiply-accumulates.",
        flush=True,
    )


def _save(model, path):
    temporary = path.with_name(f"tmp_{path.name}")
    model.save(temporary)
    temporary.replace(path)
