"""What payloads of a unit begin with, and which units go together."""

import itertools

import numpy as np
import pytest

from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.runtime import routes

QUALITIES = create_codec("jpeg", quality=[90, 50, 10])


def message(unit_id, sends_range=False, codec=None):
    codec = create_codec("png") if codec is None else codec
    return PayloadFormat(unit_id, (4, 4, 2), codec, sends_range)


def payload(message, point=0):
    codes = np.zeros(message.shape, np.uint8)
    return message.pack(
        codes, (0.0, 1.0) if message.sends_range else None, point
    )


@pytest.mark.parametrize("sends_range", [False, True])
@pytest.mark.parametrize("unit_id", [0, 0xABCDEF01, 2**32 - 1])
def test_every_payload_of_a_unit_has_its_beginning(unit_id, sends_range):
    unit = message(unit_id, sends_range, QUALITIES)
    found = {payload(unit, point)[:2] for point in range(3)}
    assert found == routes.starts(unit)


def test_a_short_tag_takes_a_beginning_for_each_point():
    assert len(routes.starts(message(1, False, QUALITIES))) == 1
    assert len(routes.starts(message(1, True, QUALITIES))) == 3


def test_units_are_told_apart_by_what_they_begin_with():
    formats = {"a": message(0x11100000), "b": message(0x22200000, True)}
    table = routes.build(formats)
    assert table[payload(formats["a"])[:2]] == "a"
    assert table[payload(formats["b"])[:2]] == "b"


@pytest.mark.parametrize(
    "first, second",
    [
        # The first 12 bits.
        (message(0xABC00001), message(0xABCFFFFF)),
        # The first 8, if there is a range.
        (message(0xAB000001, True), message(0xABFFFFFF, True)),
        # The third digit is the other one's point.
        (message(0xAB200000), message(0xAB000000, True, QUALITIES)),
    ],
)
def test_equal_beginnings_are_refused_with_names_and_remedy(first, second):
    for a, b in itertools.permutations((first, second)):
        with pytest.raises(
            routes.TagCollisionError,
            match="'one' and 'two'.*separate deployment.*--seed.*"
            f"one={a.unit_id:08x}, two={b.unit_id:08x}",
        ):
            routes.build({"one": a, "two": b})


@pytest.mark.parametrize(
    "first, second",
    [
        (message(0xABC00000), message(0xABD00000)),
        (message(0xAA000000, True), message(0xAB000000, True)),
        # Points 0 to 2 are the other's; 3 is none of them.
        (message(0xAB300000), message(0xAB000000, True, QUALITIES)),
    ],
)
def test_units_that_differ_go_together(first, second):
    assert set(routes.build({"a": first, "b": second}).values()) == {"a", "b"}


def test_the_same_unit_twice_is_reported_as_such():
    with pytest.raises(routes.TagCollisionError, match="leave one of them out"):
        routes.build({"a": message(7), "copy": message(7)})


def test_a_version_is_of_the_units_whatever_their_order():
    # sha256("00000001,000000ff"), first three bytes, plus 1.
    assert routes.deployment_version([1, 255]) == 0xFCD189 + 1
    assert routes.deployment_version([255, 1]) == 0xFCD189 + 1
    versions = {routes.deployment_version([i]) for i in range(200)}
    assert len(versions) == 200 and min(versions) >= 1
    assert max(versions) <= 2**24
