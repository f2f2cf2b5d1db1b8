"""The table of a search."""

from bottlenet_tf.cli.search_table import table


def test_each_split_is_told_with_what_it_took():
    found = {
        "channels": 4,
        "stride": 2,
        "quality": 50,
        "searched": {"wire_bytes": 99.96, "accuracy": 90.0},
        "measured": {"wire_bytes": 101.0, "accuracy": 89.5},
        "measured_drop": 1.0,
        "validation_drop": 2.1,
    }
    text = table(
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
    assert "RB3 (2.10) lose more than the 2 points" in text
    assert "Failed: b" in text
