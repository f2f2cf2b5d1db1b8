"""Drawings as files, their colours, and text that is shown."""

import xml.etree.ElementTree as ElementTree

import pytest

from bottlenet_tf import report
from bottlenet_tf.common import diagrams
from bottlenet_tf.report import network, page, picture, text
from bottlenet_tf.selection.choices import Choice, Way
from tests.report.drawn import HOSTILE


def test_drawings_are_the_same_twice(chosen):
    (found,) = network.pictures(report.read(chosen))
    assert found.svg(diagrams.WIDE) == found.svg(diagrams.WIDE)


def test_hostile_names_draw_as_text(chosen, choose_by, change):
    choose_by(chosen, ("3g",))
    for field in (
        "device", "decisions.0.link.name",
        "decisions.0.references.0.choice.name",
    ):  # fmt: skip
        change(chosen / "selection.json", field, HOSTILE)
    found = page.pictures(report.read(chosen))
    pictures = [picture for each in found.values() for picture in each]
    assert len(pictures) == 5
    for found in pictures:
        tree = ElementTree.fromstring(found.svg(diagrams.NARROW))
        assert not [n for n in tree.iter() if "script" in n.tag]


def test_splits_keep_their_looks_and_differ():
    looks = picture.looks_of([f"RB{i}" for i in range(16)])
    assert len(set(looks.values())) == 16
    assert picture.ink_on("#000000") == "#FFFFFF"
    assert picture.ink_on("#FFFFFF") == "#000000"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (12345.6, "12,346"),
        (99.94, "99.9"),
        (1.234, "1.23"),
        (0.9549, "0.955"),
        (0, "0"),
    ],
)
def test_numbers_have_three_digits_that_count(value, shown):
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (
            ["/x/bottlenet_tf/bottlenet_tf/cli/demo.py", "--workdir=a b"],
            "python -m bottlenet_tf.cli.demo '--workdir=a b'",
        ),
        (["/opt/bin/bottlenet-search"], "bottlenet-search"),
        (["/x/train.py", "--seed=1"], "python train.py --seed=1"),
        (["/x/bottlenet_tf/train.py"], "python train.py"),
        ([], ""),
    ],
)
def test_commands_are_what_a_shell_runs(arguments, shown):
    assert text.command(arguments) == shown


def test_text_is_cut_and_cleaned_for_drawings():
    assert text.short("a\x00b") == "a\ufffdb"
    assert text.short("x" * 30) == "x" * 21 + "…"


def test_a_long_split_keeps_its_point_in_diagrams():
    choice = Choice(
        "block_12_expand_and_add at point 11", Way.SPLIT, 9.0,
        90.0, "block_12_expand_and_add", point=11,
    )  # fmt: skip
    told = text.short_choice(choice)
    assert told == "block_12_… at point 11"
    assert len(told) <= 22
