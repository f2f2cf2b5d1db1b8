"""Payloads of several units in one batch, honest, hostile and foreign."""

import json

import numpy as np
import pytest

from bottlenet_tf.codec import answer as answers
from bottlenet_tf.runtime.answers import OUTPUTS
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.routes import TagCollisionError
from bottlenet_tf.runtime.tails import Tails

BOUNDS = (-1.5, 2.0)
IDS = {"plain": 0x11100000, "range": 0x22200000, "third": 0x33300000}
CLASSES = {"third": ["cat", "dog", "newt"]}


@pytest.fixture
def folder(tmp_path, hand):
    """A folder of three units; only the second sends its range."""
    for name, unit_id in IDS.items():
        (tmp_path / name).mkdir()
        content = hand.unit_content(name == "range", unit_id=unit_id, name=name)
        (tmp_path / name / "unit.json").write_text(json.dumps(content))
        hand.save_tail(tmp_path / name / "tail.onnx", name == "range")
    return tmp_path


@pytest.fixture
def served(folder):
    return Tails.load(folder, threads=1)


def sent(served, name, seed=0):
    """Returns a payload of one unit, and its codes."""
    message = served.tails[name].unit.format
    codes = np.random.RandomState(seed).randint(0, 256, message.shape)
    codes = codes.astype(np.uint8)
    bounds = BOUNDS if message.sends_range else None
    return message.pack(codes, bounds), codes


def mixed(served):
    """Returns names, payloads and codes of a batch out of order."""
    names = ["third", "plain", "range", "plain", "range", "third", "plain"]
    pairs = [sent(served, name, i) for i, name in enumerate(names)]
    return names, [p for p, _ in pairs], [c for _, c in pairs]


def test_a_mixed_batch_is_answered_in_order(served, hand):
    names, payloads, codes = mixed(served)
    found = served.answer(payloads)
    want = [
        hand.tail_logits(image, BOUNDS if name == "range" else None)
        for name, image in zip(names, codes, strict=True)
    ]
    np.testing.assert_allclose(found["logits"], want, rtol=1e-5, atol=1e-4)
    classes = np.argmax(want, axis=1)
    assert found["classes"][:, 0].tolist() == classes.tolist()
    labels = [("cat", "dog", "newt")[i] for i in classes]
    assert found["labels"][:, 0].tolist() == labels
    assert found["units"][:, 0].tolist() == [IDS[name] for name in names]
    assert found["status"][:, 0].tolist() == ["ok"] * 7
    assert found["batch"][:, 0].tolist() == [7] * 7


def test_the_wait_of_each_payload_is_reported(served):
    payloads = mixed(served)[1]
    waits = [0.5 * i for i in range(7)]
    found = served.answer(payloads, ["answer", "queued_ms"], waits)
    assert found["queued_ms"][:, 0].tolist() == waits
    packed = [answers.unpack(bytes(row)) for row in found["answer"]]
    assert [answer.queued_ms for answer in packed] == waits
    assert not served.answer(payloads, ["queued_ms"])["queued_ms"].any()


def test_each_unit_runs_once_for_all_its_payloads(served, monkeypatch):
    sizes = []
    run = Tail.run

    def counted(tail, batch):
        sizes.append((tail.unit.name, len(batch)))
        return run(tail, batch)

    monkeypatch.setattr(Tail, "run", counted)
    served.answer(mixed(served)[1])
    assert sorted(sizes) == [("plain", 3), ("range", 2), ("third", 2)]


def test_answers_are_those_of_the_tail_alone(served):
    payloads = [sent(served, "plain", seed)[0] for seed in range(4)]
    alone, found = served.tails["plain"], served.answer(payloads)
    np.testing.assert_array_equal(found["logits"], alone.logits(payloads))
    np.testing.assert_array_equal(
        found["probabilities"], alone.predict(payloads)
    )


def test_the_likeliest_classes_come_in_order(served):
    found = served.answer(mixed(served)[1])
    order = np.argsort(-found["logits"], axis=1)
    np.testing.assert_array_equal(found["top_classes"], order)
    np.testing.assert_array_equal(
        found["top_probabilities"],
        np.take_along_axis(found["probabilities"], order, 1),
    )


def test_compact_answers_say_the_same(served):
    _, payloads, _ = mixed(served)
    payloads.append(b"\x31\x11 of a unit, but corrupt")
    found = served.answer(payloads)
    for i, (row, payload) in enumerate(
        zip(found["answer"], payloads, strict=True)
    ):
        answer = answers.unpack(row.tobytes())
        assert answer.answers(payload)
        assert answer.status == found["status"][i, 0]
        assert answer.unit_id == found["units"][i, 0]
        assert answer.class_index == found["classes"][i, 0]
        assert answer.batch == 8 and answer.computed_ms >= 0
        shares = [share for _, share in answer.top]
        wanted = found["top_probabilities"][i][: len(shares)]
        np.testing.assert_allclose(shares, wanted, atol=1e-5)
        assert answers.pack(answer, 3) == row.tobytes()
    assert answer.top == ()


def test_hostile_payloads_fail_alone_each_with_its_reason(served):
    good, _ = sent(served, "plain")
    foreign = good[:1] + b"\x99" + good[2:]
    of_another = sent(served, "range")[0][:2] + good[2:]
    batch = {
        b"": "wrong size",
        b"\x31": "wrong size",
        b"\x31\x11": "wrong size",
        good[:6]: "wrong size",  # No PNG is that short.
        bytes([good[0] ^ 0x40]) + good[1:]: "wrong version",
        b"\xff" * 200: "wrong version",
        foreign: "unknown unit",
        of_another: "foreign or corrupt",
        good[:-1] + bytes([good[-1] ^ 1]): "foreign or corrupt",
        good + bytes(1_000_000): "wrong size",
        good: "ok",
    }
    found = served.answer(list(batch))
    status = found["status"][:, 0].tolist()
    assert dict(zip(batch, status, strict=True)) == batch
    assert found["classes"][:-1, 0].tolist() == [-1] * 10
    assert found["labels"][:-1, 0].tolist() == [""] * 10
    assert (found["top_classes"][:-1] == -1).all()
    for name in ("logits", "probabilities", "top_probabilities", "units"):
        assert not found[name][:-1].any()
    assert found["classes"][-1, 0] >= 0


def test_random_bytes_never_raise(served):
    rng = np.random.RandomState(0)
    starts = [p[:2] for p in mixed(served)[1]]
    batch = [
        starts[i % 7] + rng.bytes(rng.randint(0, 60)) for i in range(300)
    ] + [rng.bytes(rng.randint(0, 60)) for _ in range(300)]
    found = served.answer(batch)
    assert "ok" not in found["status"][:, 0].tolist()
    for row in found["answer"]:
        assert answers.unpack(row.tobytes()).status != "ok"


def test_no_payloads_get_no_answers(served):
    for name, rows in served.answer([]).items():
        assert len(rows) == 0 and rows.ndim == 2, name


def test_a_network_that_fails_leaves_the_others_alone(
    served, monkeypatch, capsys
):
    run = Tail.run

    def failing(tail, batch):
        if tail.unit.name == "range":
            raise RuntimeError("out of memory")
        return run(tail, batch)

    monkeypatch.setattr(Tail, "run", failing)
    names, payloads, _ = mixed(served)
    status = served.answer(payloads)["status"][:, 0].tolist()
    assert status == ["failed" if n == "range" else "ok" for n in names]
    assert "'range' failed on 2 payloads: out of" in capsys.readouterr().err


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_no_numbers_are_no_answer(served, monkeypatch, value):
    run = Tail.run

    def spoiled(tail, batch):
        logits = run(tail, batch).copy()
        logits[0, 1] = value
        return logits

    monkeypatch.setattr(Tail, "run", spoiled)
    payloads = [sent(served, "plain", seed)[0] for seed in range(3)]
    found = served.answer(payloads)
    assert found["status"][:, 0].tolist() == ["failed", "ok", "ok"]
    assert not found["logits"][0].any()


def test_only_what_is_asked_for_is_returned(served):
    payloads = mixed(served)[1]
    assert list(served.answer(payloads, ["labels"])) == ["labels"]
    found = served.answer(payloads)
    assert list(found) == list(OUTPUTS)
    for name, (dtype, width) in OUTPUTS.items():
        assert found[name].dtype == dtype
        assert found[name].shape[0] == 7
        assert width is None or found[name].shape == (7, width)


class FakeTail:
    """Answers every payload with logits of its own length."""

    def __init__(self, unit, logits, output="softmax"):
        self.unit, self._logits = unit, np.float32(logits)
        self.name, self.unit_id = unit.name, unit.format.unit_id
        self.classes = [f"class {i}" for i in range(len(logits))]
        self.output = output

    def try_logits(self, payloads):
        return np.tile(self._logits, (len(payloads), 1)), ["ok"] * len(payloads)


def test_units_of_fewer_classes_never_name_another_one(served):
    few = FakeTail(served.tails["plain"].unit, [-3.0, -2.0])
    many = FakeTail(served.tails["third"].unit, np.arange(100) - 90.0)
    both = Tails({"few": few, "many": many})
    payloads = [sent(served, name)[0] for name in ("plain", "third")]
    found = both.answer(payloads)
    assert found["logits"].shape == (2, 100)
    assert found["classes"][:, 0].tolist() == [1, 99]
    assert found["labels"][:, 0].tolist() == ["class 1", "class 99"]
    assert found["logits"].argmax(1).tolist() == [1, 99]
    assert found["top_classes"].tolist() == [
        [1, 0, -1, -1, -1],
        [99, 98, 97, 96, 95],
    ]
    np.testing.assert_allclose(found["probabilities"].sum(1), 1, rtol=1e-6)
    few, many = map(answers.unpack, map(bytes, found["answer"]))
    assert [index for index, _ in few.top] == [1, 0]
    assert [index for index, _ in many.top] == [99, 98, 97, 96, 95]


def test_several_labels_are_named_and_reported_with_their_own_probabilities(
    served,
):
    logits = np.where(np.arange(40) % 5 == 0, 2.0, -2.0)
    tail = FakeTail(served.tails["plain"].unit, logits, "sigmoid")
    found = Tails({"a": tail}).answer([sent(served, "plain")[0]])
    names = [f"class {i}" for i in range(0, 40, 5)]
    assert found["labels"][0, 0] == ", ".join(names)
    np.testing.assert_allclose(
        found["probabilities"][0], 1 / (1 + np.exp(-logits)), rtol=1e-6
    )
    top = answers.unpack(bytes(found["answer"][0])).top
    assert {i for i, share in top if share > 0.5} == set(range(0, 40, 5))


def test_equal_logits_give_the_first_class_everywhere(served):
    tail = FakeTail(served.tails["plain"].unit, [1.0, 2.0, 2.0])
    found = Tails({"a": tail}).answer([sent(served, "plain")[0]])
    assert found["classes"][0, 0] == found["top_classes"][0, 0] == 1


def test_units_that_cannot_be_told_apart_are_refused(folder, hand):
    content = hand.unit_content(False, unit_id=IDS["plain"] + 1, name="third")
    (folder / "third" / "unit.json").write_text(json.dumps(content))
    with pytest.raises(TagCollisionError, match="'plain' and 'third'"):
        Tails.load(folder)


def test_a_folder_without_units_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one tail"):
        Tails.load(tmp_path)


def test_warming_up_runs_every_network(served, monkeypatch):
    ran = []
    run = Tail.run
    monkeypatch.setattr(
        Tail, "run", lambda t, b: ran.append(t.unit.name) or run(t, b)
    )
    served.warm_up()
    assert sorted(ran) == sorted(IDS)
