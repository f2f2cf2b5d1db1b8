"""What a run was trained on, and what is refused when that has changed."""

import dataclasses
import json
import pathlib
import shutil

import keras
import pytest

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


@pytest.fixture
def photos(tmp_path, image_folder):
    return image_folder(tmp_path / "photos")


@pytest.fixture
def config(tiny_config, photos, tmp_path):
    """A run of no steps on a folder, with a network file of its own."""
    network = tmp_path / "net.keras"
    shutil.copy(tiny_config.backbone, network)
    return dataclasses.replace(
        tiny_config,
        backbone=_with_classes(network, 2),
        data=dataclasses.replace(
            tiny_config.data, dataset=str(photos), max_train=None
        ),
        epochs=0,
        warmup_epochs=0.0,
    )


def _with_classes(path, count):
    """Gives a network file so many classes; returns its path."""
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
    (_replace_images, "test: 6 images both times, but others"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_a_run_is_not_resumed_on_other_data(config, photos, change, message):
    _start(config)
    change(photos)
    with pytest.raises(ValueError, match=message):
        _start(config)


@pytest.mark.parametrize("flag", ["init_from", "backbone_weights"])
@pytest.mark.parametrize(("change", "message"), CHANGES[:3])
def test_a_run_does_not_start_from_one_on_other_data(
    config, photos, flag, change, message
):
    mode = "aware" if flag == "init_from" else "baseline"
    _start(dataclasses.replace(config, mode=mode))
    change(photos)
    other = dataclasses.replace(config, workdir=config.workdir + "_other")
    for source in (config.workdir, f"{config.workdir}/model.keras"):
        if flag == "init_from" and source.endswith(".keras"):
            continue
        with pytest.raises(ValueError, match=f"--{flag}.*{message}"):
            _start(dataclasses.replace(other, **{flag: source}))


def test_the_network_of_a_run_on_other_data_is_no_backbone(config, photos):
    _start(dataclasses.replace(config, mode="baseline"))
    _rename_class(photos)
    other = dataclasses.replace(
        config,
        workdir=config.workdir + "_other",
        backbone=f"{config.workdir}/model.keras",
    )
    with pytest.raises(ValueError, match="--backbone must be a run on the sam"):
        _start(other)


def test_a_model_of_another_run_in_a_runs_folder_is_refused(config):
    _start(dataclasses.replace(config, mode="baseline"))
    model = pathlib.Path(config.workdir, "model.keras")
    _with_classes(model, 2)  # Other weights.
    other = dataclasses.replace(
        config,
        workdir=config.workdir + "_other",
        backbone_weights=config.workdir,
    )
    with pytest.raises(ValueError, match="the model.keras that it saved"):
        _start(other)


def test_a_link_to_a_runs_model_is_that_runs(config, photos, tmp_path):
    _start(dataclasses.replace(config, mode="baseline"))
    _rename_class(photos)
    link = tmp_path / "link.keras"
    link.symlink_to(pathlib.Path(config.workdir, "model.keras").resolve())
    other = dataclasses.replace(
        config, workdir=config.workdir + "_other", backbone_weights=str(link)
    )
    with pytest.raises(ValueError, match="'apple' there, 'quince' here"):
        _start(other)


def test_a_folder_named_like_a_network_is_not_the_network(
    config, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").mkdir()
    (tmp_path / "resnet18" / "model.keras").write_bytes(b"not it")
    (tmp_path / "imagenet").write_bytes(b"nor this")
    named = dataclasses.replace(
        config, backbone="resnet18", backbone_weights="imagenet"
    )
    assert provenance.files_of(named) == {}


def test_classes_in_another_order_are_named_so(config):
    found = provenance.of(config, load_data(config))
    turned = dataclasses.replace(found, classes=found.classes[::-1])
    provenance.write(config.workdir, turned)
    with pytest.raises(ValueError, match="the same, in another order"):
        provenance.check_resumed(config.workdir, found)


def test_a_finished_run_on_a_broken_folder_is_not_shown(
    config, photos, tmp_path
):
    divided = tmp_path / "divided"
    for part in ("train", "test"):
        shutil.copytree(photos, divided / part)
    data = dataclasses.replace(config.data, dataset=str(divided))
    config = dataclasses.replace(config, data=data)
    with eagerly():
        training.run(config)
    (divided / "train" / "apple").rename(divided / "train" / "quince")
    with pytest.raises(ValueError, match="must hold the same classes"):
        training.run(config)


def test_another_division_is_refused_and_its_flag_named(config):
    _start(dataclasses.replace(config, mode="baseline"))
    other = dataclasses.replace(
        config,
        workdir=config.workdir + "_other",
        backbone_weights=config.workdir,
        data=dataclasses.replace(config.data, split_seed=1),
    )
    with pytest.raises(ValueError, match="--split_seed=0 there, "):
        _start(other)


def test_another_seed_takes_the_same_baseline(config):
    _start(dataclasses.replace(config, mode="baseline"))
    _start(
        dataclasses.replace(
            config,
            workdir=config.workdir + "_other",
            backbone_weights=config.workdir,
            seed=1,
        )
    )


def test_limits_and_sizes_take_the_same_baseline(config):
    _start(dataclasses.replace(config, mode="baseline"))
    _start(
        dataclasses.replace(
            config,
            workdir=config.workdir + "_other",
            backbone_weights=config.workdir,
            data=dataclasses.replace(config.data, max_train=10, max_test=4),
        )
    )


def test_a_replaced_network_file_is_another_run(config, capsys):
    with eagerly():
        training.run(config)
    training.run(config)
    assert "is finished" in capsys.readouterr().out
    _with_classes(config.backbone, 2)  # Other random weights.
    with pytest.raises(ValueError, match="--backbone: its file is another"):
        training.run(config)


def test_a_run_is_resumed_where_a_file_has_moved(config, tmp_path):
    _start(config)
    moved = pathlib.Path(config.backbone).rename(tmp_path / "moved.keras")
    config = dataclasses.replace(config, backbone=str(moved))
    _start(config)
    _with_classes(moved, 2)  # Other random weights.
    with pytest.raises(ValueError, match="--backbone: its file is another"):
        _start(config)


def test_a_finished_run_is_shown_without_its_data(config, photos, capsys):
    with eagerly():
        report = training.run(config)
    shutil.rmtree(photos)
    pathlib.Path(config.backbone).unlink()
    assert training.run(config) == report
    assert "was not compared" in capsys.readouterr().out


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_a_finished_run_on_other_data_is_neither_shown_nor_exported(
    config, photos, change, message
):
    with eagerly():
        training.run(config)
    change(photos)
    with pytest.raises(ValueError, match=message):
        training.run(config)
    with pytest.raises(ValueError, match=message):
        load_run(config.workdir)


def test_one_flag_that_changed_is_named_alone(config):
    _start(config)
    unit = dataclasses.replace(config.unit, quality=51)
    with pytest.raises(ValueError) as caught:
        _start(dataclasses.replace(config, unit=unit))
    assert str(caught.value).endswith("--quality=51 here")


def test_a_run_of_an_earlier_version_is_refused(config):
    _start(config)
    pathlib.Path(config.workdir, "provenance.json").unlink()
    with pytest.raises(ValueError, match="must hold provenance.json"):
        _start(config)


@pytest.mark.parametrize(
    "text", ["{", '{"format": "x"}', '{"format": "%s", "classes": 1}']
)
def test_a_damaged_provenance_names_its_file(config, text):
    _start(config)
    path = pathlib.Path(config.workdir, "provenance.json")
    path.write_text(text.replace("%s", provenance.FORMAT))
    with pytest.raises(ValueError, match="provenance.json"):
        _start(config)


def test_provenance_survives_the_file(config, tmp_path):
    found = provenance.of(config, load_data(config))
    assert found.classes == ("apple", "pear")
    assert {name: part.images for name, part in found.parts.items()} == {
        "train": 30,  # 17 of 20 images of each class are left by the test,
        "validation": 4,  # of which a tenth validates.
        "test": 6,
    }
    assert list(found.files) == ["backbone"]
    provenance.write(tmp_path / "run", found)
    assert provenance.read(tmp_path / "run") == found


def test_a_run_of_before_unseen_classes_has_none(config):
    _start(config)
    path = pathlib.Path(config.workdir, "provenance.json")
    content = json.loads(path.read_text())
    assert content.pop("unseen") == []
    path.write_text(json.dumps(content))
    assert provenance.read(config.workdir).unseen == ()
