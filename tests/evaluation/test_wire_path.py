"""Tests of the wire path with a unit whose halves take the point."""

import numpy as np
import pytest

from bottlenet_tf import evaluation
from tests.export.conftest import make_network
from tests.learned_unit import learned_network
from tests.point_unit import POINTS, point_network

IMAGES = np.random.RandomState(0).randint(0, 256, (6, 24, 24, 3), np.uint8)


@pytest.fixture(scope="module", params=[False, True], ids=["plane", "flat"])
def model(request):
    return point_network(request.param)


@pytest.fixture(scope="module")
def path(model):
    return evaluation.WirePath(model)


def test_codes_have_the_unit_s_shape_and_the_codec_s_type(path, model):
    codes, _ = path.codes(IMAGES, 2)
    assert codes.dtype == model.unit.byte_codec.code_dtype
    assert codes.shape == (6, *model.unit.code_shape)


def test_several_points_give_what_each_gives_alone(path):
    for point, (codes, _) in zip((2, 0), path.codes_at(IMAGES, [2, 0])):
        np.testing.assert_array_equal(codes, path.codes(IMAGES, point)[0])


def test_the_prefix_runs_once_for_all_points(path, monkeypatch):
    prefix, calls = path._prefix, []
    monkeypatch.setattr(
        path, "_prefix", lambda images: calls.append(1) or prefix(images)
    )
    path.codes_at(IMAGES, [0, 1, 2])
    assert len(calls) == 1


def test_a_batch_mixes_operating_points(path, model):
    points = [2, 0, 1, 1, 2, 0]
    encoded = [path.encode(IMAGES, point) for point in range(3)]
    payloads = [encoded[point][i] for i, point in enumerate(points)]
    codes = np.stack([path.format.unpack(p).codes for p in payloads])
    values = np.float32([POINTS[point] for point in points])
    want = model.decode({"codes": codes.astype(np.float32)}, values)
    np.testing.assert_allclose(path.decode(payloads), want, atol=1e-4)


@pytest.fixture(scope="module")
def learned_path():
    return evaluation.WirePath(learned_network())


def test_each_image_gets_the_finest_point_within_the_limit(learned_path):
    at_points = [learned_path.encode(IMAGES, point) for point in range(3)]
    for limit in (len(at_points[1][0]), len(at_points[0][0])):
        found = learned_path.encode(IMAGES, max_bytes=limit)
        wanted = [
            next(payload for payload in image if len(payload) <= limit)
            for image in zip(*at_points)
        ]
        # One graph against another: a value on an edge may fall either way.
        same = sum(a == b for a, b in zip(found, wanted, strict=True))
        assert same >= 5 and max(map(len, found)) <= limit


def test_below_the_coarsest_point_payloads_are_within_the_limit(learned_path):
    least = min(len(p) for p in learned_path.encode(IMAGES, 2))
    payloads = learned_path.encode(IMAGES, max_bytes=least - 2)
    assert max(map(len, payloads)) <= least - 2
    assert learned_path.decode(payloads).shape == (6, 7)
    assert learned_path.encode(IMAGES[:0], max_bytes=least) == []


def test_a_limit_that_cannot_be_kept_is_refused(learned_path):
    with pytest.raises(ValueError, match="at least .*max_bytes=3"):
        learned_path.encode(IMAGES, max_bytes=3)
    with pytest.raises(ValueError, match="point=1, max_bytes=300"):
        learned_path.encode(IMAGES, 1, 300)


def test_a_unit_of_one_point_keeps_a_limit_or_says_so():
    path = evaluation.WirePath(make_network())
    payloads = path.encode(IMAGES)
    most = max(map(len, payloads))
    assert path.encode(IMAGES, max_bytes=most) == payloads
    with pytest.raises(ValueError, match="limit.*no smaller one"):
        path.encode(IMAGES, max_bytes=most - 1)


def test_no_images_give_no_codes_at_any_point(path, model):
    for codes, ranges in path.codes_at(IMAGES[:0], [0, 2]):
        assert codes.shape == (0, *model.unit.code_shape)
        assert ranges.shape == (0, 2)


def test_a_curve_has_every_point_with_its_own_bytes(path, model, make_dataset):
    part = make_dataset(IMAGES, np.arange(6) % 7)
    curve = evaluation.evaluate_split(model, part, 4, progress=False)
    assert curve.points == POINTS and curve.default_point == 1
    for point, result in enumerate(curve.results):
        payloads = path.encode(IMAGES, point)
        sizes = [len(payload) for payload in payloads]
        np.testing.assert_array_equal(result.wire_bytes, sizes)
        right = path.decode(payloads).argmax(-1) == part.labels
        assert result.accuracy == pytest.approx(100 * np.mean(right))
    means = [result.wire_bytes.mean() for result in curve.results]
    assert means[0] < means[1] < means[2]


def test_a_mosaic_shows_codes_of_any_shape_and_type(model):
    mosaic = evaluation.plane_mosaic(model, IMAGES[:2])
    assert mosaic.dtype == np.uint8 and mosaic.shape[2] == 3
    # Separators of 2; the images, enlarged 5-fold; two rows of equal height,
    # the same because the codecs are lossless.
    side = (len(mosaic) - 4 * 2 - 5 * 24) // 2
    second = mosaic[4 + 120 : 4 + 120 + side]
    third = mosaic[6 + 120 + side : 6 + 120 + 2 * side]
    np.testing.assert_array_equal(second, third)
    assert len(np.unique(second)) > 10
