"""Tests of the linear form of a learned unit, both ways."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers.learned.transform import (
    Analysis,
    Synthesis,
    depth_to_space,
    grid_shape,
)
from bottlenet_tf.layers.learned.unit import LearnedUnit
from bottlenet_tf.training import closed_form
from tests.layers.learned.closed import solve

# A grid of 2 x 3 patches of 5 channels: 30 values, of which 14 are coded.
SIDES = {
    "mixed in part": dict(coefficients=14, mixed=9, mixed_to=6),
    "mixed whole": dict(coefficients=14, mixed=20, mixed_to=14),
    "not mixed": dict(coefficients=14),
    "one matrix for all": dict(
        coefficients=14, mixed=9, mixed_to=6, shared=True
    ),
}
SHAPE = (3, 4, 6, 7)  # In patches of 2 x 2.


@pytest.fixture(params=SIDES.values(), ids=SIDES)
def sides(request, rng):
    """An analysis and a synthesis of random weights, of their own each."""
    common = dict(patch=2, channels=5, **request.param)
    analysis = Analysis(**common)
    analysis.build((None, *SHAPE[1:]))
    synthesis = Synthesis(**common, output_shape=SHAPE[1:])
    synthesis.build((None, 14))
    kept = rng.permutation(30)[: analysis.kept.shape[0]]
    for layer in (analysis, synthesis):
        for weight in layer.trainable_variables:
            weight.assign(rng.normal(size=weight.shape))
        layer.kept.assign(kept)
    places = np.full(30, len(kept))
    places[kept] = np.arange(len(kept))
    synthesis.places.assign(places)
    return analysis, synthesis


def _mixed(values, matrix):
    """Values `(batch, n)`, the first ones times the matrix."""
    if matrix is None:
        return values
    matrix = np.asarray(matrix)
    first = np.einsum("bm,mk->bk", values[:, : len(matrix)], matrix)
    return np.concatenate([first, values[:, len(matrix) :]], axis=1)


def _of_all(matrices):
    return np.broadcast_to(matrices, (6, 5, 5))


def test_the_analysis_computes_its_equation(sides, rng):
    analysis, _ = sides
    x = rng.normal(size=SHAPE).astype(np.float32)
    c, z = analysis(x)
    kernel = np.asarray(analysis.projection.kernel)
    cut = x.reshape(3, 2, 2, 3, 2, 7)  # Each side in patches of 2.
    patches = np.einsum("bipjqc,pqcd->bijd", cut, kernel)
    patches += np.asarray(analysis.projection.bias)
    np.testing.assert_allclose(z, patches, rtol=1e-4, atol=1e-4)
    u = np.einsum(
        "ik,bkld,jl->bijd", analysis.rows, patches, analysis.columns
    ).reshape(3, 6, 5)
    v = np.einsum("bfd,fde->bfe", u, _of_all(analysis.frequencies))
    v = v.reshape(3, 30)[:, np.asarray(analysis.kept)]
    wanted = _mixed(v - np.asarray(analysis.offset), analysis.mixing)
    # Sums of up to 28 * 2 * 3 * 5 * 20 products in float32.
    np.testing.assert_allclose(c, wanted, rtol=1e-3, atol=1e-2)


def test_the_synthesis_computes_its_equation(sides, rng):
    _, synthesis = sides
    c = rng.normal(size=(3, 14)).astype(np.float32)
    x, z = synthesis(c)
    v = np.zeros((3, 30))
    v[:, np.asarray(synthesis.kept)] = _mixed(c, synthesis.mixing) + np.asarray(
        synthesis.offset
    )
    v = np.einsum(
        "bfd,fde->bfe", v.reshape(3, 6, 5), _of_all(synthesis.frequencies)
    ).reshape(3, 2, 3, 5)
    patches = np.einsum(
        "ik,bkld,jl->bijd", synthesis.rows, v, synthesis.columns
    )
    np.testing.assert_allclose(z, patches, rtol=1e-3, atol=1e-3)
    around = np.pad(patches, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = np.asarray(synthesis.neighbours.kernel)
    inner = sum(
        around[:, i : i + 2, j : j + 3] @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )
    pixels = inner @ np.asarray(synthesis.pixels.kernel)[0, 0]
    pixels += np.asarray(synthesis.pixels.bias)
    wanted = pixels.reshape(3, 2, 3, 2, 2, 7).transpose(0, 1, 3, 2, 4, 5)
    np.testing.assert_allclose(x, wanted.reshape(SHAPE), rtol=1e-3, atol=1e-2)


def test_every_weight_gets_a_gradient(sides, rng):
    analysis, synthesis = sides
    x = tf.constant(rng.normal(size=SHAPE), tf.float32)
    with tf.GradientTape() as tape:
        restored, _ = synthesis(analysis(x)[0])
        loss = tf.reduce_sum(restored**2)
    weights = analysis.trainable_variables + synthesis.trainable_variables
    for gradient in tape.gradient(loss, weights):
        assert np.abs(gradient).max() > 0


def test_as_built_the_first_values_of_the_grid_are_coded(rng):
    analysis = Analysis(2, 5, 14, 9, 6)
    c, z = analysis(rng.normal(size=SHAPE).astype(np.float32))
    flat = np.asarray(z).reshape(3, 30)
    # Nine values are mixed to the first six; the ninth to 16th follow.
    np.testing.assert_array_equal(c[:, :6], flat[:, :6])
    np.testing.assert_array_equal(c[:, 6:], flat[:, 9:17])


@pytest.mark.parametrize("mixed", [0, 17, 96], ids=["none", "some", "all"])
@pytest.mark.parametrize("shared", [False, True])
def test_in_closed_form_the_synthesis_is_the_analysis_inverse(
    rng, mixed, shared
):
    transform = dict(
        patch=2, channels=16, coefficients=96, mixed=mixed, mixed_to=mixed
    )
    features, _, form = solve(rng, (150, 4, 6, 4), **transform, shared=shared)
    unit = LearnedUnit(**transform, shared=shared, width=0)
    unit.build((None, 4, 6, 4))
    closed_form.assign(unit, form)
    restored, _ = unit.synthesis(unit.coefficients(features))
    # float32's 6e-8, times the condition of the weighting: eigenvalues of
    # matrices of 5 % identity and more, in four stages.
    scale = np.abs(features).max()
    np.testing.assert_allclose(restored, features, atol=2e-4 * scale)


def test_the_analysis_survives_a_file(rng, revive):
    x = rng.normal(size=SHAPE).astype(np.float32)
    model, twin = revive(Analysis(2, 5, 14, 9, 6, shared=True), x)
    for ours, theirs in zip(model(x), twin(x), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_synthesis_is_rebuilt_from_its_configuration():
    layer = Synthesis(
        2, 5, 14, 9, 6, shared=True, output_shape=(4, 6, 7), name="s"
    )
    twin = Synthesis.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()


def test_the_transform_stays_in_float32(rng):
    analysis = Analysis(2, 5, 14, dtype="mixed_bfloat16")
    c, z = analysis(rng.normal(size=SHAPE).astype(np.float32))
    assert (c.dtype, z.dtype) == ("float32", "float32")


def test_multiply_accumulates_are_counted():
    analysis = Analysis(2, 5, 14, 9, 6)
    # 6 patches of 2 * 2 * 7 values to 5 channels; each value of the 2 x 3
    # grid by 2 of its column, 3 of its row, 5 channels; 9 * 6 mixed.
    assert analysis.macs((None, *SHAPE[1:])) == 6 * 28 * 5 + 30 * 10 + 54
    synthesis = Synthesis(2, 5, 14, 9, 6, output_shape=SHAPE[1:])
    synthesis.build((None, 14))
    # 9 taps of 5 channels to 10, and these to 28 values, for 6 patches.
    assert synthesis.macs() == 30 * 10 + 54 + 6 * (9 * 5 * 10 + 10 * 28)


def test_the_convolution_is_no_weight_of_the_grid():
    synthesis = Synthesis(2, 5, 14, 9, 6, output_shape=SHAPE[1:])
    synthesis.build((None, 14))
    names = {v.name for v in synthesis.grid_variables}
    assert names == {"rows", "columns", "frequencies", "offset", "mixing"}


def test_patches_must_divide_the_feature():
    assert grid_shape((8, 12), 4) == (2, 3)
    with pytest.raises(ValueError, match=r"patch=4, feature size=\(8, 10\)"):
        Analysis(4, 5, 8).build((None, 8, 10, 3))


@pytest.mark.parametrize(
    "transform",
    [
        dict(coefficients=31),  # Of 30 values.
        dict(coefficients=28, mixed=9, mixed_to=6),  # 31 are taken.
        dict(coefficients=5, mixed=9, mixed_to=6),
    ],
)
def test_more_coefficients_than_values_are_refused(transform):
    with pytest.raises(ValueError, match="grid of 30 values.*coefficients="):
        Analysis(2, 5, **transform).build((None, *SHAPE[1:]))


@pytest.mark.parametrize("block", [1, 2, 4])
def test_depth_to_space_is_the_way_back_from_patches(rng, block):
    x = rng.normal(size=(2, 4, 8, 3)).astype(np.float32)
    packed = x if block == 1 else tf.nn.space_to_depth(x, block)
    np.testing.assert_array_equal(depth_to_space(packed, block), x)
