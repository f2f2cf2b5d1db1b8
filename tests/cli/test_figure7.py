"""figure7.json says what it is of; the report checks it."""

from bottlenet_tf.cli import figure7
from bottlenet_tf.common import formats

_REPORT = {
    "mode": "naive",
    "backbone": "cifar_resnet20",
    "split": "RB3",
    "dataset": "digits",
    "dataset_fingerprint": "abc",
    "baseline_accuracy": 90.0,
    "flags": {"unit": {"channels": 2, "stride": 4, "codec": "jpeg"}},
}


def test_the_file_names_network_data_unit_and_command(monkeypatch):
    monkeypatch.setattr("sys.argv", ["figure7.py", "--seed=1"])
    assert figure7._content(_REPORT, [1]) == {
        "format": formats.FIGURE7,
        "backbone": "cifar_resnet20",
        "dataset": "digits",
        "dataset_fingerprint": "abc",
        "baseline_accuracy": 90.0,
        "unit": {"split": "RB3", "channels": 2, "stride": 4},
        "points": [1],
        "command": ["figure7.py", "--seed=1"],
    }
