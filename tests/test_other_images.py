"""Tests of a finished run measured on other images."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import other_images, report, training
from bottlenet_tf.common.run_folders import load_report
from bottlenet_tf.config.evaluate import EvaluateConfig
from tests.eager import eagerly

NAMES = tuple("0123456789")
# What depends on the images and the network alone.
FIGURES = (
    "dataset_fingerprint", "num_images", "measured_on", "accuracy",
    "baseline_accuracy", "cloud_only", "unit_id", "untouched_sha256",
)  # fmt: skip
CURVE = (
    "raw_features",
    "points",
    "bytes_at_drop",
    "rival_bytes_at_drop",
    "bd_rate",
)


def evaluate(run, dataset="digits", **options):
    with eagerly():
        return other_images.run(EvaluateConfig(str(run), dataset, **options))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, replace):
    """A function from a name and a config to a finished run's folder."""
    root = tmp_path_factory.mktemp("runs")

    def train(name, config):
        with eagerly():
            training.run(replace(config, workdir=str(root / name)))
        return root / name

    return train


@pytest.fixture(scope="module")
def learned(finished_learned, tmp_path_factory):
    """A copy of a finished run, beside the rivals that it measured."""
    root = tmp_path_factory.mktemp("learned") / "runs"
    workdir = pathlib.Path(finished_learned[0].workdir)
    shutil.copytree(workdir.parent, root)
    return root / workdir.name


@pytest.fixture(scope="module")
def jpeg(finished, tiny_run):
    return finished("jpeg", tiny_run)


def digits_folder(root, names=NAMES, count=2):
    """Writes digits as class folders: name i holds images of digit i."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for label, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i, levels in enumerate(bunch.images[bunch.target == label][:count]):
            pixels = np.rint(levels * (255 / 16)).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return str(root)


def same(found, own, names):
    return {n: found.get(n) for n in names} == {n: own.get(n) for n in names}


def files(folder):
    return {
        path: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "evaluations" not in path.parts
    }


def test_the_same_images_give_the_figures_of_the_run(learned, tmp_path):
    own, before = load_report(learned), files(learned)
    # Elsewhere, where no rivals are kept: all are measured anew.
    found = evaluate(learned, max_images=24, out=str(tmp_path / "out"))
    assert same(found, own, FIGURES + CURVE)
    assert files(learned) == before
    assert load_report(tmp_path / "out") == found
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"report.json", "rate_accuracy.png", "planes.png"}


@pytest.mark.slow
def test_a_unit_with_an_image_codec_is_measured(jpeg):
    found = evaluate(jpeg, max_images=16)
    assert same(found, load_report(jpeg), FIGURES + CURVE)


def test_validation_images_give_the_figures_that_choose(learned):
    own = load_report(learned)["validation"]
    found = evaluate(learned, part="validation", max_images=24)
    assert found["measured_on"] == "validation"
    assert same(found, own, CURVE)
    assert (learned / "evaluations" / "digits_validation").is_dir()


@pytest.mark.slow
def test_a_network_without_a_unit_is_measured(finished, tiny_run, replace):
    run = finished("baseline", replace(tiny_run, mode="baseline"))
    assert same(evaluate(run, max_images=16), load_report(run), FIGURES)


@pytest.mark.slow
def test_a_network_that_is_tuned_for_a_codec_is_measured(
    finished, tiny_run, replace
):
    config = replace(
        tiny_run, mode="cloud", image_codec="jpeg", image_quality=50
    )
    run = finished("cloud", config)
    names = (*FIGURES, "wire_bytes_mean")
    assert same(evaluate(run, max_images=16), load_report(run), names)


@pytest.mark.slow
def test_a_folder_of_class_folders_is_measured_whole(learned, tmp_path, capsys):
    folder = digits_folder(tmp_path / "mine", count=1)
    found = evaluate(learned, folder, sweep_qualities=())
    assert "all images are measured on" in capsys.readouterr().out
    assert found["num_images"] == 10 and found["measured_on"] == "all"
    assert found["cloud_only"] == [] and len(found["points"]) == 5
    out = learned / "evaluations" / "mine"
    page = report.write(report.read(out), tmp_path / "page").read_text()
    assert "measured on 10 images" in page


@pytest.fixture
def evaluated(learned, tmp_path, monkeypatch):
    """Folder, options and report of an evaluation; no other is measured."""
    folder = tmp_path / "digits"
    options = {"out": str(tmp_path / "out"), "sweep_qualities": ()}
    found = evaluate(learned, digits_folder(folder, count=1), **options)
    monkeypatch.setattr(other_images, "measure", None)
    return folder, options, found


@pytest.mark.slow
def test_a_finished_evaluation_is_not_overwritten(learned, jpeg, evaluated):
    folder, options, found = evaluated
    assert evaluate(learned, str(folder), **options) == found
    for run, options, told in (
        (learned, {**options, "max_images": 5}, "--max_images unset"),
        (learned, {**options, "sweep_qualities": (9,)}, "sweep_qualities"),
        (jpeg, options, "RUN: another network"),
    ):
        with pytest.raises(ValueError, match=told):
            evaluate(run, str(folder), **options)
    shutil.copy(folder / "3/0.png", folder / "4/0.png")
    with pytest.raises(ValueError, match="dataset: other images"):
        evaluate(learned, str(folder), **evaluated[1])


def test_a_run_is_never_written_over(learned):
    with pytest.raises(ValueError, match="this one is a run's"):
        evaluate(learned, out=str(learned))


def test_a_report_of_something_else_is_never_written_over(learned, tmp_path):
    shutil.copy(learned / "report.json", tmp_path)
    with pytest.raises(ValueError, match="must not contain a report.json of"):
        evaluate(learned, out=str(tmp_path))


def test_fewer_classes_need_their_outputs(learned, tmp_path):
    folder = digits_folder(tmp_path / "three", NAMES[:3])
    with pytest.raises(ValueError, match="--class_indices=0,1,2"):
        evaluate(learned, folder)
    found = evaluate(
        learned, folder, class_indices=(0, 1, 2), sweep_qualities=()
    )
    assert found["num_images"] == 6 and found["label_only"]["bits"] == 4


@pytest.mark.parametrize(
    "names, are_told, message",
    [
        (("cat", "dog"), False, "classes=2, outputs=3"),
        (("dog", "cat", "newt"), False, "they are --class_indices=1,0,2"),
        (("dog", "cat", "newt"), True, "'dog' for output 0, 'cat'"),
        (("a", "b", "c"), False, "Give each class's output"),
        (("cat", "dog", "output 2"), False, None),
        (("a", "b", "c"), True, None),
    ],
)
def test_classes_are_those_of_the_outputs(names, are_told, message):
    known = ("cat", "dog", "newt")
    if message is None:
        other_images.check_classes(names, known, are_told)
        return
    with pytest.raises(ValueError, match=message):
        other_images.check_classes(names, known, are_told)


def test_outputs_without_a_name_take_any_class():
    known = ("output 0", "dog", "output 2")
    other_images.check_classes(("a", "dog", "c"), known, False)
    with pytest.raises(ValueError, match="'dog' for output 0"):
        other_images.check_classes(("dog", "dog", "c"), known, False)


def test_an_unfinished_run_is_refused(learned, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(learned, copy)
    (copy / "report.json").unlink()
    with pytest.raises(ValueError, match="one finished run"):
        evaluate(copy)


@pytest.mark.slow
def test_another_runs_network_is_refused(learned, jpeg, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(learned, copy)
    shutil.copy(jpeg / "model.keras", copy)
    with pytest.raises(ValueError, match="RUN must be a run with the"):
        evaluate(copy)


def test_a_unit_is_measured_beside_the_unsplit_network(learned, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(learned, copy)
    (copy / "untouched.keras").unlink()
    with pytest.raises(ValueError, match="untouched.keras is missing"):
        evaluate(copy)


def test_a_run_of_an_earlier_version_is_refused(learned, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(learned, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "old": 1}))
    with pytest.raises(ValueError, match="of another version"):
        evaluate(copy)
