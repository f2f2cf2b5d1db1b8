"""Tests of a finished run measured on other images."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import other_images, report, training
from bottlenet_tf.evaluate_config import EvaluateConfig
from bottlenet_tf.run_folders import load_report
from tests.eager import eagerly

NAMES = tuple("0123456789")
# What depends on the images and the network alone.
FIGURES = (
    "dataset_fingerprint", "num_images", "measured_on", "accuracy",
    "baseline_accuracy", "cloud_only", "unit_id", "untouched_sha256",
)  # fmt: skip
CURVE = ("points", "bytes_at_drop", "rival_bytes_at_drop", "bd_rate")


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
def learned(finished, learned_run):
    return finished("learned", learned_run)


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


def files(folder):
    return {
        path: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "evaluations" not in path.parts
    }


@pytest.mark.parametrize("kind", ["learned", "jpeg"])
def test_the_same_images_give_the_figures_of_the_run(kind, request, tmp_path):
    run = request.getfixturevalue(kind)
    own, before = load_report(run), files(run)
    most = own["num_images"]
    found = evaluate(run, max_images=most, out=str(tmp_path / "out"))
    assert [found[n] for n in FIGURES + CURVE] == [
        own[n] for n in FIGURES + CURVE
    ]
    assert files(run) == before
    assert load_report(tmp_path / "out") == found
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"report.json", "rate_accuracy.png", "planes.png"}


def test_validation_images_give_the_figures_that_choose(learned):
    own = load_report(learned)["validation"]
    found = evaluate(learned, part="validation", max_images=24)
    assert found["measured_on"] == "validation"
    assert [found[name] for name in CURVE] == [own[name] for name in CURVE]
    assert (learned / "evaluations" / "digits_validation").is_dir()


def test_a_network_without_a_unit_is_measured(finished, tiny_run, replace):
    run = finished("baseline", replace(tiny_run, mode="baseline"))
    own, found = load_report(run), evaluate(run, max_images=16)
    assert [found.get(n) for n in FIGURES] == [own.get(n) for n in FIGURES]


def test_a_network_that_is_tuned_for_a_codec_is_measured(
    finished, tiny_run, replace
):
    config = replace(
        tiny_run, mode="cloud", image_codec="jpeg", image_quality=50
    )
    run = finished("cloud", config)
    own, found = load_report(run), evaluate(run, max_images=16)
    names = (*FIGURES, "wire_bytes_mean")
    assert [found.get(n) for n in names] == [own.get(n) for n in names]


def test_a_folder_of_class_folders_is_measured_whole(learned, tmp_path, capsys):
    folder = digits_folder(tmp_path / "mine", count=1)
    found = evaluate(learned, folder, sweep_qualities=())
    assert "all images are measured on" in capsys.readouterr().out
    assert found["num_images"] == 10 and found["measured_on"] == "all"
    assert found["cloud_only"] == [] and len(found["points"]) == 5
    out = learned / "evaluations" / "mine"
    report.write(out, tmp_path / "page")
    page = (tmp_path / "page" / "report.html").read_text()
    assert "measured on 10 images" in page


def test_finished_evaluations_are_shown_and_not_overwritten(
    learned, tmp_path, monkeypatch
):
    out = str(tmp_path / "out")
    first = evaluate(learned, max_images=12, out=out, sweep_qualities=())
    monkeypatch.setattr(other_images, "measure", None)
    again = evaluate(learned, max_images=12, out=out, sweep_qualities=())
    assert again == first
    with pytest.raises(ValueError, match="max_images: 12 there, 13 here"):
        evaluate(learned, max_images=13, out=out, sweep_qualities=())


def test_an_evaluation_of_another_network_is_not_overwritten(
    learned, jpeg, tmp_path
):
    options = {"max_images": 12, "out": str(tmp_path), "sweep_qualities": ()}
    evaluate(learned, **options)
    with pytest.raises(ValueError, match="RUN: another network"):
        evaluate(jpeg, **options)


def test_changed_images_are_not_what_was_measured(learned, tmp_path):
    folder = digits_folder(tmp_path / "mine", count=1)
    options = {"out": str(tmp_path / "out"), "sweep_qualities": ()}
    evaluate(learned, folder, **options)
    shutil.copy(tmp_path / "mine/3/0.png", tmp_path / "mine/4/0.png")
    with pytest.raises(ValueError, match="dataset: other images"):
        evaluate(learned, folder, **options)


def test_a_run_is_never_written_over(learned):
    with pytest.raises(ValueError, match="this one is a run's"):
        evaluate(learned, out=str(learned))


def test_a_report_of_something_else_is_never_written_over(learned, tmp_path):
    shutil.copy(learned / "report.json", tmp_path)
    with pytest.raises(ValueError, match="must not hold a report.json of"):
        evaluate(learned, out=str(tmp_path))


def test_fewer_classes_need_their_outputs(learned, tmp_path):
    folder = digits_folder(tmp_path / "mine", NAMES[:3])
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
        (("a", "b", "c"), False, "Say by --class_indices"),
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
