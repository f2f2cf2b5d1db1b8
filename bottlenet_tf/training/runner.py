"""A complete run: data, network, training, measurement, report."""

import dataclasses
import pathlib

import keras

from bottlenet_tf import backbones, data, evaluation
from bottlenet_tf.codec import create_codec
from bottlenet_tf.common import in_use
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.run_folders import (
    CONFIG_FILE,
    MODEL_FILE,
    REPORT_FILE,
    UNTOUCHED_FILE,
)
from bottlenet_tf.models.precision import dtype_policy
from bottlenet_tf.training import continued, provenance, rivals
from bottlenet_tf.training.chance import check_above_chance
from bottlenet_tf.training.distribution import build_strategy
from bottlenet_tf.training.freeze_unit import (
    choose_default_point,
    freeze,
    with_unit_config,
)
from bottlenet_tf.training.loop import Loop
from bottlenet_tf.training.measure import measure
from bottlenet_tf.training.network import (
    build_network,
    match_feature,
    with_labels_for,
)
from bottlenet_tf.training.norms import estimate_statistics
from bottlenet_tf.training.unit_start import start_unit

_CHOOSING_IMAGES = 2000  # Training images, if there are no validation images.


def run(config, check=None):
    """Trains, measures and reports one `TrainConfig`.

    Resumes from the work directory's newest checkpoint. A finished run is only
    trained again for more epochs; otherwise its report is shown. The saved and
    measured network computes in float32.

    Args:
        check: Optional function, called with the `Network` in float32 before
            a new run begins.

    Returns:
        The report, as written to `report.json`; None on workers other than
        the chief, which writes it.
    """
    if config.strategy == "multiworker":  # They share it.
        return _run(config, check)
    with in_use.alone(config.workdir):
        return _run(config, check)


def _run(config, check):
    workdir = pathlib.Path(config.workdir)
    earlier = continued.earlier(workdir, config)
    if continued.is_finished(workdir, config, earlier):
        return _show_finished(workdir, config)
    _check_names(config)
    strategy = build_strategy(config.strategy, config.batch_size)
    keras.utils.set_random_seed(config.seed)
    dataset = load_data(config)
    _check_validation(config, dataset)
    stands_on = provenance.of(config, dataset)
    if earlier is not None:
        provenance.check_resumed(workdir, stands_on)
    for flag in provenance.FILES:
        provenance.check_source(flag, config, stands_on)
    start, first_step = continued.start(workdir, config)
    with strategy.scope(), dtype_policy(config.precision):
        network = build_network(start, dataset.image_size, dataset.num_classes)
    dataset = with_labels_for(network.output, dataset, config)
    _describe(config, dataset, network)
    if earlier is None:
        check_above_chance(config, network, dataset)
        if check is not None:
            check(network.as_deployed())
    if start.init_from is None:
        _start_unit(config, network, dataset)
    picture = None
    if config.has_unit and config.unit.kind == "bottlenet":
        model = network.model
        images = next(iter(dataset.development.batches(4)))[0].numpy()

        def picture():
            return evaluation.plane_mosaic(model, images)[None]

    loop = Loop(config, network, dataset, strategy, picture, first_step)
    # Only now: a run that could not start leaves nothing to resume.
    if loop.is_chief:
        continued.begin(workdir, first_step)
        provenance.write(workdir, stands_on)
        write_json(workdir / CONFIG_FILE, dataclasses.asdict(config))
    spent = loop.run()
    if not loop.is_chief:
        return None
    network = network.as_deployed()
    if config.norm_batches:
        _estimate_norms(config, network.model, dataset, loop.stepper.receive)
        spent["norm_examples"] = config.norm_batches * config.batch_size
    validated = None
    if config.has_unit and config.unit.kind != "bottlenet":
        network, validated = _frozen(config, network, dataset)
    spent["steps_per_epoch"] = loop.steps_per_epoch
    spent["examples_in_all"] = spent["examples"] + _examples_before(config)
    is_kept = config.measure_on == "test" or config.unit.kind == "learned"
    if network.untouched is not None and is_kept:
        # Exports and profiles need it; its source may have changed by then.
        _save(network.untouched, workdir / UNTOUCHED_FILE)
    _save(network.model, workdir / MODEL_FILE)
    provenance.write(workdir, stands_on, workdir / MODEL_FILE)
    report = measure(config, network, dataset, spent, validated)
    if not config.keep_checkpoints:
        continued.clear(workdir)
    if rivals.are_missing(config, report):
        rivals.add(config, report, stands_on, run)
    return report


def _start_unit(config, network, dataset):
    """Initializes a unit from its network's features, if needed."""
    if config.has_unit and config.unit.kind == "learned":
        start_unit(network.model, dataset, config)
    elif config.mode == "frozen":
        match_feature(network.model, dataset, config.batch_size)


def _frozen(config, network, dataset):
    """Returns the `Network` with tables and a default operating point.

    Also the `Curve` of the validation images by which it was chosen, or None.
    """
    if config.unit.kind == "datta":  # It has one point.
        model = freeze(network.model, dataset, config.unit.tables)
        return network._replace(model=model), None
    model = freeze(network.model, dataset)
    part = dataset.validation or dataset.development.limit(_CHOOSING_IMAGES)
    accuracy = 0.0
    if network.untouched is not None:
        accuracy = evaluation.network_accuracy(network.untouched, part)
    curve = evaluation.evaluate_split(model, part)
    default = choose_default_point(curve, accuracy, config.byte_budget)
    model = with_unit_config(model, default_point=default)
    curve = dataclasses.replace(curve, default_point=default)
    return network._replace(model=model), curve if dataset.validation else None


def _show_finished(workdir, config):
    """Shows the report of a finished run, if data and files are unchanged."""
    stands_on = provenance.read(workdir)
    now = stands_on
    if _is_gone(config.data.dataset):
        print(f"{config.data.dataset} is gone, and was not compared.")
    else:
        now = provenance.of(config, load_data(config))
    files = provenance.files_of(config)
    # A missing file proves nothing; a different one does.
    now = dataclasses.replace(now, files={**stands_on.files, **files})
    provenance.check_resumed(workdir, now)
    report = evaluation.load_report(workdir)
    if rivals.are_missing(config, report):
        print(f"{workdir} is trained; its rivals are not.")
        return rivals.add(config, report, stands_on, run)
    print(f"{workdir} is finished:\n")
    print(evaluation.markdown_table([report]))
    return report


def _check_validation(config, dataset):
    """Refuses to choose an epoch or rival without validation images."""
    chooses = (
        config.keep == "best"
        or config.early_stopping is not None
        or config.measure_on == "validation"
        or config.tuned_rivals
    )
    if chooses and not dataset.validation:
        raise ValueError(
            "--keep=best, --early_stopping, --measure_on=validation and "
            "--tuned_rivals need validation images, and a class with one "
            f"training image can't give one up. Received: {dataset.num_train} "
            f"training images of {dataset.num_classes} classes, "
            f"validation_fraction={config.data.validation_fraction}"
        )


def _is_gone(dataset):
    """Whether a data set is a folder that doesn't exist."""
    path = pathlib.Path(dataset).expanduser()
    is_path = path.is_absolute() or dataset.startswith((".", "~"))
    return (is_path or "/" in dataset) and not path.exists()


def _examples_before(config):
    """Returns how many training images the runs behind --init_from saw."""
    if config.init_from is None:
        return 0
    folder = pathlib.Path(config.init_from)
    folder = folder.parent if folder.is_file() else folder
    if not (folder / REPORT_FILE).is_file():
        return 0  # Only a model file.
    return evaluation.load_report(folder)["training"]["examples_in_all"]


def load_data(config):
    """Opens the data set of a `TrainConfig`."""
    fields = dataclasses.asdict(config.data)
    return data.load(fields.pop("dataset"), seed=config.seed, **fields)


def _estimate_norms(config, model, dataset, receive):
    batches = dataset.train_batches(
        config.batch_size,
        epoch=config.first_epoch + config.epochs,
        augment=False,
    )
    few = batches.take(config.norm_batches).map(
        lambda images, labels: (receive(images), labels)
    )
    estimate_statistics(model, dataset.train.guard(few))


def _check_names(config):
    """Refuses unknown names and missing files before data is read."""
    if config.unit.kind == "bottlenet":
        create_codec(config.unit.codec, **config.unit.codec_config())
    for codec in filter(None, (config.image_codec, *config.tuned_rivals)):
        evaluation.usable_codec(codec)
    for name in filter(None, (config.backbone, config.teacher_backbone)):
        backbones.check_name(name)
    for flag in ("backbone_weights", "init_from", "teacher_weights"):
        path = getattr(config, flag)
        if path not in (None, "imagenet") and not pathlib.Path(path).exists():
            raise ValueError(
                f"--{flag} must name a file or folder that exists. "
                f"Received: {flag}={path!r}"
            )


def _describe(config, dataset, network):
    classes = len(config.data.class_indices) or dataset.num_classes
    classes -= len(dataset.unseen_classes)
    print(
        f"{dataset.name}: {dataset.num_train:,} training, "
        f"{len(dataset.validation):,} validation and {dataset.num_test:,} "
        f"test images of {classes} classes, {dataset.image_size} px."
    )
    if dataset.task.output == "sigmoid":
        print(
            "Each output is decided separately, for any number of labels per "
            "image (sigmoid); an image is right with exactly its labels."
        )
    if dataset.unseen:
        print(
            f"Also {len(dataset.unseen):,} test images of "
            f"{len(dataset.unseen_classes)} unseen classes."
        )
    if config.data.class_indices:
        print(f"They are among the network's {dataset.num_classes:,} outputs.")
    for flag in provenance.FILES:
        if flag != "init_from" and provenance.is_unknown(flag, config):
            print(
                f"The training images of --{flag} aren't recorded; if "
                "validation images were among them, accuracies are too high."
            )
    if dataset.skipped:
        print(f"Left out {len(dataset.skipped)} corrupt images.")
    if network.split_point is None:
        print(f"{config.backbone}, without a unit.")
        return
    point, unit = network.split_point, network.model.unit
    codes = "x".join(map(str, unit.code_shape))
    codec = unit.byte_codec.name if unit.byte_codec else "entropy coding"
    print(
        f"{config.backbone} cut after {point.name} ({point.layer}, "
        f"{'x'.join(map(str, point.shape))}): {codes} codes by "
        f"{codec}; the device computes "
        f"{100 * network.model.device_mac_share():.1f} % of the network's "
        "multiply-accumulates.",
        flush=True,
    )


def _save(model, path):
    temporary = path.with_name(f"tmp_{path.name}")
    model.save(temporary)
    temporary.replace(path)
