"""The provenance of a run, and what is refused when data or files change."""

import dataclasses
import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import training
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.training import provenance, runner
from bottlenet_tf.training.runner import load_data
from tests.eager import eagerly


def _start(config):
    """A run that is begun and saved; nothing is trained or measured."""
    with eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "measure", lambda *_: None)
        training.run(config)


@pytest.fixture(scope="module")
def begun(tiny_run, tmp_path_factory):
    """A run of no steps on a folder, with a network file of its own."""
    root = tmp_path_factory.mktemp("provenance")
    for label, name in enumerate(("apple", "pear")):
        (root / "photos" / name).mkdir(parents=True)
        for i in range(20):
            generator = np.random.default_rng((label, i))
            pixels = generator.integers(0, 256, (32, 32, 3), np.uint8)
            path = root / "photos" / name / f"{i:02d}.png"
            Image.fromarray(pixels).save(path)
    shutil.copy(tiny_run.backbone, root / "net.keras")
    config = dataclasses.replace(
        tiny_run,
        workdir=str(root / "begun"),
        backbone=_with_classes(root / "net.keras", 2),
        data=dataclasses.replace(
            tiny_run.data, dataset=str(root / "photos"), max_train=None
        ),
        epochs=0,
        warmup_epochs=0.0,
    )
    _start(config)
    return config


@pytest.fixture(scope="module")
def baseline(begun):
    """A begun run of the same network without a unit."""
    workdir = begun.workdir.replace("begun", "baseline")
    config = dataclasses.replace(begun, mode="baseline", workdir=workdir)
    _start(config)
    return config


@pytest.fixture(scope="module")
def finished(begun):
    """The same run, and measured."""
    workdir = begun.workdir.replace("begun", "finished")
    config = dataclasses.replace(begun, workdir=workdir)
    with eagerly():
        training.run(config)
    return config


@pytest.fixture
def photos(begun, tmp_path):
    """The images of all runs; put back after a test."""
    folder = pathlib.Path(begun.data.dataset)
    shutil.copytree(folder, tmp_path / "kept")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tmp_path / "kept", folder)


@pytest.fixture
def network(begun, tmp_path):
    """The network file of all runs; put back after a test."""
    path = pathlib.Path(begun.backbone)
    shutil.copy(path, tmp_path / "kept.keras")
    yield path
    shutil.copy(tmp_path / "kept.keras", path)


@pytest.fixture
def copy(tmp_path):
    """A function that copies the folder of a run."""

    def copied(config):
        workdir = tmp_path / "copy"
        shutil.copytree(config.workdir, workdir)
        return dataclasses.replace(config, workdir=str(workdir))

    return copied


@pytest.fixture
def other(begun, tmp_path):
    """A function from changes to the config of another run."""

    def changed(**changes):
        workdir = str(tmp_path / "other")
        return dataclasses.replace(begun, workdir=workdir, **changes)

    return changed


def _with_classes(path, count):
    """Gives a network file another classifier; returns its path."""
    model = keras.saving.load_model(path, compile=False)
    feature = model.get_layer("cut").output
    x = keras.layers.GlobalAveragePooling2D()(feature)
    logits = keras.layers.Dense(count, name="logits")(x)
    keras.Model(model.input, logits).save(path)
    return str(path)


def _rename_class(photos):
    (photos / "apple").rename(photos / "quince")


def _add_and_remove_class(photos):
    shutil.copytree(photos / "apple", photos / "fig")
    shutil.rmtree(photos / "pear")


def _add_image(photos):
    shutil.copy(photos / "apple" / "00.png", photos / "apple" / "99.png")


def _replace_images(photos):
    for path in (photos / "pear").iterdir():
        shutil.copy(photos / "apple" / path.name, path)


CHANGES = [
    (_rename_class, "classes: 'apple' there, 'quince' here"),
    (_add_and_remove_class, "classes: 'pear' there, 'fig' here"),
    (_add_image, "images there, [0-9]* here"),
    (_replace_images, "test: 6 images both times, but different ones"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_a_run_on_other_data_is_not_resumed_shown_or_exported(
    begun, finished, photos, change, message
):
    change(photos)
    for config in (begun, finished):
        with pytest.raises(ValueError, match=message):
            training.run(config)
    with pytest.raises(ValueError, match=message):
        load_run(finished.workdir)


@pytest.mark.parametrize(("change", "message"), CHANGES[:3])
def test_a_run_does_not_start_from_one_on_other_data(
    begun, baseline, photos, other, change, message
):
    change(photos)
    for flag, source in (
        ("init_from", begun.workdir),
        ("backbone_weights", baseline.workdir),
        ("backbone_weights", f"{baseline.workdir}/model.keras"),
        ("backbone", f"{baseline.workdir}/model.keras"),
    ):
        with pytest.raises(ValueError, match=f"--{flag} must be.*{message}"):
            _start(other(**{flag: source}))


def test_a_model_of_another_run_in_a_runs_folder_is_refused(
    baseline, copy, other
):
    copied = copy(baseline)
    _with_classes(pathlib.Path(copied.workdir, "model.keras"), 2)
    with pytest.raises(ValueError, match="the model.keras that it saved"):
        _start(other(backbone_weights=copied.workdir))


def test_a_link_to_a_runs_model_is_that_runs(baseline, photos, other, tmp_path):
    _rename_class(photos)
    link = tmp_path / "link.keras"
    link.symlink_to(pathlib.Path(baseline.workdir, "model.keras").resolve())
    with pytest.raises(ValueError, match="'apple' there, 'quince' here"):
        _start(other(backbone_weights=str(link)))


def test_a_folder_named_like_a_network_is_not_the_network(
    begun, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").mkdir()
    (tmp_path / "resnet18" / "model.keras").write_bytes(b"not it")
    (tmp_path / "imagenet").write_bytes(b"nor this")
    named = dataclasses.replace(
        begun, backbone="resnet18", backbone_weights="imagenet"
    )
    assert provenance.files_of(named) == {}


def test_classes_in_another_order_are_named_so(begun, tmp_path):
    found = provenance.of(begun, load_data(begun))
    turned = dataclasses.replace(found, classes=found.classes[::-1])
    provenance.write(tmp_path, turned)
    with pytest.raises(ValueError, match="the same, in another order"):
        provenance.check_resumed(tmp_path, found)


def test_a_run_on_a_broken_folder_is_not_shown(finished, photos):
    kept = photos.with_name("whole")
    shutil.move(photos, kept)
    for part in ("train", "test"):
        shutil.copytree(kept, photos / part)
    shutil.rmtree(kept)
    (photos / "train" / "apple").rename(photos / "train" / "quince")
    with pytest.raises(ValueError, match="must contain the same classes"):
        training.run(finished)


def test_another_division_is_refused_and_its_flag_named(begun, baseline, other):
    data = dataclasses.replace(begun.data, split_seed=1)
    with pytest.raises(ValueError, match="--split_seed=0 there, "):
        _start(other(backbone_weights=baseline.workdir, data=data))


def test_another_seed_limits_and_sizes_take_the_same_baseline(
    begun, baseline, other
):
    data = dataclasses.replace(begun.data, max_train=10, max_test=4)
    _start(other(backbone_weights=baseline.workdir, data=data, seed=1))


def test_a_replaced_network_file_is_another_run(finished, network, capsys):
    training.run(finished)
    assert "is finished" in capsys.readouterr().out
    _with_classes(network, 2)
    with pytest.raises(ValueError, match="--backbone: its file has changed"):
        training.run(finished)


def test_a_run_is_resumed_where_a_file_has_moved(
    begun, copy, network, tmp_path
):
    moved = shutil.move(network, tmp_path / "moved.keras")
    config = dataclasses.replace(copy(begun), backbone=str(moved))
    _start(config)
    _with_classes(moved, 2)
    with pytest.raises(ValueError, match="--backbone: its file has changed"):
        _start(config)


def test_a_finished_run_is_shown_without_its_data(
    finished, photos, network, capsys
):
    shutil.rmtree(photos)
    network.unlink()
    report = pathlib.Path(finished.workdir, "report.json").read_text()
    assert training.run(finished) == json.loads(report)
    assert "was not compared" in capsys.readouterr().out


def test_one_flag_that_changed_is_named_alone(begun):
    unit = dataclasses.replace(begun.unit, quality=51)
    with pytest.raises(ValueError) as caught:
        _start(dataclasses.replace(begun, unit=unit))
    assert str(caught.value).endswith("--quality=51 here")


def test_a_run_of_an_earlier_version_is_refused(begun, copy):
    config = copy(begun)
    pathlib.Path(config.workdir, "provenance.json").unlink()
    with pytest.raises(ValueError, match="must contain provenance.json"):
        _start(config)


@pytest.mark.parametrize(
    "text", ["{", '{"format": "x"}', '{"format": "%s", "classes": 1}']
)
def test_a_damaged_provenance_names_its_file(begun, copy, text):
    config = copy(begun)
    path = pathlib.Path(config.workdir, "provenance.json")
    path.write_text(text.replace("%s", provenance.FORMAT))
    with pytest.raises(ValueError, match="provenance.json"):
        _start(config)


def test_provenance_survives_the_file(begun, tmp_path):
    found = provenance.of(begun, load_data(begun))
    assert found.classes == ("apple", "pear")
    assert {name: part.images for name, part in found.parts.items()} == {
        "train": 30,  # 17 of 20 images of each class are left by the test,
        "validation": 4,  # of which a tenth validates.
        "test": 6,
    }
    assert list(found.files) == ["backbone"]
    provenance.write(tmp_path / "run", found)
    assert provenance.read(tmp_path / "run") == found


def test_a_run_of_before_unseen_classes_has_none(begun, copy):
    config = copy(begun)
    path = pathlib.Path(config.workdir, "provenance.json")
    content = json.loads(path.read_text())
    assert content.pop("unseen") == []
    path.write_text(json.dumps(content))
    assert provenance.read(config.workdir).unseen == ()
