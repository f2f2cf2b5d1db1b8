"""Tests of the name registry."""

import pytest

from bottlenet_tf.common.registry import Registry


@pytest.fixture
def colours():
    registry = Registry("colour")
    registry.register("red")(1)
    registry.register("blue")(2)
    return registry


def test_a_registered_entry_comes_back_by_name(colours):
    assert colours.get("red") == 1


def test_the_decorator_returns_what_it_decorates():
    def entry():
        return 7

    assert Registry("thing").register("seven")(entry) is entry


def test_an_unknown_name_lists_the_choices(colours):
    with pytest.raises(ValueError, match="colour.*blue, red.*name='green'"):
        colours.get("green")


def test_a_duplicate_name_is_refused(colours):
    with pytest.raises(ValueError, match="name='red'"):
        colours.register("red")(3)
    assert colours.get("red") == 1


def test_of_two_decorators_of_one_name_the_second_is_refused(colours):
    first, second = colours.register("green"), colours.register("green")
    first(3)
    with pytest.raises(ValueError, match="name='green'"):
        second(4)
    assert colours.get("green") == 3


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_must_be_a_non_empty_string(colours, name):
    with pytest.raises(TypeError, match="name="):
        colours.register(name)
