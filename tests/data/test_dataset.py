"""Tests of batches: determinism, resuming, splits and fingerprints."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import data


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def few():
    """300 training and 100 test digits, for what needs several epochs."""
    return data.load("digits", max_train=300, max_test=100)


def collect(batches):
    return [(x.numpy(), y.numpy()) for x, y in batches]


def assert_equal(left, right):
    assert len(left) == len(right)
    for (x, y), (u, v) in zip(left, right):
        np.testing.assert_array_equal(x, u)
        np.testing.assert_array_equal(y, v)


def test_digits_come_as_32_pixel_rgb_in_ten_classes(digits):
    images, labels = next(iter(digits.train_batches(16, epoch=0)))
    assert (images.shape, images.dtype) == ((16, 32, 32, 3), tf.uint8)
    assert (labels.shape, labels.dtype) == ((16,), tf.int32)
    assert digits.num_classes == 10


def test_digits_split_80_to_20_within_one_image_per_class(digits):
    parts = digits.train, digits.validation, digits.test
    assert sum(map(len, parts)) == 1797
    labels = np.concatenate([y for _, y in collect(digits.test.batches(100))])
    # Classes have 174 to 183 images: 20 % are 35 to 37.
    assert set(np.bincount(labels)) <= {35, 36, 37}


def test_digits_splits_share_no_pixel_content(digits):
    train = digits.train_batches(1, epoch=0, augment=False)
    seen = {x.tobytes() for x, _ in collect(train)}
    assert len(seen) == digits.num_train
    for part in (digits.validation, digits.test):
        found = [x.tobytes() for b, _ in collect(part.batches(100)) for x in b]
        assert len(found) == len(part) and not seen & set(found)
        seen |= set(found)


def test_digits_are_not_mirrored(digits):
    assert not digits.preprocessing.flip


def test_epoch_has_whole_batches_only(digits):
    steps = digits.num_train // 100
    assert digits.steps_per_epoch(100) == steps
    batches = digits.train_batches(100, epoch=0)
    assert len(batches) == steps == len(collect(batches))


def test_epoch_shows_no_image_twice(few):
    batches = collect(few.train_batches(50, epoch=3, augment=False))
    images = [x.tobytes() for batch, _ in batches for x in batch]
    assert len(set(images)) == len(images)


def test_same_epoch_gives_the_same_bytes_in_a_new_data_set(few):
    again = data.load("digits", max_train=300)
    assert_equal(
        collect(few.train_batches(100, epoch=2)),
        collect(again.train_batches(100, epoch=2)),
    )


def test_resuming_at_a_batch_gives_the_rest_of_the_epoch(few):
    whole = collect(few.train_batches(20, epoch=1))
    rest = collect(few.train_batches(20, epoch=1, start_batch=9))
    assert_equal(rest, whole[9:])


def test_resuming_after_the_last_batch_gives_nothing(few):
    steps = few.steps_per_epoch(100)
    assert not collect(few.train_batches(100, epoch=1, start_batch=steps))


def test_number_of_threads_changes_no_byte(few):
    single = tf.data.Options()
    single.threading.private_threadpool_size = 1
    batches = few.train_batches(20, epoch=1)
    assert_equal(collect(batches.with_options(single)), collect(batches))


def test_epochs_differ_in_order_and_in_crops(few):
    def pixels(augment, epoch):
        batches = few.train_batches(50, epoch=epoch, augment=augment)
        return [x.tobytes() for batch, _ in collect(batches) for x in batch]

    assert pixels(False, 0) != pixels(False, 1)
    shared = set(pixels(True, 0)) & set(pixels(True, 1))
    # 9 x 9 crops: about one image in 81 gets the same one again.
    assert len(shared) < few.num_train / 20


def test_another_seed_gives_another_order():
    orders = []
    for seed in (0, 1):
        dataset = data.load("digits", seed=seed, max_train=300)
        batches = dataset.train_batches(50, epoch=0)
        orders.append(np.concatenate([y for _, y in collect(batches)]))
    assert (orders[0] != orders[1]).any()


def test_test_batches_repeat_in_order_and_drop_nothing(few):
    first = collect(few.test.batches(30))
    assert sum(len(y) for _, y in first) == len(few.test)
    assert_equal(first, collect(few.test.batches(30)))


def test_limits_keep_a_balanced_subset():
    small = data.load("digits", max_train=30, max_test=20)
    assert (small.num_train, len(small.test)) == (30, 20)
    batches = collect(small.train_batches(30, epoch=0))
    np.testing.assert_array_equal(np.bincount(batches[0][1]), [3] * 10)


def test_validation_is_a_tenth_of_what_would_train(digits):
    labels = np.concatenate(
        [y for _, y in collect(digits.validation.batches(100))]
    )
    # 138 to 147 images of a class are left for both.
    assert set(np.bincount(labels)) <= {14, 15}


def test_a_fraction_of_zero_leaves_no_validation_images(digits):
    whole = data.load("digits", validation_fraction=0)
    assert not whole.validation
    assert whole.num_train == digits.num_train + len(digits.validation)
    assert whole.test.fingerprint == digits.test.fingerprint


def test_the_seed_of_a_run_divides_no_data(digits):
    other = data.load("digits", seed=1)
    assert other.inventory == digits.inventory
    for part in ("train", "validation", "test"):
        ours, theirs = getattr(digits, part), getattr(other, part)
        assert ours.fingerprint == theirs.fingerprint


def test_the_seed_of_a_run_leaves_out_no_other_images():
    kept = {
        data.load("digits", seed=seed, max_train=30).train.fingerprint
        for seed in (0, 1)
    }
    assert len(kept) == 1


def test_another_split_seed_divides_anew(digits):
    other = data.load("digits", split_seed=1)
    for part, fingerprint in other.inventory.items():
        assert fingerprint != digits.inventory[part]


def test_an_inventory_knows_no_limits_and_no_crops(digits):
    small = data.load("digits", image_size=28, max_train=30, max_test=20)
    assert small.inventory == digits.inventory


def test_development_images_validate_or_else_train(digits):
    assert digits.development is digits.validation
    without = data.load("digits", validation_fraction=0)
    assert without.development is without.train


def test_fingerprint_is_repeatable_whatever_the_training_does(digits):
    other = data.load("digits", augmentation="none", max_train=100)
    assert other.test.fingerprint == digits.test.fingerprint


@pytest.mark.parametrize(
    "changes", [{"image_size": 28}, {"max_test": 50}, {"split_seed": 1}]
)
def test_fingerprint_changes_with_what_is_evaluated(digits, changes):
    other = data.load("digits", **changes)
    assert other.test.fingerprint != digits.test.fingerprint


@pytest.mark.parametrize(
    ("image_size", "stored"), [(32, 8), (16, 8), (8, 8), (4, 4)]
)
def test_stored_size_is_that_of_the_images_before_they_are_enlarged(
    image_size, stored
):
    dataset = data.load("digits", image_size=image_size)
    assert dataset.test.stored_size == stored


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"batch_size": 5000}, "Received: batch_size=5000"),
        ({"epoch": -1}, "Received: epoch=-1"),
        ({"start_batch": 15}, "Received: start_batch=15"),
    ],
)
def test_impossible_batches_are_named_in_the_error(digits, arguments, message):
    given = {"batch_size": 100, "epoch": 0, **arguments}
    with pytest.raises(ValueError, match=message):
        digits.train_batches(**given)


def test_distribution_strategy_sees_the_same_images(few):
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    batches = few.train_batches(100, epoch=0)
    distributed = strategy.experimental_distribute_dataset(batches)
    assert_equal(collect(few.train.guard(distributed)), collect(batches))


def test_data_set_is_sharded_by_elements_not_by_files(digits):
    options = digits.train_batches(10, epoch=0).options()
    policy = options.experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.DATA


@pytest.mark.parametrize("limit", ["max_train", "max_validation", "max_test"])
def test_empty_limit_is_named_in_the_error(limit):
    with pytest.raises(ValueError, match=f"Received: {limit}=0"):
        data.load("digits", **{limit: 0})


def test_manual_folder_is_refused_where_it_means_nothing(tmp_path):
    with pytest.raises(ValueError, match="belongs to 'mini_imagenet' only"):
        data.load("digits", manual_dir=tmp_path)
