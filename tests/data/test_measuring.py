"""Tests of opening one part of a data set, to measure on."""

import shutil

import numpy as np
import pytest

from bottlenet_tf import data
from bottlenet_tf.config.run import DataConfig


def open_part(spec, part, trained, inventory, **options):
    options = {"image_size": 16, "num_outputs": 3, **options}
    return data.load_part(
        str(spec), part, trained, inventory["train"], **options
    )


def run_on(folder):
    """Returns `(DataConfig, Dataset)` of a run on a folder."""
    config = DataConfig(dataset=str(folder), image_size=16)
    return config, data.load(config.dataset, image_size=config.image_size)


def names(part):
    return sorted(part.examples.identities)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_runs_own_folder_is_divided_as_then(class_folder, part):
    config, dataset = run_on(class_folder)
    found = open_part(class_folder, part, config, dataset.inventory)
    ours, theirs = getattr(found, part), getattr(dataset, part)
    assert ours.name == part and not found.train
    assert ours.fingerprint == theirs.fingerprint


def test_a_copy_of_a_runs_own_folder_is_divided_as_then(class_folder):
    config, dataset = run_on(class_folder)
    copy = class_folder.with_name("copy")
    shutil.copytree(class_folder, copy)
    found = open_part(copy, "test", config, dataset.inventory)
    assert names(found.test) == names(dataset.test)


def test_all_of_a_runs_own_images_are_said_to_have_trained(
    class_folder, capsys
):
    config, dataset = run_on(class_folder)
    found = open_part(class_folder, "all", config, dataset.inventory)
    assert found.test.name == "all" and len(found.test) == 24
    assert "that the run was trained on" in capsys.readouterr().out


def test_a_runs_own_folder_must_hold_the_same_training_images(class_folder):
    config, dataset = run_on(class_folder)
    inventory = dataset.inventory
    shutil.copy(class_folder / "cat/00.png", class_folder / "cat/new.png")
    with pytest.raises(ValueError, match="have changed since the run began"):
        open_part(class_folder, "test", config, inventory)


@pytest.mark.parametrize("count", [8, 1])
def test_another_folder_of_class_folders_is_taken_whole(
    class_folder, write_image, tmp_path, count
):
    config, dataset = run_on(class_folder)
    for label, name in enumerate(("cat", "dog", "newt")):
        for index in range(count):
            seed = 1000 + 100 * label + index
            write_image(tmp_path / "other" / name / f"{index}.png", seed)
    found = open_part(tmp_path / "other", "test", config, dataset.inventory)
    assert found.test.name == "all" and len(found.test) == 3 * count
    labels = np.concatenate([y for _, y in found.test.batches(5)])
    assert list(labels) == [0] * count + [1] * count + [2] * count


def test_of_another_divided_folder_the_test_half_is_taken(
    class_folder, divided_folder
):
    config, dataset = run_on(class_folder)
    inventory = dataset.inventory
    found = open_part(divided_folder, "test", config, inventory)
    assert all(name.startswith("val/") for name in names(found.test))
    found = open_part(divided_folder, "all", config, inventory)
    assert len(set(names(found.test))) == len(found.test) == 16


def test_images_are_balanced_and_others_by_another_seed(class_folder):
    config, dataset = run_on(class_folder)
    few = [
        open_part(
            class_folder, "all", config, dataset.inventory, max_images=6,
            seed=seed,
        ).test
        for seed in (0, 1)
    ]  # fmt: skip
    for part in few:
        assert list(np.bincount(part.examples.labels)) == [2, 2, 2]
    assert names(few[0]) != names(few[1])


def test_outputs_of_a_runs_own_classes_are_known(class_folder):
    config, dataset = run_on(class_folder)
    config = DataConfig(
        dataset=config.dataset, image_size=16, class_indices=(5, 2, 0),
        num_outputs=6,
    )  # fmt: skip
    found = open_part(
        class_folder, "test", config, dataset.inventory, num_outputs=6
    )
    assert set(found.test.examples.labels) == {5, 2, 0}
    assert found.class_names[5] == "cat" and found.num_classes == 6


def test_a_part_without_images_is_refused(class_folder):
    config, dataset = run_on(class_folder)
    config = DataConfig(dataset="digits", validation_fraction=0.0)
    with pytest.raises(ValueError, match="none of this part"):
        open_part("digits", "validation", config, {
            "train": data.load("digits", validation_fraction=0.0)
            .inventory["train"]
        })  # fmt: skip


def test_corrupt_images_are_left_out_if_asked(class_folder, truncate):
    config, dataset = run_on(class_folder)
    inventory = dataset.inventory
    other = class_folder.with_name("other")
    shutil.copytree(class_folder, other)
    truncate(other / "dog" / "03.png")
    found = open_part(other, "all", config, inventory, skip_corrupt=True)
    assert len(found.test) == 23 and found.skipped == [
        str(other / "dog" / "03.png")
    ]
