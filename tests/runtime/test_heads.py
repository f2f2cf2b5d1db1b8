"""Several heads of one deployment, and the network's parts that they share."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import helper

from bottlenet_tf.runtime import edge, served, unit_file
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.engines import Chain
from bottlenet_tf.runtime.heads import Heads

IDS = {"near": 0x11100000, "far": 0x22200000, "own": 0x33300000}
SEGMENTS = {"near": ["segment_0"], "far": ["segment_0", "segment_1"]}
SUMS = (1, 2, 4, 4)


@pytest.fixture
def deployment(tmp_path, hand):
    """Two units behind shared segments, one with a head of its own.

    The first segment is the tiny head's sums, the second one doubles them.
    """
    root = tmp_path / "deploy"
    segments = root / "edge" / "segments"
    segments.mkdir(parents=True)
    constants = [("w", hand.HEAD[:, :, None, None])]
    conv = helper.make_node("Conv", ["image", "w"], ["feature"], strides=[2, 2])
    hand.save_graph(
        segments / "segment_0.onnx", [conv], {"image": (1, 3, 8, 8)},
        {"feature": SUMS}, constants,
    )  # fmt: skip
    double = helper.make_node("Add", ["before", "before"], ["feature"])
    hand.save_graph(
        segments / "segment_1.onnx", [double], {"before": SUMS},
        {"feature": SUMS},
    )  # fmt: skip
    nodes = [
        helper.make_node("Clip", ["feature", "low", "high"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["codes"]),
    ]
    limits = [("low", np.float32(0)), ("high", np.float32(255))]
    for name, unit_id in IDS.items():
        folder = root / name / "edge"
        folder.mkdir(parents=True)
        shared = SEGMENTS.get(name, [])
        if shared:
            hand.save_graph(
                folder / "encoder.onnx", nodes, {"feature": SUMS},
                {"codes": SUMS}, limits,
            )  # fmt: skip
        else:
            hand.save_head(folder / "head.onnx", False)
        files = [*folder.glob("*.onnx"), *segments.glob("*.onnx")]
        digests = {path.name: unit_file.file_sha256(path) for path in files}
        content = hand.unit_content(
            False, unit_id=unit_id, name=name, segments=shared, sha256=digests
        )
        (folder / "unit.json").write_text(json.dumps(content))
    identity = served.of_units("tail", IDS)
    (root / "edge" / "served.json").write_text(json.dumps(identity.content()))
    return root


def wanted(hand, heads, name, pixels):
    sums = hand.head_sums(pixels) * (2 if name == "far" else 1)
    codes = np.rint(np.clip(sums, 0, 255)).astype(np.uint8)
    return heads.units[name].unit.format.pack(codes)


@pytest.mark.parametrize("inner", ["", "edge"])
def test_every_unit_s_payloads_are_those_of_a_head_of_its_own(
    deployment, hand, pixels, inner
):
    heads = Head.load(deployment / inner)
    assert isinstance(heads, Heads)
    assert list(heads.units) == list(IDS)
    for name in IDS:
        payload = heads.encode(pixels, unit=name)
        assert payload == wanted(hand, heads, name, pixels)


def test_a_unit_alone_needs_what_it_shares_and_nothing_else(
    deployment, hand, pixels
):
    for name in ("near", "own"):
        shutil.rmtree(deployment / name)
    head = Head.load(deployment / "far")
    assert head.units == {"far": head}
    payload = head.encode(pixels, unit="far")
    assert payload == wanted(hand, head, "far", pixels)


def test_shared_parts_are_opened_once(deployment, monkeypatch):
    opened = []
    open_engine = edge.open_engine
    monkeypatch.setattr(
        edge,
        "open_engine",
        lambda path, threads: opened.append(path) or open_engine(path, threads),
    )
    Head.load(deployment)
    names = [path.rsplit("/", 1)[1] for path in opened]
    assert sorted(names) == [
        "encoder.onnx", "encoder.onnx", "head.onnx", "segment_0.onnx",
        "segment_1.onnx",
    ]  # fmt: skip


def test_a_unit_must_be_named_among_several(deployment, pixels):
    heads = Head.load(deployment)
    for unit in (None, "none"):
        with pytest.raises(ValueError, match="one of near, far, own"):
            heads.encode(pixels, unit=unit)


def test_the_only_unit_needs_no_name(deploy, pixels):
    folder = deploy(False)
    identity = served.of_units("tail", {"tiny": 1234})
    (folder / "edge" / "served.json").write_text(json.dumps(identity.content()))
    head, heads = Head.load(folder), Heads.load(folder)
    assert isinstance(head, Head)
    payload = head.encode(pixels)
    assert heads.encode(pixels) == payload == head.encode(pixels, unit="tiny")
    with pytest.raises(ValueError, match="'tiny', the only one.*'other'"):
        head.encode(pixels, unit="other")


def test_a_missing_segment_is_reported(deployment):
    (deployment / "edge" / "segments" / "segment_1.onnx").unlink()
    with pytest.raises(FileNotFoundError, match="'far'.*segment_1.*`edge`"):
        Head.load(deployment)
    assert Head.load(deployment / "near")


def test_a_segment_of_another_export_is_refused(deployment):
    path = deployment / "edge" / "segments" / "segment_1.onnx"
    graph = onnx.load(path)
    graph.producer_name = "another export"
    onnx.save(graph, path)
    with pytest.raises(ValueError, match="segment_1.onnx must be.*copy"):
        Head.load(deployment)


def test_a_unit_of_another_export_is_refused(deployment):
    path = deployment / "near" / "edge" / "unit.json"
    content = {**json.loads(path.read_text()), "unit_id": 5}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="'near'.*unit_id=00000005"):
        Head.load(deployment)


def test_segments_cannot_lead_elsewhere(deployment):
    path = deployment / "near" / "edge" / "unit.json"
    for segments in (["../secret"], "segment_0", [3], [""]):
        content = {**json.loads(path.read_text()), "segments": segments}
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match="segments"):
            Head.load(deployment)


def test_a_folder_of_nothing_is_still_reported_as_such(tmp_path):
    with pytest.raises(FileNotFoundError, match="unit.json"):
        Head.load(tmp_path)


class Engine:
    """What a chain looks at of an engine."""

    def __init__(self, given, made, channels_first=True):
        self.inputs, self.outputs = given, made
        self.channels_first = channels_first


@pytest.mark.parametrize(
    "second",
    [
        Engine({"x": (1, 3)}, {"y": (1, 2)}),
        Engine({"x": (1, 2), "z": (1, 2)}, {"y": (1, 2)}),
        Engine({"x": (1, 2)}, {"y": (1, 2)}, channels_first=False),
    ],
)
def test_parts_that_do_not_fit_are_refused(second):
    with pytest.raises(ValueError, match="must match.*Received"):
        Chain([Engine({"image": (1, 4)}, {"f": (1, 2)}), second])
