"""Tests of what is gathered of images before a closed form."""

import types

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.training import patch_klt, statistics
from bottlenet_tf.training.network import build_backbone
from tests.eager import eagerly


def _read(forward, dataset, count, seed=0):
    """Returns features and gradients of `count` images, of each split."""
    with eagerly():
        batches = statistics.Batches(forward, dataset, seed)
        found = list(batches.read(count, "test"))
    return [
        tuple(map(np.concatenate, zip(*pairs, strict=True)))
        for pairs in zip(*found, strict=True)
    ]


@pytest.fixture
def backbone(learned_run, digits):
    return build_backbone(learned_run, digits.image_size, digits.num_classes)


def test_the_gradients_outer_product_is_the_fisher_information(started, digits):
    model = started.model
    ((features, gradients),) = _read(statistics._from_unit(model), digits, 96)
    assert features.shape == gradients.shape == (96, 16, 16, 4)
    # E[g g^T] = J^T (diag p - p p^T) J, of which the trace is worked out.
    x = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model.answer(x)
    jacobian = tape.batch_jacobian(logits, x).numpy().reshape(96, 10, -1)
    p = tf.nn.softmax(logits / statistics.METRIC_TEMPERATURE).numpy()
    mean = np.einsum("bk,bkd->bd", p, jacobian)
    trace = np.einsum("bk,bkd->", p, jacobian**2) - np.sum(mean**2)
    # 96 draws of chi-square with few degrees of freedom.
    assert np.sum(gradients**2) == pytest.approx(trace, rel=0.3)


def test_the_draw_of_projections_follows_the_seed(started, digits):
    forward = statistics._from_unit(started.model)
    first, again, other = (
        _read(forward, digits, 32, seed)[0][1] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_one_pass_serves_every_split_as_one_of_its_own(
    started, backbone, digits, learned_run
):
    splits = [point.name for point in backbone.split_points]
    assert len(splits) > 1
    found = _read(statistics._from_backbone(backbone, splits), digits, 40)
    (alone,) = _read(statistics._from_unit(started.model), digits, 40)
    together = found[splits.index(learned_run.split)]
    for ours, theirs in zip(together, alone, strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * scale)


def test_all_splits_statistics_are_those_of_each(
    started, backbone, digits, learned_run, monkeypatch, tmp_path
):
    monkeypatch.setattr(statistics, "_BATCH", 16)  # Not a divisor of 40.
    sizes = {"patch": 2, "channels": 8}
    names = [point.name for point in backbone.split_points]
    with eagerly():
        alone = statistics.of_unit(started.model, digits, 40, 0)
        every = dict(
            statistics.of_splits(
                backbone, {n: sizes for n in names}, digits, 40, 0, tmp_path
            )
        )
    assert list(every) == names
    together = every[learned_run.split]
    assert alone.z.shape == alone.g.shape == (40, 8, 8, 8)
    restored = [
        each.z @ each.patches.inverse for each in (alone, together)
    ]  # The sign of a direction is not determined.
    np.testing.assert_allclose(*restored, atol=1e-3)


def test_the_patches_transform_may_read_fewer_images(
    started, digits, monkeypatch
):
    monkeypatch.setattr(statistics, "_PATCH_IMAGES", 24)
    with eagerly():
        few = statistics.of_unit(started.model, digits, 64, 0)
        fewer = statistics.of_unit(started.model, digits, 24, 0)
    np.testing.assert_array_equal(few.patches.forward, fewer.patches.forward)
    assert len(few.z) == 64 and len(fewer.z) == 24
    np.testing.assert_allclose(few.z[:24], fewer.z, rtol=1e-4, atol=1e-5)


def _spoiled(model, factor, added):
    """Features that are multiplied with a number, and another added."""

    def forward(images, tape):
        feature = model.features(images) * factor + added
        tape.watch(feature)
        return [feature], model.answer(feature)

    return forward


@pytest.mark.parametrize(
    "factor, added, told",
    [
        (np.nan, 0.0, "feature at cut must be finite"),
        (0.0, 1.0, "The feature at cut must vary"),
    ],
)
def test_features_that_tell_nothing_are_refused(
    started, digits, factor, added, told
):
    sizes = {"cut": {"patch": 2, "channels": 8}}
    with eagerly():
        forward = _spoiled(started.model, factor, added)
        batches = statistics.Batches(forward, digits, 0)
        with pytest.raises(ValueError, match=told):
            list(statistics._gather(batches, sizes, 24))


@pytest.mark.parametrize("cut_off", [lambda x: x * 0.0, tf.stop_gradient])
def test_an_answer_that_does_not_depend_on_the_feature_is_refused(
    started, digits, cut_off
):
    def forward(images, tape):
        feature = started.model.features(images)
        tape.watch(feature)
        logits = started.model.answer(feature)
        return [feature], cut_off(logits)

    sizes = {"cut": {"patch": 2, "channels": 8}}
    with eagerly():
        batches = statistics.Batches(forward, digits, 0)
        with pytest.raises(ValueError, match="depend on the feature at cut"):
            list(statistics._gather(batches, sizes, 24))


def test_a_unit_s_own_patches_get_the_gradients_of_its_synthesis(
    started, digits
):
    model = started.model
    unit = model.unit
    with eagerly():
        z, g = statistics.of_patches(model, digits, 32, 0)
        ((features, gradients),) = _read(
            statistics._from_unit(model), digits, 32
        )
    patches = unit.patches(features)
    np.testing.assert_allclose(z, patches, rtol=1e-5, atol=1e-5)
    # The chain rule, from the feature's gradients back to the patches.
    with tf.GradientTape() as tape:
        tape.watch(patches)
        restored = unit.restore(patches, tf.zeros(32))
        inner = tf.reduce_sum(restored * gradients)
    wanted = tape.gradient(inner, patches).numpy()
    np.testing.assert_allclose(g, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(
    "count, images, read", [(350, 350, 350), (351, 351, 350), (351, 9000, 351)]
)
def test_few_images_are_left_out_where_all_are_asked_for(count, images, read):
    dataset = types.SimpleNamespace(num_train=images)
    batch, steps = statistics._division(200, count, dataset)
    assert batch <= 200 and batch * steps <= images
    assert min(batch * steps, count) == read


def test_a_constant_channel_is_neither_divided_by_zero_nor_amplified():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(8, 4, 4, 3)).astype(np.float32)
    features[..., 1] = 5.0
    gradients = rng.normal(size=features.shape).astype(np.float32)
    moments = patch_klt.Moments(2)
    moments.add(features, gradients)
    found = patch_klt.solve_patches(moments, 8)
    largest = found.deviation.max()
    assert found.mean[1] == 5.0 and largest == pytest.approx(1.0, rel=0.2)
    assert found.deviation[1] == pytest.approx(1e-3 * largest)
    z, _ = found.project(features, gradients)
    assert np.isfinite(z).all()
