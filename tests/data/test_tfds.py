"""Tests of TFDS data sets, on one that is defined here."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from bottlenet_tf import data
from bottlenet_tf.config.run import DataConfig
from bottlenet_tf.data import records
from bottlenet_tf.data.fingerprints import Fingerprint
from bottlenet_tf.data.sources import from_builder


class BottlenetToy(tfds.core.GeneratorBasedBuilder):
    """24 numbered 8x8 images in two classes, in the splits asked for."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name)
        for name in (
            "train",
            "train-test",
            "train-validation",
            "train-test-validation",
            "test",
        )
    ]

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="toy",
            features=tfds.features.FeaturesDict(
                {
                    "id": np.int64,
                    "image": tfds.features.Image(shape=(8, 8, 1)),
                    "label": tfds.features.ClassLabel(names=["even", "odd"]),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        names = self.builder_config.name.split("-")
        return {
            name: self._generate_examples(24 * index)
            for index, name in enumerate(names)
        }

    def _generate_examples(self, start):
        for value in range(start, start + 24):
            pixels = np.full((8, 8, 1), 3 * value, np.uint8)
            yield value, {"id": value, "image": pixels, "label": value % 2}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


def values(batches):
    """Back from pixels to the examples' numbers."""
    return [int(v) // 3 for x, _ in batches for v in x.numpy()[:, 0, 0, 0]]


def load(data_dir, config, validation_fraction=0, **arguments):
    return data.load(
        f"bottlenet_toy/{config}",
        data_dir=data_dir,
        validation_fraction=validation_fraction,
        **arguments,
    )


@pytest.mark.parametrize("config", ["train-test", "train-validation"])
def test_its_own_test_or_else_validation_split_tests(data_dir, config):
    dataset = load(data_dir, config)
    assert sorted(values(dataset.test.batches(5))) == list(range(24, 48))
    # Size and names come from the catalogue.
    assert (dataset.image_size, dataset.class_names) == (8, ("even", "odd"))
    assert dataset.name == f"bottlenet_toy/{config}"


def test_training_split_alone_is_divided(data_dir):
    dataset = load(data_dir, "train", test_fraction=0.25, augmentation="none")
    train = values(dataset.train_batches(6, epoch=0))
    test = values(dataset.test.batches(4))
    assert (len(train), len(test)) == (18, 6)
    assert sorted(train + test) == list(range(24))


def test_validation_images_are_taken_from_those_that_train(data_dir):
    dataset = load(
        data_dir, "train-test", validation_fraction=0.25, augmentation="none"
    )
    train = values(dataset.train_batches(18, epoch=0))
    validation = values(dataset.validation.batches(4))
    assert (len(train), len(validation)) == (18, 6)
    assert sorted(train + validation) == list(range(24))


def test_its_own_validation_split_validates_beside_a_test_split(data_dir):
    dataset = load(data_dir, "train-test-validation", validation_fraction=0.1)
    assert sorted(values(dataset.validation.batches(5))) == list(range(48, 72))
    assert sorted(values(dataset.test.batches(5))) == list(range(24, 48))
    assert dataset.num_train == 24


def test_labels_stay_with_their_images(data_dir):
    dataset = load(data_dir, "train-test", augmentation="none")
    for images, labels in dataset.train_batches(24, epoch=0):
        numbers = images.numpy()[:, 0, 0, 0] // 3
        np.testing.assert_array_equal(numbers % 2, labels)


def test_epochs_are_shuffled_differently_and_repeatably(data_dir):
    dataset = load(data_dir, "train-test", augmentation="none")
    first = values(dataset.train_batches(4, epoch=0))
    assert values(dataset.train_batches(4, epoch=1)) != first
    assert values(dataset.train_batches(4, epoch=0)) == first


def test_resuming_a_stream_gives_the_rest_of_the_epoch(data_dir):
    dataset = load(data_dir, "train", test_fraction=0.25)
    whole = [x.numpy() for x, _ in dataset.train_batches(4, epoch=2)]
    rest = dataset.train_batches(4, epoch=2, start_batch=3)
    np.testing.assert_array_equal([x.numpy() for x, _ in rest], whole[3:])
    # The number of batches is known in advance.
    assert (len(rest), len(whole), len(dataset.test.batches(4))) == (1, 4, 2)


def test_limits_keep_the_first_stored(data_dir):
    dataset = load(data_dir, "train-test", max_train=6, max_test=5)
    assert (dataset.num_train, len(dataset.test)) == (6, 5)
    assert len(values(dataset.test.batches(2))) == 5


def test_check_for_corrupt_images_finds_none(data_dir):
    dataset = load(data_dir, "train", skip_corrupt=True, test_fraction=0.25)
    assert (dataset.skipped, dataset.num_train) == ([], 18)


def test_unknown_configuration_lists_what_is_accepted(data_dir):
    with pytest.raises(ValueError, match="Received: spec='bottlenet_toy/no'"):
        load(data_dir, "no")


def test_data_set_without_a_train_split_is_refused(data_dir):
    with pytest.raises(ValueError, match="needs a `train` split"):
        load(data_dir, "test")


def test_data_set_without_labels_is_refused(data_dir):
    builder = tfds.builder("bottlenet_toy/train", data_dir=data_dir)
    del builder.info.features._feature_dict["label"]
    with pytest.raises(ValueError, match="`image` and `label`"):
        from_builder(builder, 0.15, 0.1, seed=0)


def test_split_too_large_for_memory_streams_and_resumes(data_dir, monkeypatch):
    monkeypatch.setattr(records, "MEMORY_BYTES", 2_000)  # about 20 images
    dataset = load(data_dir, "train-test", augmentation="none")
    whole = values(dataset.train_batches(4, epoch=0))
    assert sorted(whole) == list(range(24))
    assert values(dataset.train_batches(4, epoch=1)) != whole
    rest = dataset.train_batches(4, epoch=0, start_batch=2)
    assert values(rest) == whole[8:]


def test_labels_may_be_outputs_of_a_larger_network(data_dir):
    dataset = load(data_dir, "train-test", class_indices=(9, 4))
    plain = dataset.train_batches(8, epoch=0, augment=False)
    for batches in (dataset.test.batches(30), plain):
        for images, labels in batches:
            odd = images.numpy()[:, 0, 0, 0] // 3 % 2
            np.testing.assert_array_equal(labels, np.where(odd, 4, 9))


def test_other_labels_make_another_fingerprint(data_dir):
    plain = load(data_dir, "train-test")
    mapped = load(data_dir, "train-test", class_indices=(9, 4))
    assert plain.test.fingerprint != mapped.test.fingerprint


def test_unseen_classes_test_apart(data_dir):
    dataset = load(
        data_dir, "train-test", validation_fraction=0.25,
        class_indices=(9, 4), unseen_classes=("odd",),
    )  # fmt: skip
    numbers = [
        values(part.batches(30))
        for part in (dataset.train, dataset.validation, dataset.test)
    ]
    assert all(number % 2 == 0 for part in numbers for number in part)
    assert sorted(values(dataset.unseen.batches(30))) == [*range(25, 48, 2)]


def open_all(data_dir, config):
    trained = DataConfig(dataset="digits", validation_fraction=0.25)
    return data.load_part(
        f"bottlenet_toy/{config}", "all", trained, Fingerprint(0, ""),
        image_size=8, num_outputs=2, data_dir=data_dir, class_indices=(1, 0),
    )  # fmt: skip


@pytest.mark.slow
def test_all_images_of_one_split_are_measured_in_the_stored_order(data_dir):
    dataset = open_all(data_dir, "train")
    assert dataset.test.name == "all"
    stored = load(data_dir, "train", test_fraction=0.5)
    found = values(dataset.test.batches(5))
    assert sorted(found) == list(range(24))
    assert [v for v in found if v in set(values(stored.test.batches(5)))] == (
        values(stored.test.batches(5))
    )
    labels = [int(y) for _, ys in dataset.test.batches(5) for y in ys]
    assert labels == [1 - v % 2 for v in found]


def test_all_images_of_several_splits_are_refused(data_dir):
    with pytest.raises(ValueError, match=r"splits=\['test', 'train'\]"):
        open_all(data_dir, "train-test")
