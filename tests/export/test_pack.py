"""Tests of rate packs: units alone in a file, put into their network."""

import io
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.export import pack_file
from bottlenet_tf.export.pack import load_pack, parse_pack, save_pack, swap
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training.freeze_unit import freeze
from tests.datta_network import make_data, make_images, make_network
from tests.export.packs import rewrite


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


def _refused(data, match="must be a rate pack"):
    with pytest.raises(ValueError, match=match):
        parse_pack(data, "a.pack")


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


def test_a_changed_byte_is_found_or_changes_nothing(network, other, path):
    data, found = path.read_bytes(), 0
    for place in range(0, len(data), 37):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            model = swap(network, parse_pack(bytes(changed), "a.pack"))
        except ValueError:
            found += 1
        else:  # The archive's dates, say.
            assert evaluation.unit_id(model) == evaluation.unit_id(other)
    assert found > 0.5 * len(range(0, len(data), 37))


def _header(**changes):
    return lambda header, arrays: header.update(changes)


def _config(**changes):
    return lambda header, arrays: header["config"].update(changes)


def _weight(make):
    return lambda header, arrays: arrays.update({"4": make(arrays["4"])})


def _deep(header, arrays):
    for _ in range(900):
        header["config"] = [header["config"]]


HOSTILE = {
    "another format": _header(format="bottlenet_tf.pack.2"),
    "no format": lambda header, arrays: header.pop("format"),
    "no such unit": _header(unit="BottleneckUnit"),
    "a unit that is no name": _header(unit=["DattaUnit"]),
    "a field too many": _header(code="import os"),
    "a field too few": lambda header, arrays: header.pop("unit_id"),
    "a deep header": _deep,
    "an argument too many": _config(dtype="float16"),
    "an argument too few": lambda header, arrays: header["config"].pop("step"),
    "no tables": _config(tables=None),
    "damaged tables": _config(tables="eNpz"),
    "a class for an activation": _config(
        restored_activation={"class_name": "Lambda", "config": {}}
    ),
    "more channels than weights": _config(channels=10**9),
    "as many channels as a feature may have": _config(channels=1 << 16),
    "channels without end": _config(channels=float("inf")),
    "a stride of no use": _config(stride=10**6),
    "a stride of text": _config(stride="2"),
    "a feature of two sides": _header(feature_shape=[16, 16]),
    "a feature of text": _header(feature_shape="abc"),
    "a feature of negative size": _header(feature_shape=[-16, 16, 16]),
    "a large unit_id": _header(unit_id=1 << 32),
    "weights of another type": _weight(lambda w: w.astype(np.float64)),
    "weights of another shape": _weight(lambda w: w.T),
    "integers without a scale": _weight(lambda w: w.astype(np.int8)),
    "a weight too few": lambda header, arrays: arrays.pop("4"),
    "a weight too many": lambda header, arrays: arrays.update(
        {"400": arrays["4"]}
    ),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_pack_that_is_whole_but_hostile_is_refused(path, change):
    _refused(rewrite(path.read_bytes(), change))


def test_a_header_nested_too_deeply_is_refused():
    file = io.BytesIO()
    np.savez_compressed(file, header=np.full(100_000, ord("["), np.uint8))
    _refused(file.getvalue())


def test_pickled_objects_are_not_loaded():
    file = io.BytesIO()
    np.savez(file, header=np.array([{}], object))
    _refused(file.getvalue(), "allow_pickle")


def test_weights_that_are_not_finite_are_refused(path):
    change = _weight(lambda w: w + np.float32(np.nan))
    _refused(rewrite(path.read_bytes(), change), "not finite")


def test_weights_that_inflate_without_end_are_refused(path):
    change = _weight(lambda w: np.zeros(1 << 24, np.float32))
    bomb = rewrite(path.read_bytes(), change)
    assert len(bomb) < 200_000
    _refused(bomb, "inflates to 67,")


def _archive(change, compression=zipfile.ZIP_DEFLATED, **contents):
    """Returns an archive whose directory a function has changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(f"{name}.npy", content)
        change(archive.infolist())  # Written to the directory on closing.
    return file.getvalue()


def _small(members):
    members[0].file_size = 100


def _same_name(members):
    for member in members:
        member.filename = members[-1].filename


_LARGE = bytes(15_000_000)
_MANY = {f"a{i}": b"" for i in range(400)}
ARCHIVES = {
    "bzip2": lambda: _archive(_small, zipfile.ZIP_BZIP2, header=4 * _LARGE),
    "lzma": lambda: _archive(_small, zipfile.ZIP_LZMA, header=4 * _LARGE),
    "of one name": lambda: _archive(_same_name, **_MANY, header=_LARGE),
    "many": lambda: _archive(len, **{f"{i}": b"" for i in range(501)}),
}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("bzip2", "'header.npy' is neither stored nor deflated"),
        ("lzma", "'header.npy' is neither stored nor deflated"),
        ("of one name", "401 members of 1 names"),
        ("many", "501 members of 501 names"),
    ],
)
def test_an_archive_that_is_a_bomb_costs_no_time_or_memory(kind, message):
    data = ARCHIVES[kind]()
    assert len(data) < 200_000
    tracemalloc.start()
    begin = time.process_time()
    try:
        _refused(data, message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Inflated, it would be 15 to 60 MB, or 400 times 15 MB one after another.
    assert peak < 4_000_000
    assert time.process_time() - begin < 2


def test_a_member_that_is_not_an_array_is_refused():
    data = _archive(len, header=b"", a=b"").replace(b"a.npy", b"a.txt")
    _refused(data, "'a.txt' is not a .npy file")


def test_a_pack_of_an_earlier_version_is_refused_with_the_remedy():
    _refused(
        b"BTPK\2" + bytes(50), "earlier version; run bottlenet-adapt again"
    )


def test_an_array_larger_than_its_file_is_refused():
    file, array = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array,
        {"descr": "<f4", "fortran_order": False, "shape": (1 << 20, 1 << 20)},
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("header.npy", array.getvalue())
    _refused(file.getvalue())


def test_scales_of_another_shape_are_refused():
    arrays = {"0": np.zeros((9, 1), np.int8), "0.scale": np.ones((1, 9), "f4")}
    with pytest.raises(ValueError, match="a scale has the shape"):
        pack_file.parse(pack_file.join(HEADER, arrays))


HEADER = pack_file.LearnedHeader(
    format=pack_file.FORMAT,
    base=1,
    config=pack_file.LearnedConfig(tables="", default_point=0),
    feature_shape=(2, 2, 2),
    unit_id=2,
)


@pytest.mark.parametrize(
    ("encoding", "largest"), [("int8", 127), ("int7", 63), ("int6", 31)]
)
def test_few_bits_keep_each_column_to_half_a_step(encoding, largest):
    rng = np.random.default_rng(0)
    scales = np.array([1e-3, 1.0, 50.0, 0.0], np.float32)
    matrix = rng.normal(size=(2, 30, 4)).astype(np.float32) * scales
    exactness = {0: "float32", 200: encoding}
    bias, whole = np.ones(500, np.float32), np.arange(300)[None].astype("i4")
    header, found = pack_file.parse(
        pack_file.join(
            HEADER, {"0": matrix, "7": bias, "3": whole, "5": matrix[0]},
            exactness,
        )
    )  # fmt: skip
    assert header == HEADER
    step = np.abs(matrix).max(axis=1, keepdims=True) / largest
    assert np.all(np.abs(found["0"] - matrix) <= 0.5001 * step)
    assert np.any(found["0"] != matrix)
    # What is small, not a matrix or of integers stays exact.
    for name, array in (("7", bias), ("3", whole), ("5", matrix[0])):
        np.testing.assert_array_equal(found[name], array)


def test_float16_is_not_asked_of_what_is_beyond_it():
    values = np.array([[1e-4, 7e4]], np.float32)
    data = pack_file.join(HEADER, {"0": values}, {0: "float16"})
    _, found = pack_file.parse(data)
    np.testing.assert_array_equal(found["0"], values)
