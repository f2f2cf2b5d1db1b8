"""Tests of the checks that flags and arguments share."""

import dataclasses

import pytest

from bottlenet_tf.common.validation import check_types


@dataclasses.dataclass
class Rates:
    """A configuration of one field."""

    rates: tuple[float, ...] = ()

    def __post_init__(self):
        check_types(self)


@pytest.mark.parametrize("rates", [(1.0, float("nan")), (float("inf"),)])
def test_a_tuple_is_finite_all_through(rates):
    with pytest.raises(ValueError, match="--rates must be finite"):
        Rates(rates)
