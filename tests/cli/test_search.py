"""The flags of a search."""

import pathlib

import pytest
from absl import flags

from bottlenet_tf.cli import config_flags, search
from bottlenet_tf.search import CurveConfig, SearchConfig

ROOT = pathlib.Path(__file__).parents[2]
FLAGFILES = sorted((ROOT / "flags").glob("search_*.flags"))


@pytest.fixture
def parse(monkeypatch):
    """Returns a function from arguments to `SearchConfig`."""
    monkeypatch.chdir(ROOT)

    def parse(*arguments):
        values = flags.FlagValues()
        flags.DEFINE_multi_string(
            "flagfile", [], "Read flags here.", flag_values=values
        )
        config_flags.define(search.SECTIONS, flag_values=values)
        values(["search", "--backbone_weights=imagenet", *arguments])
        return search.read(values)

    return parse


def test_defaults_are_those_of_the_config(parse):
    config = parse()
    assert config == SearchConfig(config.base)


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda p: p.stem)
def test_a_flagfile_makes_a_valid_search(parse, path):
    kind = CurveConfig if path.stem.endswith("curves") else SearchConfig
    assert type(parse(f"--flagfile={path}")) is kind


def test_a_search_over_curves_has_flags_of_its_own(parse):
    config = parse(
        "--unit=learned", "--mode=tail", "--splits=RB1", "--optimism=0.5",
        "--max_trained=2", "--search_images=0",
    )  # fmt: skip
    assert (config.splits, config.optimism) == (("RB1",), 0.5)
    assert config.max_trained == 2
    assert config.search_images is None and config.base.mode == "tail"


def test_the_grid_has_flags_of_its_own(parse):
    config = parse(
        "--channels=5", "--channel_grid=2,3", "--stride_grid=1",
        "--quality_grid=10,20", "--splits=RB1,RB2",
    )  # fmt: skip
    assert config.channels == (2, 3)
    assert config.strides == (1,)
    assert config.qualities == (10, 20)
    assert config.splits == ("RB1", "RB2")
    assert config.base.unit.channels == 5


def test_a_grid_is_of_whole_numbers(parse):
    with pytest.raises(ValueError, match="--channel_grid must be whole"):
        parse("--channel_grid=2,x")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--unit=bottlenet", "--curves_only"],
        ["--unit=bottlenet", "--optimism=0.5"],
        ["--unit=bottlenet", "--device_profile=phone.json"],
        ["--unit=learned", "--exhaustive"],
        ["--unit=learned", "--quality_grid=20"],
    ],
)
def test_flags_of_the_other_search_are_refused(parse, arguments):
    name = arguments[1].split("=")[0].removeprefix("--")
    with pytest.raises(ValueError, match=rf"flags=\['{name}'\]"):
        parse(*arguments)


def test_the_table_has_each_split_and_what_it_took():
    found = {
        "channels": 4,
        "stride": 2,
        "quality": 50,
        "searched": {"wire_bytes": 99.96, "accuracy": 90.0},
        "measured": {"wire_bytes": 101.0, "accuracy": 89.5},
        "measured_drop": 1.0,
        "validation_drop": 2.1,
    }
    text = search.table(
        {
            "accuracy": 91.5,
            "least_accuracy": 89.5,
            "candidates": {
                "RB1": None,
                "RB3": found,
                "RB6": {**found, "measured": None, "validation_drop": None},
            },
            "trials": [
                {"name": "a", "error": None},
                {"name": "b", "error": "out of memory"},
            ],
            "examples": 1000,
            "norm_examples": 256,
            "examples_exhaustive": 20500,
        }
    )
    rows = {line.split("|")[1].strip(): line for line in text.splitlines()
            if line.startswith("| RB")}  # fmt: skip
    assert "none acceptable" in rows["RB1"]
    assert [cell.strip() for cell in rows["RB3"].split("|")[1:-1]] == [
        "RB3", "4", "2", "50", "100.0", "90.00", "1.50", "101.0", "89.50",
    ]  # fmt: skip
    assert len({len(row) for row in rows.values()}) == 1
    assert "failed" in rows["RB6"]
    assert {row.count("|") for row in rows.values()} == {10}
    assert "2 trials saw 1,000 training images" in text
    assert "20,500 (20.5 times as many)" in text
    assert "took 256 more" in text
    assert "RB3 (2.10) lose more than the accepted 2 points" in text
    assert "Failed: b" in text
