"""Tests of miniImageNet on tiny stand-ins, in both of its forms."""

import io
import logging
import tarfile

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import data
from bottlenet_tf.data import mini_imagenet, mini_imagenet_files

CLASSES = ("n01532829", "n02089867", "n13133613")
# Archive members by number; their ranks are 1..8 by number, not by name.
NUMBERS = (3, 20, 100, 7, 1000, 45, 8, 9)
# The lists name six of the eight by rank, as 8 digits.
RANKS = {"train.csv": (1, 2, 4), "val.csv": (5,), "test.csv": (7, 8)}
LISTED = sorted(rank for ranks in RANKS.values() for rank in ranks)


def stem(wnid, rank):
    return f"{wnid}{rank:08d}"


@pytest.fixture(scope="module")
def original():
    """Maps (wnid, number) to a small JPEG's bytes."""
    images = {}
    for label, wnid in enumerate(CLASSES):
        for number in NUMBERS:
            rng = np.random.default_rng(10_000 * label + number)
            pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "JPEG")
            images[wnid, number] = file.getvalue()
    return images


def write_folders(root, original):
    for wnid in CLASSES:
        for rank in LISTED:
            half = "train" if rank < 5 else "val"
            path = root / half / wnid / f"{stem(wnid, rank)}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(original[wnid, sorted(NUMBERS)[rank - 1]])
    return root


@pytest.fixture
def folders(tmp_path, original):
    """Form (a), half of the classes' images under train/, half under val/."""
    return write_folders(tmp_path / "folders", original)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, original):
    """Form (a), prepared: the images' folder, and TFDS's."""
    root = tmp_path_factory.mktemp("prepared")
    folders = write_folders(root / "folders", original)
    mini_imagenet.prepare(root / "tfds", folders)
    return folders, root / "tfds"


def write_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def archives(tmp_path, original):
    """Form (b): one archive per class, members in no order, and the lists."""
    root = tmp_path / "archives"
    root.mkdir()
    for wnid in CLASSES:
        members = [(f"{wnid}_{n}.JPEG", original[wnid, n]) for n in NUMBERS]
        write_tar(root / f"{wnid}.tar", members)
    for name, ranks in RANKS.items():
        lines = [f"{stem(w, r)}.jpg,{w}" for w in CLASSES for r in ranks]
        (root / name).write_text("\n".join(["filename,label", *lines]) + "\n")
    return root


@pytest.fixture
def nested(tmp_path, archives):
    """Form (b) with ImageNet's archive of archives."""
    members = []
    for wnid in CLASSES:
        path = archives / f"{wnid}.tar"
        members.append((path.name, path.read_bytes()))
        path.unlink()
    write_tar(archives / mini_imagenet_files.IMAGENET_ARCHIVE, members)
    return archives


def read(root, wanted=lambda name: True):
    """Maps stem to class and bytes."""
    found = {}
    for wnid, name, content in mini_imagenet_files.find(root).read(wanted):
        if not isinstance(content, bytes):
            content = content.read_bytes()
        found[name] = (wnid, content)
    return found


def prepared_splits(root, data_dir):
    """Prepares, then maps split to {file name: image bytes}."""
    import tensorflow_datasets as tfds

    builder = mini_imagenet.prepare(data_dir, root)
    skip = {"image": tfds.decode.SkipDecoding()}
    return {
        split: {
            record["file_name"]: record["image"]
            for record in tfds.as_numpy(
                builder.as_dataset(split=split, decoders=skip)
            )
        }
        for split in ("train", "test")
    }


def test_there_are_a_hundred_distinct_sorted_classes():
    wnids = mini_imagenet_files.WNIDS
    assert len(wnids) == 100
    assert list(wnids) == sorted(set(wnids))


def test_rank_counts_from_one_in_the_order_of_the_numbers(archives, original):
    found = read(archives)
    # Sorted: 3, 7, 8, 9, 20, 45, 100, 1000. Rank 5 is 20 and rank 8 is 1000.
    wnid = CLASSES[0]
    assert found[stem(wnid, 5)] == (wnid, original[wnid, 20])
    assert found[stem(wnid, 8)] == (wnid, original[wnid, 1000])


def test_all_forms_hold_the_same_images(folders, nested):
    assert read(folders) == read(nested)


def test_archive_of_archives_reads_like_its_parts(archives, request):
    apart = read(archives)
    assert read(request.getfixturevalue("nested")) == apart


def test_both_forms_prepare_the_same_splits(prepared, archives, tmp_path):
    first = prepared_splits(*prepared)
    second = prepared_splits(archives, tmp_path / "tfds")
    assert first == second
    # 15 % of 6 is 0.9: one image of every class tests.
    assert {name: len(x) for name, x in first.items()} == {
        "train": 15,
        "test": 3,
    }
    assert not first["train"].keys() & first["test"].keys()


def test_loaded_splits_share_no_image(prepared):
    manual_dir, data_dir = prepared
    dataset = data.load(
        "mini_imagenet",
        data_dir=data_dir,
        manual_dir=manual_dir,
        image_size=16,
        augmentation="none",
        validation_fraction=0,
    )
    assert (dataset.num_train, len(dataset.test)) == (15, 3)
    train = {x.numpy().tobytes() for x, _ in dataset.train_batches(1, epoch=0)}
    test = {x.numpy().tobytes() for x, _ in dataset.test.batches(1)}
    assert (len(train), len(test)) == (15, 3)
    assert not train & test


def test_prepared_records_need_no_images(prepared):
    _, data_dir = prepared
    dataset = data.load("mini_imagenet", data_dir=data_dir)
    # Labels count over all hundred classes.
    labels = {int(y[0]) for _, y in dataset.test.batches(1)}
    assert labels == {0, 11, 99}
    assert (dataset.num_classes, dataset.image_size) == (100, 224)


def test_other_images_than_the_prepared_ones_are_refused(prepared, folders):
    _, data_dir = prepared
    next(folders.glob("train/*/*.jpg")).unlink()
    with pytest.raises(ValueError, match="another `data_dir`"):
        mini_imagenet.prepare(data_dir, folders)


def test_images_are_sought_where_tfds_users_put_them(folders, tmp_path, caplog):
    manual = tmp_path / "tfds" / "downloads" / "manual" / "mini_imagenet"
    manual.parent.mkdir(parents=True)
    folders.rename(manual)
    with caplog.at_level(logging.WARNING):
        assert mini_imagenet.prepare(tmp_path / "tfds").info.splits["train"]
    # An incomplete copy is warned about.
    assert "97 of 100 classes are missing" in caplog.text
    assert "class n01532829 has 6 images instead of 600" in caplog.text


def test_corrupt_image_is_named_by_its_file(folders, tmp_path, truncate):
    bad = folders / "val" / CLASSES[1] / f"{stem(CLASSES[1], 7)}.jpg"
    truncate(bad)
    dataset = data.load(
        "mini_imagenet", data_dir=tmp_path / "tfds", manual_dir=folders
    )
    with pytest.raises(data.CorruptImageError, match=bad.name):
        for part in (dataset.train, dataset.validation, dataset.test):
            list(part.guard(part.batches(3)))


def test_missing_images_are_explained(tmp_path):
    with pytest.raises(ValueError, match="give that as `manual_dir`"):
        data.load("mini_imagenet", data_dir=tmp_path)


def test_folder_without_any_class_is_refused(tmp_path):
    (tmp_path / "n00000000").mkdir()
    with pytest.raises(ValueError, match="none of the 100 classes is there"):
        mini_imagenet_files.find(tmp_path)


def test_archives_without_their_lists_are_refused(archives):
    (archives / "val.csv").unlink()
    with pytest.raises(ValueError, match="without \\['val.csv'\\]"):
        mini_imagenet_files.find(archives)


def test_line_that_is_no_list_entry_is_quoted(archives):
    (archives / "val.csv").write_text("filename,label\ncat.jpg,n01532829\n")
    with pytest.raises(ValueError, match="cat.jpg"):
        mini_imagenet_files.find(archives)


def test_image_in_two_folders_is_named(folders):
    name = f"{stem(CLASSES[0], 1)}.jpg"
    (folders / "val" / CLASSES[0] / name).write_bytes(b"again")
    with pytest.raises(ValueError, match=name):
        mini_imagenet_files.find(folders)


def test_truncated_archive_is_named(archives):
    path = archives / f"{CLASSES[1]}.tar"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match=f"archive=.*{CLASSES[1]}.tar"):
        read(archives)


def test_incomplete_archive_is_named(archives, original):
    wnid = CLASSES[2]
    members = [(f"{wnid}_{n}.JPEG", original[wnid, n]) for n in NUMBERS[:5]]
    write_tar(archives / f"{wnid}.tar", members)
    with pytest.raises(ValueError, match=f"class='{wnid}' with 5 images"):
        read(archives)
