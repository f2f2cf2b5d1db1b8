"""Tests of the units' settings: sizes that follow the feature."""

import pytest

from bottlenet_tf.config.unit import LearnedUnitConfig

SIZES = ("patch", "patch_channels", "mixed", "mixed_to", "coefficients")


def sizes(unit):
    return tuple(getattr(unit, name) for name in SIZES)


@pytest.mark.parametrize(
    "shape, wanted",
    [
        # (H, W, C) -> patch, channels, mixed, mixed to, coefficients
        ((32, 32, 16), (4, 24, 640, 640, 640 + 896)),  # 1,536 in all.
        ((16, 16, 32), (2, 32, 640, 640, 640 + 1408)),  # 2,048 in all.
        ((8, 8, 64), (1, 64, 640, 640, 640 + 3456)),  # 4,096 in all.
        ((14, 14, 80), (1, 64, 640, 640, 640 + 4096)),  # 12,544 in all.
        ((56, 56, 24), (2, 64, 640, 640, 640 + 16384)),  # 50,176 in all.
        ((56, 56, 256), (2, 64, 640, 640, 640 + 16384)),
        ((28, 28, 40), (2, 40, 640, 640, 640 + 4096)),
        ((4, 4, 3), (1, 3, 48, 48, 48)),
        ((7, 7, 512), (1, 64, 640, 640, 640 + 2496)),
    ],
)
def test_sizes_follow_the_feature(shape, wanted):
    assert sizes(LearnedUnitConfig().resolved(shape)) == wanted


def test_what_is_asked_for_stays():
    unit = LearnedUnitConfig(
        patch=2, patch_channels=5, mixed=10, mixed_to=4, coefficients=7
    )
    assert unit.resolved((16, 16, 32)) == unit


def test_coefficients_bound_what_is_mixed():
    unit = LearnedUnitConfig(coefficients=100).resolved((16, 16, 32))
    assert (unit.mixed, unit.mixed_to, unit.coefficients) == (640, 100, 100)


def test_nothing_mixed_sends_values_of_the_grid():
    unit = LearnedUnitConfig(mixed=0).resolved((16, 16, 32))
    assert (unit.mixed_to, unit.coefficients) == (0, 2048)


def test_no_more_is_mixed_than_the_grid_has():
    with pytest.raises(ValueError, match="--mixed .*mixed=2000, values=1536"):
        LearnedUnitConfig(mixed=2000).resolved((32, 32, 16))


def test_a_feature_without_a_fitting_patch_is_refused():
    with pytest.raises(ValueError, match=r"--patch must be set.*\(30, 32, 8\)"):
        LearnedUnitConfig().resolved((30, 32, 8))


@pytest.mark.parametrize(
    "sizes", [(4, 5, 9), (9, 5, 4)], ids=["mixed", "coefficients"]
)
def test_no_more_is_made_than_is_mixed_or_sent(sizes):
    mixed, mixed_to, coefficients = sizes
    with pytest.raises(ValueError, match="--mixed_to must be at most --mixed"):
        LearnedUnitConfig(
            mixed=mixed, mixed_to=mixed_to, coefficients=coefficients
        )
