"""Tests of rate packs: units alone in a file, put into their network."""

import hashlib
import json
import struct
import zlib

import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.export import pack_file
from bottlenet_tf.export.pack import load_pack, save_pack, swap
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training.freeze_unit import freeze
from tests.datta_network import make_data, make_images, make_network


@pytest.fixture(scope="module")
def network():
    return freeze(make_network(), make_data())


@pytest.fixture(scope="module")
def other(network):
    """The same halves with a unit of another rate."""
    coarse = make_network(seed=1, channels=3, stride=4)
    both = BottleNet(network.prefix, coarse.unit, network.suffix)
    return freeze(both, make_data(), "shared")


@pytest.fixture(scope="module")
def path(other, tmp_path_factory):
    path = tmp_path_factory.mktemp("packs") / "coarse.pack"
    save_pack(path, other)
    return path


def _rewrite(path, tmp_path, change, body=lambda body: body):
    """Returns a pack with another header, whole in all other respects."""
    data = path.read_bytes()
    (length,) = struct.unpack(">I", data[5:9])
    header = json.loads(data[9 : 9 + length])
    change(header)
    text = json.dumps(header).encode()
    data = b"".join(
        [data[:5], struct.pack(">I", len(text)), text,
         body(data[9 + length : -32])]
    )  # fmt: skip
    changed = tmp_path / "changed.pack"
    changed.write_bytes(data + hashlib.sha256(data).digest())
    return changed


def test_a_network_changes_its_rate_without_being_loaded_anew(
    network, other, path
):
    pack = load_pack(path)
    assert path.stat().st_size < 10_000
    changed = swap(network, pack)
    assert changed.prefix is network.prefix
    assert changed.suffix is network.suffix
    images = make_images(3)
    wire, want = evaluation.WirePath(changed), evaluation.WirePath(other)
    payloads = wire.encode(images)
    assert payloads == want.encode(images)
    np.testing.assert_array_equal(wire.decode(payloads), want.decode(payloads))


def test_swapping_back_gives_the_first_payloads_again(network, path, tmp_path):
    save_pack(tmp_path / "fine.pack", network)
    coarse = swap(network, load_pack(path))
    fine = swap(coarse, load_pack(tmp_path / "fine.pack"))
    images = make_images(2)
    assert evaluation.WirePath(fine).encode(images) == evaluation.WirePath(
        network
    ).encode(images)


def test_one_rate_refuses_the_payloads_of_another(network, path):
    changed = swap(network, load_pack(path))
    payloads = evaluation.WirePath(changed).encode(make_images(1))
    with pytest.raises(ValueError, match="match"):
        evaluation.WirePath(network).decode(payloads)


def test_the_same_unit_makes_the_same_file(other, path, tmp_path):
    save_pack(tmp_path / "again.pack", other)
    assert (tmp_path / "again.pack").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("changes", [{"seed": 2}, {"split": "RB6"}])
def test_a_pack_of_another_network_is_refused(path, changes):
    with pytest.raises(ValueError, match="only the network"):
        swap(make_network(**changes), load_pack(path))


def test_a_unit_that_is_not_frozen_is_refused(tmp_path):
    with pytest.raises(ValueError, match="with its tables"):
        save_pack(tmp_path / "a.pack", make_network())
    assert not (tmp_path / "a.pack").exists()


def test_a_pack_is_no_larger_than_allowed(other, path, tmp_path, monkeypatch):
    size = path.stat().st_size
    monkeypatch.setattr(pack_file, "MAX_BYTES", size)
    assert load_pack(path)
    monkeypatch.setattr(pack_file, "MAX_BYTES", size - 1)
    with pytest.raises(ValueError, match=f"unit of {size:,} bytes"):
        save_pack(tmp_path / "a.pack", other)
    assert not (tmp_path / "a.pack").exists()
    with pytest.raises(ValueError, match="larger than"):
        load_pack(path)


@pytest.mark.parametrize("length", [0, 1, 8, 40, 41, 500, -1])
def test_a_truncated_pack_is_refused(path, tmp_path, length):
    cut = tmp_path / "cut.pack"
    cut.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="cut.pack must be a rate pack"):
        load_pack(cut)


def test_a_changed_byte_anywhere_is_found(path, tmp_path):
    data = path.read_bytes()
    for place in (0, 4, 6, 9, 200, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        file = tmp_path / "changed.pack"
        file.write_bytes(bytes(changed))
        with pytest.raises(ValueError, match="must be a rate pack"):
            load_pack(file)


def _config(**changes):
    return lambda header: header["config"].update(changes)


HOSTILE = {
    "no such unit": lambda h: h.update(unit="BottleneckUnit"),
    "a unit that is no name": lambda h: h.update(unit=["DattaUnit"]),
    "a field too many": lambda h: h.update(code="import os"),
    "a field too few": lambda h: h.pop("unit_id"),
    "an argument too many": _config(dtype="float16"),
    "an argument too few": lambda h: h["config"].pop("step"),
    "no tables": _config(tables=None),
    "damaged tables": _config(tables="eNpz"),
    "a class for an activation": _config(
        restored_activation={"class_name": "Lambda", "config": {}}
    ),
    "more channels than weights": _config(channels=10**9),
    "channels without end": _config(channels=float("inf")),
    "a stride of no use": _config(stride=10**6),
    "a stride of text": _config(stride="2"),
    "a feature of two sides": lambda h: h.update(feature_shape=[16, 16]),
    "a feature of text": lambda h: h.update(feature_shape="abc"),
    "a feature of negative size": lambda h: h["feature_shape"].__setitem__(
        0, -16
    ),
    "a large unit_id": lambda h: h.update(unit_id=1 << 32),
    "weights of another type": lambda h: h["arrays"][0].__setitem__(
        0, "object"
    ),
    "weights of another shape": lambda h: h["arrays"][4][1].reverse(),
    "a weight of great size": lambda h: h["arrays"][0].__setitem__(
        1, [60000, 60000]
    ),
    "a weight too few": lambda h: h["arrays"].pop(),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_pack_that_is_whole_but_hostile_is_refused(path, tmp_path, change):
    changed = _rewrite(path, tmp_path, change)
    with pytest.raises(ValueError, match="must be a rate pack"):
        load_pack(changed)


def test_a_header_nested_too_deeply_is_refused(path, tmp_path):
    text = b"[" * 100_000
    data = b"BTPK\x02" + struct.pack(">I", len(text)) + text
    deep = tmp_path / "deep.pack"
    deep.write_bytes(data + hashlib.sha256(data).digest())
    with pytest.raises(ValueError, match="must be a rate pack"):
        load_pack(deep)


def test_weights_that_are_not_finite_are_refused(path, tmp_path):
    def with_nan(body):
        weights = zlib.decompress(body)[4:]
        return zlib.compress(np.float32(np.nan).tobytes() + weights)

    changed = _rewrite(path, tmp_path, lambda header: None, with_nan)
    with pytest.raises(ValueError, match="not finite"):
        load_pack(changed)


def test_weights_that_inflate_without_end_are_refused(path, tmp_path):
    def bomb(body):
        return zlib.compress(bytes(1 << 26))

    changed = _rewrite(path, tmp_path, lambda header: None, bomb)
    assert changed.stat().st_size < 200_000
    with pytest.raises(ValueError, match="not as many as its header says"):
        load_pack(changed)


@pytest.mark.parametrize(
    ("encoding", "largest"), [("int8", 127), ("int7", 63), ("int6", 31)]
)
def test_few_bits_keep_each_column_to_half_a_step(encoding, largest):
    rng = np.random.default_rng(0)
    scales = np.array([1e-3, 1.0, 50.0, 0.0], np.float32)
    matrix = rng.normal(size=(2, 30, 4)).astype(np.float32) * scales
    header, (found,) = pack_file.parse(
        pack_file.join({"a": 1}, [pack_file.encode(matrix, encoding)])
    )
    assert header == {"a": 1}
    step = np.abs(matrix).max(axis=1, keepdims=True) / largest
    assert np.all(np.abs(found - matrix) <= 0.5001 * step)
    assert np.any(found != matrix)


def test_whole_numbers_beyond_their_bits_are_refused():
    encoding, shape, data = pack_file.encode(np.eye(3, dtype="f4"), "int6")
    data = data[:-1] + bytes([32])
    with pytest.raises(ValueError, match="exceeds its encoding"):
        pack_file.parse(pack_file.join({}, [(encoding, shape, data)]))


def test_float16_is_not_asked_of_what_is_beyond_it():
    values = np.array([[1e-4, 7e4]], np.float32)
    encoding, _, _ = pack_file.encode(values, "float16")
    assert encoding == "float32"
