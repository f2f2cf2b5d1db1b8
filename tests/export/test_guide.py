"""Tests of the README that a deployment brings."""

import dataclasses
import re

from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.export.guide import guide
from bottlenet_tf.export.parity import Parity
from bottlenet_tf.export.tolerances import TAIL
from bottlenet_tf.runtime import served

IDENTITY = served.of_units("tail", {"a": 0x12345678})
SIZES = {
    "wire_bytes_mean": 20.0,
    "wire_bytes_p95": 35.0,
    "wire_bytes_p99": 40.0,
    "wire_bytes_max": 42.0,
}


def test_the_guide_names_files_that_are_there(both):
    text = (both / "README.md").read_text()
    for name in ("range", "learned"):
        assert f"`{name}`" in text
        assert (both / name / "edge" / "encode.py").is_file()
        assert f"| {name} | tail.onnx |" in text
    assert "pip install bottlenet_tf" not in text
    assert (both / "cloud" / "bottlenet_tf" / "runtime" / "cloud.py").is_file()
    for path in re.findall(r"/models/(\S+)", text):
        assert (both / "cloud" / "serving" / path).is_file()
    (repository,) = re.findall(r"--model-repository=(\S+)", text)
    assert (both / repository).is_dir()


def test_the_guide_tells_how_to_answer_without_a_server(both):
    from bottlenet_tf.runtime.whole import Whole

    text = (both / "README.md").read_text()
    (cells,) = re.findall(r"\| tiny.keras \| learned, range \|(.*)\|", text)
    for path in re.findall(r"`(\S+)`", cells):
        assert Whole.load((both / path).parent).classes
    assert 'Whole.load(".")' in text
    assert "| tiny.keras | edge/whole.onnx | – | 20 | – | – | – |" in text


PARITY = dataclasses.asdict(
    Parity("tail.onnx", 20, 0.0, 0, 100.0, 0.0, 100.0, 90.0, 90.0, TAIL)
)
CONFIG = ExportConfig(workdir=("a",), out="out")


def _model(**run):
    unknown = dict.fromkeys(
        ("backbone", "split", "accuracy", "baseline_accuracy")
    )
    return {
        "name": "a",
        "run": {**unknown, **SIZES, **run},
        "unit": {"code_shape": [4, 4, 1], "codec": {"name": "jpeg"}},
        "adapted": None,
        "parity": [PARITY],
    }


def test_one_for_timing_alone_is_called_that():
    whole = {
        "name": "net",
        "models": ["a"],
        "baseline_accuracy": None,
        "timing_only": "the run began without a trained network",
        "parity": [{**PARITY, "artefact": "edge/whole_for_timing.onnx"}],
    }
    text = guide(CONFIG, [_model()], [whole], IDENTITY)
    assert (
        "| net | a | only for timing: the run began without a trained "
        "network | `edge/whole_for_timing.onnx` |"
    ) in text
    assert "Whole.load" not in text
    assert f"version, **{IDENTITY.version}**" in text
    assert "| a | `12345678` |" in text


def test_operating_points_are_listed_where_there_are_several(both):
    assert "--point" not in (both / "README.md").read_text()
    points = [
        {
            "index": i,
            "value": value,
            "accuracy": 90.0 + i,
            **SIZES,
            "wire_bytes_mean": 30.04 - 10 * i,
        }
        for i, value in enumerate((-1.0, 1.0))
    ]
    text = guide(CONFIG, [_model(points=points)], [], IDENTITY)
    assert "| a | 0 | -1.0 | 90.00 % | 30.0 | 35 | 40 | 42 |" in text
    assert "| a | 1 | 1.0 | 91.00 % | 20.0 | 35 | 40 | 42 |" in text
    assert "| 4x4x1 jpeg | – | – | 20.0 | 35 | 40 | 42 |" in text
    assert "`--point`" in text and "`--max_bytes`" in text


def test_an_adapted_unit_has_its_figures():
    adapted = {"refit": "tables", "steps": 3, "photos": 40, "held_out": 9}
    adapted["points"] = [[9.0, 8.0, 90.0, 91.0, 0.5, 0.25]]
    text = guide(CONFIG, [{**_model(), "adapted": adapted}], [], IDENTITY)
    assert (
        "fitted to 40 photos without labels (tables\nrecomputed, 3 steps"
        in text
    )
    row = "| 0 | 9.0 → 8.0 | 90.00 → 91.00 % | 0.500 → 0.250 |"
    assert row in text and "The unit is adapted" in text
    both = [_model(), {**_model(), "name": "b", "adapted": adapted}]
    text = guide(CONFIG, both, [], IDENTITY)
    assert row in text and text.count("The unit `b` is adapted") == 1


def test_every_commands_example_loads(both):
    from bottlenet_tf.runtime.cloud import Tail

    text = (both / "README.md").read_text()
    (folder,) = re.findall(r'Tail\.load\("(.*?)"\)', text)
    assert Tail.load(both / folder).unit.name == "learned"
