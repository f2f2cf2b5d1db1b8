"""bottlenet-profile as a program: what it refuses, and what it shows."""

import pytest

from bottlenet_tf.profiling.config import ProfileConfig
from tests.cli import programs


@pytest.mark.parametrize(
    "flags, message",
    [
        ({}, "--deploy must name"),
        ({"workdir": ("",)}, "--workdir"),
        ({"out": "profile.txt"}, "--out must end in .json"),
        ({"loads": ()}, "--loads"),
        ({"loads": (-1,)}, "--loads must be at least 0"),
        ({"sides": ("edge",)}, "--sides must be one of device"),
        ({"repeats": 0}, "--repeats"),
        ({"seconds": -1.0}, "--seconds"),
        ({"warmup": -1}, "--warmup"),
        ({"threads": 0}, "--threads"),
        ({"num_images": 0}, "--num_images"),
        ({"runtime": "torch"}, "--runtime must be one of"),
        ({"tail_device": "tpu"}, "--tail_device"),
        ({"meter": "solar"}, "--meter must be one of auto"),
        ({"meter": "constant"}, "--power_w"),
        ({"meter": "rapl", "power_w": 5.0}, "--power_w"),
        ({"power_w": -5.0}, "--power_w must be positive"),
        ({"meter": "rapl", "rail": "VDD_IN"}, "--rail"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_flag(flags, message):
    given = {"deploy": "d", **flags} if flags else {}
    with pytest.raises(ValueError, match=message):
        ProfileConfig(**given)


def test_a_runtime_is_an_exported_head_s():
    with pytest.raises(ValueError, match="set --deploy"):
        ProfileConfig(workdir=("run",), runtime="onnx")


def test_help_shows_the_flags_and_the_csv_by_hand():
    shown = programs.run("profiling", "--help").stdout
    assert "# device=Jetson TX2" in shown
    for name in ProfileConfig.__dataclass_fields__:
        assert f"--{name}" in shown or f"--[no]{name}" in shown
