"""Tests of the features that are computed once for several epochs."""

import types

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.training.feature_cache import FeatureCache

BATCH, STEPS = 2, 3
ROW_BYTES = 2 * 4 + 8 * 2  # Four float16 of a feature; answers and targets.


class Images:
    """Six images that are numbers; augmentation adds 10 times the epoch."""

    train = types.SimpleNamespace(guard=lambda batches: batches)

    def steps_per_epoch(self, batch_size):
        assert batch_size == BATCH
        return STEPS

    def train_batches(self, batch_size, *, epoch, augment=True):
        added = 10 * (epoch + 1) if augment else 0
        images = np.arange(BATCH * STEPS, dtype=np.float32) + added
        labels = np.arange(BATCH * STEPS, dtype=np.int32)
        return [
            (tf.constant(images[i : i + BATCH]), tf.constant(labels[:BATCH]))
            for i in range(0, len(images), BATCH)
        ]


@pytest.fixture
def open_cache(tmp_path):
    """Returns `(cache, steps that were prepared)`."""

    def open_(epochs, gigabytes=1.0, largest=0.0, worthwhile=True):
        prepared = []

        def prepare(images, labels, step):
            prepared.append(step)
            feature = np.repeat(images.numpy()[:, None], 4, axis=1) + largest
            answers = np.ones((BATCH, 2), np.float32)
            return feature, answers, np.zeros((BATCH, 2), np.float32)

        config = types.SimpleNamespace(batch_size=BATCH, seed=0, first_epoch=0)
        cache = FeatureCache(
            tmp_path / "features",
            Images(),
            config,
            prepare,
            1e9 * gigabytes,
            epochs,
        )
        assert cache.is_worthwhile(ROW_BYTES) == worthwhile
        return cache, prepared

    return open_


def values(cache, epoch, start=0):
    return np.concatenate([f[:, 0] for f, *_ in cache.batches(epoch, start)])


def test_an_epoch_has_every_image_once(open_cache):
    cache, _ = open_cache((4, 0))
    np.testing.assert_array_equal(
        np.sort(values(cache, 1)), np.arange(6) + 20.0
    )


def test_a_version_is_ready_before_its_batches_are_read(open_cache, tmp_path):
    """So that it has no part in the rate which an epoch's bar shows."""
    cache, _ = open_cache((4, 0))
    cache.batches(0, 0)
    assert list(tmp_path.rglob("0_features.npy"))


def test_versions_take_turns_and_are_computed_once(open_cache):
    size = ROW_BYTES * BATCH * STEPS
    cache, prepared = open_cache((9, 0), gigabytes=4 * size / 1e9)
    first, fifth = values(cache, 0), values(cache, 4)
    np.testing.assert_array_equal(np.sort(first), np.sort(fifth))
    assert len(prepared) == STEPS


def test_a_version_seen_again_comes_in_another_order(open_cache):
    size = ROW_BYTES * BATCH * STEPS
    cache, _ = open_cache((40, 0), gigabytes=4 * size / 1e9)
    orders = {tuple(values(cache, epoch)) for epoch in range(0, 40, 4)}
    assert len(orders) > 1


def test_clean_epochs_share_one_version_without_augmentation(open_cache):
    cache, prepared = open_cache((4, 2))
    for epoch in (4, 5):
        np.testing.assert_array_equal(
            np.sort(values(cache, epoch)), np.arange(6.0)
        )
    # Blends and the like are those of the first clean epoch.
    assert prepared == [12, 13, 14]


def test_a_resumed_epoch_goes_on_where_it_was(open_cache):
    cache, _ = open_cache((4, 0))
    whole = values(cache, 2)
    again, _ = open_cache((4, 0))
    np.testing.assert_array_equal(values(again, 2, start=1), whole[BATCH:])


def test_a_version_that_was_cut_off_is_computed_anew(open_cache, tmp_path):
    cache, _ = open_cache((4, 0))
    whole = values(cache, 0)
    # Renamed last, the features are what says that a version is whole.
    (tmp_path / "features" / "0_features.npy").unlink()
    again, prepared = open_cache((4, 0))
    np.testing.assert_array_equal(values(again, 0), whole)
    assert len(prepared) == STEPS


@pytest.mark.parametrize(
    "epochs, versions, worthwhile",
    [
        ((9, 1), 4, False),  # Three, and the clean one.
        ((2, 1), 3, True),  # Few epochs need few versions.
    ],
)
def test_too_few_versions_are_not_worthwhile(
    open_cache, epochs, versions, worthwhile
):
    size = versions * ROW_BYTES * BATCH * STEPS
    open_cache(epochs, gigabytes=size / 1e9, worthwhile=worthwhile)


def test_features_beyond_float16_are_refused(open_cache):
    cache, _ = open_cache((4, 0), largest=1e5)
    with pytest.raises(ValueError, match="--feature_cache_gb=0"):
        list(cache.batches(0, 0))


def test_closing_removes_the_files(open_cache, tmp_path):
    cache, _ = open_cache((4, 0))
    values(cache, 0)
    cache.close()
    assert not (tmp_path / "features").exists()
