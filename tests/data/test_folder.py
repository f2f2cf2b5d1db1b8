"""Tests of folders of class folders, sound and corrupt."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import data
from bottlenet_tf.data import fingerprints


def pixels(batches):
    return {x.tobytes() for images, _ in batches for x in images.numpy()}


def test_undivided_classes_are_split_per_class(class_folder):
    dataset = data.load(
        class_folder, test_fraction=0.25, validation_fraction=1 / 6
    )
    assert dataset.class_names == ("cat", "dog", "newt")
    labels = np.concatenate([y for _, y in dataset.test.batches(10)])
    np.testing.assert_array_equal(np.bincount(labels), [2, 2, 2])
    assert (dataset.num_train, len(dataset.validation)) == (15, 3)


def test_parts_of_a_folder_share_no_image(class_folder):
    dataset = data.load(class_folder, image_size=20)
    train = pixels(dataset.train_batches(1, epoch=0, augment=False))
    validation = pixels(dataset.validation.batches(1))
    test = pixels(dataset.test.batches(1))
    assert len(train) + len(validation) + len(test) == 24
    assert len(train | validation | test) == 24


def test_a_class_of_two_images_trains_and_tests(tmp_path, write_image):
    for name in ("one", "two"):
        for index in range(2):
            write_image(tmp_path / name / f"{index}.png", index)
    dataset = data.load(tmp_path)
    sizes = map(len, (dataset.train, dataset.validation, dataset.test))
    assert list(sizes) == [2, 0, 2]


@pytest.mark.parametrize("name", ["two\nlines", "one\r", "a\u2028b"])
def test_a_class_name_of_several_lines_is_refused(class_folder, name):
    (class_folder / "cat").rename(class_folder / name)
    with pytest.raises(ValueError, match="line break.*Received") as caught:
        data.load(class_folder)
    assert repr(name) in str(caught.value)


def test_folder_moved_elsewhere_is_split_the_same(class_folder, tmp_path):
    copy = shutil.copytree(class_folder, tmp_path / "elsewhere" / "pets")
    loaded = [data.load(folder) for folder in (class_folder, copy)]
    assert len({dataset.test.fingerprint for dataset in loaded}) == 1
    assert loaded[0].inventory == loaded[1].inventory


def test_an_image_added_or_replaced_changes_the_inventory(
    divided_folder, write_image
):
    before = data.load(divided_folder).inventory
    write_image(divided_folder / "train" / "no" / "0.jpg", 77)
    replaced = data.load(divided_folder).inventory
    assert replaced["train"].images == before["train"].images
    assert replaced["train"] != before["train"]
    assert replaced["test"] == before["test"]
    write_image(divided_folder / "train" / "no" / "9.jpg", 78)
    added = data.load(divided_folder).inventory
    assert added["train"].images == before["train"].images + 1


def test_a_large_folder_is_known_by_names_and_sizes(
    divided_folder, monkeypatch
):
    monkeypatch.setattr(fingerprints, "CONTENT_BYTES", 100)
    before = data.load(divided_folder).inventory
    path = divided_folder / "val" / "no" / "6.jpg"
    path.write_bytes(path.read_bytes() + b"more")
    after = data.load(divided_folder).inventory
    assert after["test"] != before["test"]
    assert after["train"] == before["train"]


def test_other_pixels_in_files_of_the_same_size_are_other_images(tmp_path):
    found = set()
    for swap in (False, True):
        root = tmp_path / str(swap)
        for name, level in (("cat", 10), ("dog", 200)):
            (root / name).mkdir(parents=True)
            pixel = 210 - level if swap else level
            flat = Image.new("RGB", (8, 8), (pixel, pixel, pixel))
            for i in range(4):
                flat.save(root / name / f"{i}.bmp")
        found.add(data.load(root, test_fraction=0.5).test.fingerprint)
    assert len(found) == 2


def test_a_folder_named_like_an_image_is_no_image(class_folder):
    before = data.load(class_folder).num_train
    name = next(p for p in class_folder.iterdir() if p.is_dir())
    (name / "folder.png").mkdir()
    assert data.load(class_folder).num_train == before


@pytest.mark.parametrize("name", ["test", "val", "validation", "valid", "Val"])
def test_divided_folder_is_taken_as_divided(divided_folder, name):
    if name != "val":
        (divided_folder / "val").rename(divided_folder / name)
    dataset = data.load(divided_folder)
    sizes = map(len, (dataset.train, dataset.validation, dataset.test))
    assert list(sizes) == [10, 2, 4]


def test_a_second_folder_validates(divided_folder):
    shutil.copytree(divided_folder / "val", divided_folder / "test")
    for path in divided_folder.glob("val/*/6.jpg"):
        path.unlink()
    dataset = data.load(divided_folder)
    sizes = map(len, (dataset.train, dataset.validation, dataset.test))
    assert list(sizes) == [12, 2, 4]
    without = data.load(divided_folder, validation_fraction=0)
    sizes = map(len, (without.train, without.validation, without.test))
    assert list(sizes) == [12, 0, 4]


def test_train_folder_alone_is_split(divided_folder):
    shutil.rmtree(divided_folder / "val")
    dataset = data.load(
        divided_folder, test_fraction=0.5, validation_fraction=0
    )
    assert (dataset.num_train, len(dataset.test)) == (6, 6)


def test_labels_follow_the_sorted_class_names(class_folder):
    dataset = data.load(class_folder, image_size=20, flip=False)
    sources = {}
    for label, name in enumerate(dataset.class_names):
        for path in (class_folder / name).iterdir():
            # 24x20: the shorter side is 20 already, 2 columns go each side.
            image = np.asarray(Image.open(path))[:, 2:22]
            sources[image.tobytes()] = label
    for images, labels in dataset.test.batches(1):
        assert sources[images.numpy()[0].tobytes()] == int(labels[0])


@pytest.mark.parametrize(
    ("size", "expected"), [((32, 32), 32), ((97, 97), 224), ((40, 30), 224)]
)
def test_small_square_images_set_the_size(
    tmp_path, size, expected, write_image
):
    for index in range(2):
        write_image(tmp_path / "a" / f"{index}.png", index, size)
    assert data.load(tmp_path).image_size == expected


def test_extensions_in_capitals_count_and_other_files_do_not(
    tmp_path, write_image
):
    for index, name in enumerate(("a.JPG", "b.JPEG", "c.PnG", "d.WebP")):
        write_image(tmp_path / "one" / name, index)
    write_image(tmp_path / "e.jpg", 5)
    (tmp_path / "e.jpg").rename(tmp_path / "one" / "e.jfif")
    (tmp_path / "one" / "notes.txt").write_text("not an image")
    dataset = data.load(tmp_path, validation_fraction=0)
    assert dataset.num_train + len(dataset.test) == 5


def test_what_is_passed_over_is_counted_and_reported(
    divided_folder, write_image, capsys
):
    yes = divided_folder / "train" / "yes"
    write_image(yes / "0.tif", 1)
    write_image(yes / "deep" / "1.TIF", 2)
    write_image(divided_folder / "train" / "loose.png", 3)
    write_image(divided_folder / "extra" / "cat" / "0.png", 4)
    (yes / "LICENCE").write_text("text")
    (yes / ".hidden.tif").write_text("text")
    (yes / "1.png").symlink_to("nowhere")
    (divided_folder / "train" / "maybe").symlink_to("nowhere")
    dataset = data.load(divided_folder)
    assert dataset.passed_over == {
        "files": {".tif": 2, "without extension": 1},
        "images_outside_classes": 1,
        "broken_links": 2,
        "folders": ["extra"],
    }
    told = capsys.readouterr().out
    assert "2 .tif, 1 without extension" in told
    assert "1 images outside class folders; 2 broken links" in told
    assert "2 broken links; the folders extra." in told


def test_a_folder_that_is_read_whole_is_not_reported(divided_folder, capsys):
    assert data.load(divided_folder).passed_over == {}
    assert capsys.readouterr().out == ""


def test_images_deeper_in_a_class_folder_are_of_the_class(
    divided_folder, write_image, capsys
):
    for index in range(4):
        deep = divided_folder / "train" / "yes" / "deep"
        write_image(deep / str(index % 2) / f"{index}.jpg", 50 + index)
    (deep / "0" / "loop").symlink_to(deep)
    dataset = data.load(divided_folder, validation_fraction=0)
    labels = np.concatenate([y for _, y in dataset.train.batches(4)])
    np.testing.assert_array_equal(np.bincount(labels), [6, 10])
    assert "4 images lie in folders inside" in capsys.readouterr().out


def test_class_folders_one_level_too_deep_are_refused(class_folder):
    with pytest.raises(ValueError, match="contain images themselves"):
        data.load(class_folder.parent)


def test_a_second_folder_that_isnt_used_is_named(divided_folder):
    shutil.copytree(divided_folder / "val", divided_folder / "valid")
    dataset = data.load(divided_folder, validation_fraction=0)
    assert dataset.passed_over == {"folders": ["valid"]}


@pytest.mark.parametrize("place", [b"no/caf\xe9.jpg", b"caf\xe9/0.jpg"])
def test_a_name_that_isnt_utf_8_is_named(divided_folder, place):
    train = os.fsencode(divided_folder / "train")
    path = os.path.join(train, place)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(os.path.join(train, b"no", b"0.jpg"), path)
    except OSError:
        pytest.skip("the file system holds UTF-8 names only")
    with pytest.raises(ValueError, match=r"UTF-8.*caf\\xe9"):
        data.load(divided_folder)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nope", "must exist. Received: spec=.*nope"),
        (".", "must contain class folders"),
    ],
)
def test_a_folder_without_classes_is_refused(tmp_path, place, message):
    with pytest.raises(ValueError, match=message):
        data.load(tmp_path / place)


def test_empty_class_is_named(class_folder):
    (class_folder / "yak").mkdir()
    with pytest.raises(ValueError, match="Received: empty=\\['yak'\\]"):
        data.load(class_folder)


def test_classes_that_differ_between_the_halves_are_named(divided_folder):
    (divided_folder / "val" / "yes").rename(divided_folder / "val" / "yess")
    with pytest.raises(ValueError, match="train.*\\['yes'\\].*\\['yess'\\]"):
        data.load(divided_folder)


def test_unknown_name_lists_what_is_accepted():
    with pytest.raises(ValueError, match="'digits', 'mini_imagenet', a folder"):
        data.load("cifarr10")


def test_corrupt_training_image_stops_the_run_and_is_named(
    divided_folder, truncate
):
    bad = divided_folder / "train" / "yes" / "3.jpg"
    truncate(bad)
    dataset = data.load(divided_folder)
    with pytest.raises(data.CorruptImageError, match=str(bad)):
        list(dataset.train.guard(dataset.train_batches(4, epoch=0)))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b""), ".*it is empty"),
        (lambda path: path.unlink(), ""),
    ],
)
def test_a_test_image_damaged_after_loading_is_named(
    divided_folder, damage, reason
):
    dataset = data.load(divided_folder)
    bad = divided_folder / "val" / "no" / "6.jpg"
    damage(bad)
    with pytest.raises(data.CorruptImageError, match=f"{bad}{reason}"):
        list(dataset.test.guard(dataset.test.batches(4)))


def test_errors_of_the_loop_body_pass_through_the_guard(divided_folder):
    dataset = data.load(divided_folder)
    with pytest.raises(ZeroDivisionError):
        for _ in dataset.test.guard(dataset.test.batches(1)):
            1 / 0


def test_corrupt_images_are_left_out_and_listed_on_request(
    divided_folder, truncate
):
    bad = [
        divided_folder / "train" / "no" / "0.jpg",
        divided_folder / "train" / "yes" / "5.jpg",
        divided_folder / "val" / "yes" / "7.jpg",
    ]
    for path in bad:
        truncate(path)
    dataset = data.load(
        divided_folder, skip_corrupt=True, validation_fraction=0
    )
    assert dataset.skipped == [str(path) for path in bad]
    assert (dataset.num_train, len(dataset.test)) == (10, 3)
    assert len(list(dataset.train_batches(2, epoch=0))) == 5


def test_sound_folder_has_nothing_to_skip(divided_folder):
    dataset = data.load(divided_folder, skip_corrupt=True)
    assert dataset.skipped == []
    unchecked = data.load(divided_folder)
    assert dataset.test.fingerprint == unchecked.test.fingerprint


def test_folder_with_nothing_that_decodes_is_refused(divided_folder, truncate):
    for path in divided_folder.glob("val/*/*.jpg"):
        truncate(path)
    with pytest.raises(ValueError, match="at least one image that decodes"):
        data.load(divided_folder, skip_corrupt=True)
