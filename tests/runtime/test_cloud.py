"""Tests of the server's half on ONNX Runtime."""

import subprocess
import sys

import numpy as np
import pytest
from onnx import helper

from bottlenet_tf.codec import PayloadError
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head


@pytest.fixture(params=[True, False], ids=["range", "no range"])
def sends_range(request):
    return request.param


def random_codes(tail, count):
    rng = np.random.RandomState(2)
    shape = (count, *tail.unit.format.shape)
    return rng.randint(0, 256, shape).astype(np.uint8)


def pack(tail, codes, bounds=(-1.5, 2.0)):
    if tail.unit.format.sends_range:
        return tail.unit.format.pack(codes, bounds)
    return tail.unit.format.pack(codes)


def test_logits_are_the_ones_worked_out_by_hand(deploy, hand, sends_range):
    tail = Tail.load(deploy(sends_range))
    codes = random_codes(tail, 5)
    ranges = [(-1.5, n / 2) for n in range(5)]
    payloads = [pack(tail, *both) for both in zip(codes, ranges)]
    want = [
        hand.tail_logits(image, bounds if sends_range else None)
        for image, bounds in zip(codes, ranges)
    ]
    logits = tail.logits(payloads)
    assert logits.dtype == np.float32
    # Sums of 32 products of about 100, in float32.
    np.testing.assert_allclose(logits, want, rtol=1e-5, atol=1e-4)


def test_a_batch_mixes_operating_points(deploy, hand, sends_range, qualities):
    tail = Tail.load(deploy(sends_range, **qualities), max_batch=4)
    codes, points = random_codes(tail, 7), [2, 0, 1, 1, 2, 2, 0]
    bounds = (-1.5, 2.0) if sends_range else None
    message = tail.unit.format
    payloads = [
        message.pack(image, bounds, point)
        for image, point in zip(codes, points)
    ]
    want = [
        hand.tail_logits(
            message.unpack(payload).codes, bounds, (96, 32, 64)[point]
        )
        for payload, point in zip(payloads, points)
    ]
    # Sums of 32 products of about 100, in float32.
    logits = tail.logits(payloads)
    np.testing.assert_allclose(logits, want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("in_unit", [True, False])
def test_a_tail_and_a_unit_json_that_differ_in_the_point_are_refused(
    deploy, hand, qualities, in_unit
):
    folder = deploy(**{**qualities, "takes_point": in_unit})
    path = folder / "cloud" / "tail.onnx"
    hand.save_tail(path, True, takes_point=not in_unit)
    with pytest.raises(ValueError, match="'tiny'.*tail.onnx.*unit.json"):
        Tail.load(folder)


def test_an_unknown_point_fails_alone(deploy, sends_range, qualities):
    tail = Tail.load(deploy(sends_range, **qualities))
    good = pack(tail, random_codes(tail, 1)[0])
    start = 4 if sends_range else 6
    unknown = tail.unit.format._header(good[start:], 3) + good[start:]
    _, status = tail.try_logits([good, unknown, good])
    assert status == ["ok", "unknown point", "ok"]


def test_probabilities_are_the_softmax_of_the_logits(deploy, sends_range):
    tail = Tail.load(deploy(sends_range))
    payloads = [pack(tail, codes) for codes in random_codes(tail, 4)]
    odds = np.exp(tail.logits(payloads).astype(np.float64))
    probabilities = tail.predict(payloads)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(
        probabilities, odds / odds.sum(1, keepdims=True), rtol=1e-5
    )


def test_large_logits_do_not_overflow(deploy):
    tail = Tail.load(deploy())
    payload = pack(tail, np.zeros((4, 4, 2), np.uint8), (0.0, 65504.0))
    # Every class gets the same bound on top, so each has one third.
    np.testing.assert_allclose(tail.predict([payload]), 1 / 3, rtol=1e-6)


def test_batches_give_what_single_payloads_give(deploy):
    folder = deploy()
    tail = Tail.load(folder, max_batch=3)
    payloads = [pack(tail, codes) for codes in random_codes(tail, 7)]
    single = np.concatenate([tail.logits([p]) for p in payloads])
    np.testing.assert_allclose(tail.logits(payloads), single, rtol=1e-5)


def test_no_batch_is_larger_than_max_batch(deploy, monkeypatch):
    tail = Tail.load(deploy(), max_batch=3)
    engine, sizes = tail._engine, []

    def counting(inputs):
        sizes.append(len(inputs["codes"]))
        return engine(inputs)

    monkeypatch.setattr(tail, "_engine", counting)
    tail.logits([pack(tail, codes) for codes in random_codes(tail, 7)])
    assert sizes == [3, 3, 1]


def test_no_payloads_give_no_rows(deploy):
    tail = Tail.load(deploy())
    assert tail.predict([]).shape == tail.logits([]).shape == (0, 3)
    assert tail.try_logits([])[1] == []


def test_an_empty_batch_never_reaches_the_engine(deploy, monkeypatch):
    # TensorRT's profile begins at one row, and not every engine takes none.
    tail = Tail.load(deploy())
    monkeypatch.setattr(tail, "_engine", None)
    assert tail.run([]).shape == tail.logits([]).shape == (0, 3)
    assert not tail.try_logits([b"", b"bad"])[0].any()


def test_classes_come_in_the_order_of_the_logits(deploy):
    assert Tail.load(deploy()).classes == ("cat", "dog", "newt")


def test_the_cloud_folder_alone_is_enough(deploy):
    assert Tail.load(deploy() / "cloud").unit.name == "tiny"


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_corrupt_payload_is_named_by_its_index(deploy, sends_range, damage):
    tail = Tail.load(deploy(sends_range), max_batch=2)
    payloads = [pack(tail, codes) for codes in random_codes(tail, 6)]
    good = payloads[4]
    payloads[4] = {
        "cut": good[:-1],
        "flipped": good[:-1] + bytes([good[-1] ^ 1]),
        "empty": b"",
        "text": "payload",
    }[damage]
    with pytest.raises(PayloadError, match="^Payload 4: "):
        tail.predict(payloads)


def test_a_bad_payload_fails_alone(deploy, sends_range):
    tail = Tail.load(deploy(sends_range), max_batch=2)
    payloads = [pack(tail, codes) for codes in random_codes(tail, 5)]
    whole = tail.logits(payloads)
    # The last two fill a batch of their own, in which nothing is left to run.
    bad = [payloads[1][:-1], *payloads, b"", b"\xff" * 20]
    logits, status = tail.try_logits(bad[:4] + bad[6:])
    assert status == [
        "foreign or corrupt", "ok", "ok", "ok", "wrong size", "wrong version",
    ]  # fmt: skip
    np.testing.assert_allclose(logits[1:4], whole[:3], rtol=1e-5)
    assert not logits[[0, 4, 5]].any()


def test_a_payload_of_a_foreign_unit_is_refused(deploy, pixels):
    foreign = Head.load(deploy(unit_id=99)).encode(pixels)
    tail = Tail.load(deploy(unit_id=1234))
    with pytest.raises(PayloadError, match="Payload 0: .*the same export"):
        tail.predict([foreign])


def test_one_payload_outside_a_list_is_refused(deploy):
    with pytest.raises(TypeError, match="in a list.*type=bytes"):
        Tail.load(deploy()).predict(b"payload")


@pytest.mark.parametrize("max_batch", [0, -1])
def test_a_batch_must_be_positive(deploy, max_batch):
    with pytest.raises(ValueError, match=f"Received: max_batch={max_batch}"):
        Tail.load(deploy(), max_batch=max_batch)


@pytest.mark.parametrize("file", ["unit.json", "tail.onnx"])
def test_a_missing_file_is_named(deploy, file):
    folder = deploy()
    (folder / "cloud" / file).unlink()
    with pytest.raises(FileNotFoundError, match=file):
        Tail.load(folder)


@pytest.mark.parametrize(
    "changes", [{"code_shape": [4, 8, 2]}, {"classes": ["cat", "dog"]}]
)
def test_a_tail_of_other_shapes_than_unit_json_is_refused(deploy, changes):
    with pytest.raises(ValueError, match="'tiny'.*tail.onnx.*unit.json"):
        Tail.load(deploy(**changes))


def test_a_tail_and_a_unit_json_that_differ_in_the_range_are_refused(
    deploy, hand, sends_range
):
    folder = deploy(sends_range)
    hand.save_tail(folder / "cloud" / "tail.onnx", not sends_range)
    with pytest.raises(ValueError, match="must have the inputs"):
        Tail.load(folder)


def test_a_tail_of_a_fixed_batch_is_refused(deploy, hand):
    folder = deploy()
    hand.save_tail(folder / "cloud" / "tail.onnx", True, batch=1)
    with pytest.raises(ValueError, match="the batch open"):
        Tail.load(folder)


def test_a_tail_with_another_output_is_refused(deploy, hand):
    folder = deploy(sends_range=False)
    hand.save_graph(
        folder / "cloud" / "tail.onnx",
        [helper.make_node("Flatten", ["codes"], ["features"])],
        {"codes": ("N", 2, 4, 4)},
        {"features": ("N", 32)},
    )
    with pytest.raises(ValueError, match="must have the outputs"):
        Tail.load(folder)


def test_head_and_tail_read_the_same_unit_json(deploy):
    folder = deploy()
    head, tail = Head.load(folder), Tail.load(folder)
    assert head.unit == tail.unit


def test_importing_the_tail_imports_no_tensorflow():
    program = (
        "import sys, bottlenet_tf.runtime.cloud\n"
        "found = {'tensorflow', 'keras', 'absl'} & set(sys.modules)\n"
        "sys.exit(f'imports {found}' if found else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
