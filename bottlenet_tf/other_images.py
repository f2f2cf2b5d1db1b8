"""A finished run measured on other labelled images; nothing is trained."""

import dataclasses
import pathlib
import re

from bottlenet_tf import data, evaluation, tasks
from bottlenet_tf.backbones.split_points import describe_cuts
from bottlenet_tf.common.run_folders import CONFIG_FILE, REPORT_FILE, check_run
from bottlenet_tf.common.validation import check
from bottlenet_tf.config.evaluate import EVALUATIONS, EvaluateConfig
from bottlenet_tf.export.finished_run import load_config, load_split_network
from bottlenet_tf.export.unsplit import load_network, why_timing_only
from bottlenet_tf.training import load_model, provenance
from bottlenet_tf.training.measure import measure, part_to_evaluate
from bottlenet_tf.training.network import Network

_SHOWN, _MOST_INDICES = 5, 50


def run(config):
    """Measures a finished run on other images, and writes a report on them.

    The report has the form of the run's, with the run's `flags`; its
    `evaluation` identifies network and images. The run isn't changed.
    """
    check_run(config.workdir)
    sha256 = provenance.check_model(config.workdir, "RUN")
    trained, network = load_finished(config.workdir)
    dataset = _open(config, trained, network.model)
    out = pathlib.Path(config.out or _folder(config, dataset))
    measured = part_to_evaluate(dataset)
    about = {
        "model_sha256": sha256,
        "part": measured.name,
        "flags": config.values(),
    }
    known = _finished(out, config, about, measured)
    if known is not None:
        print(f"{out} is finished:\n\n{evaluation.markdown_table([known])}")
        return known
    print(
        f"{dataset.name}: {len(measured):,} images, {dataset.image_size} px, "
        f"of {len(dataset.class_names):,} classes."
    )
    qualities = config.sweep_qualities
    now = dataclasses.replace(
        trained,
        workdir=str(out),
        measure_on="validation" if dataset.validation else "test",
        sweep_qualities=(
            trained.sweep_qualities if qualities is None else qualities
        ),
        tuned_rivals=(),
    )
    training = evaluation.load_report(config.workdir)["training"]
    out.mkdir(parents=True, exist_ok=True)
    return measure(now, network, dataset, training, evaluation_of=about)


def load_finished(workdir):
    """Returns `(TrainConfig, Network)` of a finished run, to be measured."""
    config = load_config(workdir)
    report = evaluation.load_report(workdir)
    if config.mode == "baseline":
        return config, Network(load_model(workdir), None, None, None)
    if config.has_unit:
        _, _, model = load_split_network(workdir)
    else:
        model = load_model(workdir)
    if report["baseline_accuracy"] is None:
        return config, Network(model, None, None, None)
    why = why_timing_only(workdir, report)
    check(
        why is None,
        "A unit is compared with the unsplit network, which the run must have "
        f"kept: {why}.",
        RUN=str(workdir),
    )
    untouched = load_network(workdir, report, model)
    if not config.has_unit:
        return config, Network(model, untouched, None, None)
    layer = model.prefix.operations[-1].name
    cuts = describe_cuts(untouched, {layer: config.split})
    return config, Network(model, untouched, None, cuts[0])


def _open(config, trained, model):
    """Returns the `data.Dataset`, once its classes are the network's."""
    whole = model.suffix if trained.has_unit else model
    first = model.prefix if trained.has_unit else model
    outputs = whole.output_shape[-1]
    known = provenance.read(config.workdir)
    seed = trained.data.split_seed if config.seed is None else config.seed
    dataset = data.load_part(
        config.dataset,
        config.part,
        trained.data,
        known.parts["train"],
        image_size=first.input_shape[1],
        num_outputs=outputs,
        class_indices=config.class_indices,
        data_dir=config.data_dir,
        manual_dir=config.manual_dir,
        max_images=config.max_images,
        seed=seed,
        skip_corrupt=config.skip_corrupt,
    )
    output = evaluation.load_report(config.workdir).get("output", "softmax")
    dataset = dataset.for_output(
        tasks.choose("auto", output, dataset.task.output)
    )
    check_classes(
        dataset.class_names, known.classes, bool(config.class_indices)
    )
    return dataset


def check_classes(names, known, are_told):
    """Raises ValueError unless a data set's classes are a network's outputs.

    Outputs without a class are called "output 3".

    Args:
        names: Names of the data set's classes, in the order of the outputs.
        known: Those of the classes that the network was trained on.
        are_told: Whether --class_indices gives the outputs. Then a class may
            have a name that the network doesn't know.
    """
    places = {name: place for place, name in enumerate(known)}
    named = [name for name in names if not _is_nameless(name)]
    remedy = "Give each class's output, in order, by --class_indices."
    is_known = not are_told and all(name in places for name in named)
    if is_known and len(named) <= _MOST_INDICES:
        indices = ",".join(str(places[name]) for name in named)
        remedy = f"By their names, they are --class_indices={indices}."
    check(
        len(names) == len(known),
        "The data set must have a class for each output of the network. "
        f"{remedy}",
        classes=len(names),
        outputs=len(known),
    )
    wrong = [
        f"{name!r} for output {place}, {known[place]!r}"
        for place, name in enumerate(names)
        if not (name == known[place] or _is_nameless(name))
        and (name in places or not (are_told or _is_nameless(known[place])))
    ]
    check(
        not wrong,
        "Classes must stand for the outputs that the network was trained to "
        f"give for them. {remedy}",
        classes="; ".join(wrong[:_SHOWN]),
    )


def _is_nameless(name):
    return re.fullmatch(r"output \d+", name) is not None


def _folder(config, dataset):
    """Returns the folder for an evaluation, inside the run's."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", dataset.name)
    if config.part != "test":
        name += f"_{config.part}"
    return pathlib.Path(config.workdir, EVALUATIONS, name)


def _finished(out, config, about, part):
    """Returns the report of the same evaluation, if it is finished."""
    check(
        not (out / CONFIG_FILE).exists(),
        "--out must be a folder for the evaluation alone; this one is a run's.",
        out=str(out),
    )
    if not (out / REPORT_FILE).exists():
        return None
    report = evaluation.load_report(out)
    before = report.get("evaluation")
    try:
        differing = config.differing(EvaluateConfig(**before["flags"]))
        same_network = before["model_sha256"] == about["model_sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"--out must not contain a {REPORT_FILE} of anything but this "
            f"evaluation. Received: out={str(out)!r}"
        ) from error
    if not same_network:
        differing.append("RUN: another network")
    if report["dataset_fingerprint"] != part.fingerprint:
        differing.append("dataset: other images")
    check(
        not differing,
        "--out contains another finished evaluation: name another folder. It "
        f"differs in {'; '.join(differing)}.",
        out=str(out),
    )
    return report
