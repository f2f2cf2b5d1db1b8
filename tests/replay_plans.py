"""Plans to replay, with bytes and accuracies of docs/results.md.

Times are those of a slow device: the whole network takes 120 to 200 ms, each
split's head its share of the multiply-accumulates.

    python -m tests.replay_plans FOLDER

writes small.json, large.json and raw.json to a folder.
"""

import json
import pathlib
import sys

from bottlenet_tf.common import formats
from bottlenet_tf.link import plan_file

# t, wire bytes mean, p95, accuracy: ResNet-20 on CIFAR-10, trained units.
RB3 = (
    (373.2, 423, 91.04), (289.2, 335, 91.21), (215.9, 254, 90.88),
    (159.2, 189, 90.83), (117.6, 140, 90.08), (100.6, 121, 89.67),
    (72.0, 88, 88.60), (50.0, 62, 86.33),
)  # fmt: skip
RB6 = (
    (355.4, 401, 92.11), (215.5, 246, 91.85), (153.5, 175, 91.84),
    (109.8, 126, 91.61), (77.4, 90, 91.19), (53.9, 63, 90.65),
    (44.7, 52, 90.02), (30.3, 36, 88.19),
)  # fmt: skip
UNSPLIT = 91.73


def small_images():
    """ResNet-20 on CIFAR-10: an image costs little more than a payload."""
    return plan_file.parse(small_images_values())


def large_images():
    """EfficientNet-Lite0 at 224 pixels: an image takes 5.4 kB and more.

    The splits before and behind block7 are made up around its figures.
    """
    return plan_file.parse(large_images_values())


def small_images_values():
    """Returns plan.json's content of `small_images`."""
    splits = {
        "RB3": (0.36, RB3),
        "RB6": (0.698, RB6),
        "RB8": (0.908, ((51.0, 60, 91.2), (27.0, 33, 90.2))),
    }
    cloud = (("avif", 75, 32, 377.0, 90.18), ("avif", 95, 32, 721.0, 91.24))
    return plan_values(splits, cloud, UNSPLIT, 120.0, 4.0, 89.73)


def large_images_values():
    """Returns plan.json's content of `large_images`."""
    splits = {
        "block3": (0.30, ((2600.0, 3000, 97.5), (1500.0, 1800, 96.2))),
        "block5": (0.45, ((1400.0, 1700, 97.9), (800.0, 960, 96.8))),
        "block7": (0.56, ((907.0, 1100, 98.0), (390.0, 470, 96.5))),
        "block11": (0.80, ((300.0, 360, 98.2), (150.0, 180, 97.2))),
    }
    cloud = (("avif", 50, 224, 5400.0, 96.5), ("jpeg", 90, 224, 26766.0, 98.0))
    return plan_values(splits, cloud, 98.4, 150.0, 5.0, 96.0)


def raw_images():
    """ResNet-50 at 224 pixels: an image takes 26,766 B, a payload 316.

    The bytes of BottleNet's tables; all else is made up.
    """
    return plan_file.parse(raw_images_values())


def raw_images_values():
    """Returns plan.json's content of `raw_images`."""
    splits = {
        "RB1": (0.12, ((316.0, 380, 74.0),)),
        "RB5": (0.40, ((200.0, 240, 74.0),)),
        "RB13": (0.85, ((100.0, 120, 74.0),)),
    }
    cloud = (("jpeg", 90, 224, 26766.0, 75.0),)
    return plan_values(splits, cloud, 76.0, 200.0, 8.0, 73.0)


def make(splits, cloud, unsplit, whole_ms, server_ms, min_accuracy):
    """Returns the `Plan` of splits `{name: (share, points)}`."""
    values = plan_values(
        splits, cloud, unsplit, whole_ms, server_ms, min_accuracy
    )
    return plan_file.parse(json.loads(json.dumps(values)))


def plan_values(splits, cloud, unsplit, whole_ms, server_ms, min_accuracy):
    """Returns what plan.json would hold."""
    choices = [
        _choice(
            f"{name} at point {i}", "split", mean, p95, accuracy, split=name,
            unit_id=1000 + j, point=i,
        )
        for j, (name, (_, points)) in enumerate(splits.items())
        for i, (mean, p95, accuracy) in enumerate(points)
    ]  # fmt: skip
    choices.append(_choice("mobile-only", "device", 0, 0, unsplit))
    for codec, quality, side, mean, accuracy in cloud:
        choices.append(
            _choice(
                f"cloud-only {codec} {quality}", "cloud", mean, None,
                accuracy, codec=codec, quality=quality, side=side,
            )
        )  # fmt: skip
    shares = {None: 1.0, **{name: share for name, (share, _) in splits.items()}}
    return {
        "format": formats.PLAN,
        "network": "network",
        "device": "slow device",
        "cloud": "server",
        "latency_weight": 1.0,
        "energy_weight": 0.0,
        "deadline_ms": None,
        "min_accuracy": min_accuracy,
        "max_bytes": None,
        "max_memory_mb": None,
        "choices": choices,
        "device_times": [
            {
                "split": name,
                "load": 0,
                "device_ms": share * whole_ms,
                "encode_ms": 0.5 if name else 0.0,
                "compute_mj": 2.0 * share * whole_ms,
            }
            for name, share in shares.items()
        ],
        "cloud_times": [
            {
                "split": name,
                "load": 0,
                "decode_ms": 0.2 if name else 0.0,
                "cloud_ms": server_ms * (1.0 - share if name else 1.0) + 0.5,
            }
            for name, share in shares.items()
        ],
        "scenarios": [
            {
                "link": "4g", "uplink_mbps": 5.85, "downlink_mbps": None,
                "rtt_ms": 0.0, "answer_bytes": 4, "waiting_mw": 300.0,
                "uplink_mw": 3852.6, "message_overhead_bytes": 154.0,
                "device_load": 0, "cloud_load": 0, "winner": None,
                "best": "mobile-only",
            }
        ],
    }  # fmt: skip


def _choice(name, way, mean, p95, accuracy, **others):
    empty = dict.fromkeys(
        ("split", "unit_id", "point", "codec", "quality", "side")
    )
    return {
        "name": name,
        "way": way,
        **empty,
        **others,
        "wire_bytes_mean": mean,
        "wire_bytes_p95": p95,
        "wire_bytes_p99": None,
        "wire_bytes_max": None,
        "accuracy": accuracy,
    }


def _main(folder):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for name, values in (
        ("small", small_images_values()),
        ("large", large_images_values()),
        ("raw", raw_images_values()),
    ):
        path = pathlib.Path(folder) / f"{name}.json"
        path.write_text(json.dumps(values, indent=2) + "\n")
        print(path)


if __name__ == "__main__":
    _main(sys.argv[1])
