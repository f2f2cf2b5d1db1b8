"""Tests of labels that are outputs of a larger network, and unseen classes."""

import numpy as np
import pytest

from bottlenet_tf import data


def _labels(part):
    return np.concatenate([y.numpy() for _, y in part.batches(50)])


def test_labels_are_the_outputs_that_the_classes_are(class_folder):
    dataset = data.load(
        class_folder, test_fraction=0.25, class_indices=(3, 0, 1), num_outputs=5
    )
    np.testing.assert_array_equal(_labels(dataset.test), [3, 3, 0, 0, 1, 1])
    (_, labels), *_ = dataset.train_batches(dataset.num_train, epoch=0)
    assert set(labels.numpy()) == {0, 1, 3}
    wanted = ("dog", "newt", "output 2", "cat", "output 4")
    assert dataset.class_names == wanted and dataset.num_classes == 5


def test_a_subset_stays_balanced_over_other_labels(class_folder):
    dataset = data.load(
        class_folder, test_fraction=0.5, max_test=6,
        class_indices=(700, 2, 5),
    )  # fmt: skip
    counts = np.bincount(_labels(dataset.test))[[2, 5, 700]]
    np.testing.assert_array_equal(counts, [2, 2, 2])


def test_other_labels_make_another_fingerprint_of_the_same_images(class_folder):
    plain = data.load(class_folder)
    mapped = data.load(class_folder, class_indices=(7, 2, 5), num_outputs=9)
    assert plain.test.fingerprint != mapped.test.fingerprint
    assert plain.inventory == mapped.inventory


def test_one_output_is_named_for_each_class(class_folder):
    with pytest.raises(
        ValueError, match="2 class_indices, 3 classes in 'pets'"
    ):
        data.load(class_folder, class_indices=(7, 2))


def test_nothing_is_learned_or_chosen_from_unseen_classes(class_folder):
    dataset = data.load(
        class_folder, test_fraction=0.25, validation_fraction=1 / 6,
        unseen_classes=("dog",),
    )  # fmt: skip
    for part, wanted in (("train", [5, 0, 5]), ("validation", [1, 0, 1])):
        counts = np.bincount(_labels(getattr(dataset, part)))
        np.testing.assert_array_equal(counts, wanted)


def test_test_images_are_divided_into_seen_and_unseen(class_folder):
    whole = data.load(class_folder, test_fraction=0.25)
    dataset = data.load(
        class_folder, test_fraction=0.25, unseen_classes=("cat", "newt")
    )
    np.testing.assert_array_equal(_labels(dataset.test), [1, 1])
    np.testing.assert_array_equal(_labels(dataset.unseen), [0, 0, 2, 2])
    names = [
        part.examples.identities for part in (dataset.test, dataset.unseen)
    ]
    assert sorted(sum(names, [])) == sorted(whole.test.examples.identities)


def test_limits_count_both_kinds_of_test_but_seen_training_images(class_folder):
    dataset = data.load(
        class_folder, test_fraction=0.5, max_test=6, max_train=6,
        validation_fraction=0, unseen_classes=("cat",),
    )  # fmt: skip
    assert (len(dataset.test), len(dataset.unseen)) == (4, 2)
    np.testing.assert_array_equal(
        np.bincount(_labels(dataset.train)), [0, 3, 3]
    )


def test_unseen_classes_may_be_outputs_of_a_larger_network(class_folder):
    dataset = data.load(
        class_folder, class_indices=(7, 2, 5), num_outputs=9,
        unseen_classes=("dog",),
    )  # fmt: skip
    assert set(_labels(dataset.unseen)) == {2}
    assert set(_labels(dataset.test)) == {5, 7}


def test_without_unseen_classes_the_part_is_empty(class_folder):
    assert not data.load(class_folder).unseen


@pytest.mark.parametrize(
    ("unseen", "limits", "message"),
    [
        (("bird",), {}, r"cat, dog, newt.*\['bird'\]"),
        (("newt", "dog", "cat"), {}, "leave a class.*Received: unseen"),
        (("dog",), {"max_test": 1}, "seen and of unseen.*max_test=1"),
    ],
)
def test_impossible_unseen_classes_are_refused(
    class_folder, unseen, limits, message
):
    with pytest.raises(ValueError, match=message):
        data.load(class_folder, unseen_classes=unseen, **limits)
