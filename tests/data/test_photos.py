"""Tests of photos without labels."""

import types

import pytest

from bottlenet_tf import tasks
from bottlenet_tf.data import photos
from bottlenet_tf.data.images import Preprocessing

LIKE = types.SimpleNamespace(
    class_names=("a", "b", "c"),
    preprocessing=Preprocessing.resolve("auto", 16),
    task=tasks.ONE_CLASS,
)


def test_photos_are_found_in_any_depth_and_have_no_label(
    image_folder, tmp_path
):
    root = image_folder(tmp_path / "root", ("a", "b/c"), 3)
    (root / "a" / "notes.txt").write_text("no photo")
    (root / ".thumbnails").mkdir()
    for place in (".thumbnails/00.png", "a/.hidden.png", "top.PNG"):
        (root / place).write_bytes((root / "a" / "00.png").read_bytes())
    found = photos.list_photos(root)
    assert sorted(found.identities) == [
        "a/00.png", "a/01.png", "a/02.png", "b/c/00.png", "b/c/01.png",
        "b/c/02.png", "top.PNG",
    ]  # fmt: skip
    assert not found.labels.any()


@pytest.mark.parametrize("count", [0, 1])
def test_one_photo_is_too_few(image_folder, tmp_path, count):
    root = image_folder(tmp_path / "root", ("a",), count)
    with pytest.raises(ValueError, match=f"--images must be .* {count} photos"):
        photos.list_photos(root)


def test_a_folder_that_is_missing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="--images must be a folder"):
        photos.list_photos(tmp_path / "nowhere")


def test_a_share_is_held_out_by_the_seed(image_folder, tmp_path):
    root = image_folder(tmp_path / "root", ("a", "b"), 10)
    found = photos.list_photos(root)

    def parts(seed):
        dataset = photos.divide(found, LIKE, 0.3, seed)
        return [
            set(part.examples.identities)
            for part in (dataset.train, dataset.validation)
        ]

    fit, held_out = parts(0)
    assert len(held_out) == 6 and fit | held_out == set(found.identities)
    assert not fit & held_out
    assert parts(0) == [fit, held_out] and parts(1) != [fit, held_out]


def test_photos_are_read_as_the_network_sees_images(image_folder, tmp_path):
    root = image_folder(tmp_path / "root", ("a",), 4)
    dataset = photos.divide(photos.list_photos(root), LIKE, 0.25, 0)
    assert dataset.num_classes == 3
    images, labels = next(iter(dataset.train_batches(3, epoch=0)))
    assert images.shape == (3, 16, 16, 3) and not labels.numpy().any()
