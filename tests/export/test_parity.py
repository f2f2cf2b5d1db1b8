"""An artefact that disagrees is refused, and how it is measured."""

import copy
import dataclasses

import numpy as np
import pytest

from bottlenet_tf import tasks
from bottlenet_tf.export.parity import (
    Parity,
    ParityError,
    Reference,
    compare_logits,
    require,
)
from bottlenet_tf.export.tolerances import HEAD, TAIL, WHOLE
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.gains import Gains
from bottlenet_tf.runtime.unit_file import UnitFile
from tests import learned_unit
from tests.export.conftest import make_network
from tests.point_unit import point_network

IMAGES = np.random.RandomState(0).randint(0, 256, (8, 24, 24, 3), np.uint8)
GOOD = Parity("a.onnx", 100, 0.0, 0, 100.0, 0.0, 100.0, 90.0, 90.0,
              TAIL)  # fmt: skip


class KerasHead:
    """A head that is the Keras model, with its codes moved."""

    def __init__(self, reference, move=0):
        self._path, self._move = reference._path, move

    def codes(self, image, point=None):
        codes, code_range = self._path.codes(image[None], point)
        moved = np.clip(codes[0].astype(int) + self._move, 0, 255)
        if not self._path.format.sends_range:
            return moved.astype(np.uint8), None
        return moved.astype(np.uint8), tuple(map(float, code_range[0]))

    def pack(self, codes, code_range, point=0):
        return self._path.format.pack(codes, code_range, point)


@pytest.fixture(scope="module")
def reference(network):
    return Reference(network, IMAGES, np.zeros(8, int))


def test_the_same_model_agrees_exactly(reference):
    (parity,) = reference.compare_head("h", HEAD["onnx"], KerasHead(reference))
    assert parity.point == 0
    assert parity.differing_codes == parity.code_difference == 0
    assert parity.same_payloads == parity.top1_agreement == 100
    assert parity.accuracy == parity.keras_accuracy
    require(parity)


def test_moved_codes_are_seen_and_refused(reference):
    (parity,) = reference.compare_head(
        "h", HEAD["onnx"], KerasHead(reference, 5)
    )
    assert parity.differing_codes > 50
    assert parity.code_difference == 5
    assert parity.same_payloads < 100
    with pytest.raises(ParityError, match="^h must agree.*differing_codes"):
        require(parity)


def test_a_tail_is_compared_by_its_logits(reference):
    (same,) = reference.compare_tail("t", reference.logits)
    require(same)
    (other,) = reference.compare_tail("t", reference.logits * 1.01)
    with pytest.raises(ParityError, match="logit_difference"):
        require(other)


def test_one_image_of_few_may_change_its_class():
    few = dataclasses.replace(GOOD, images=20, top1_agreement=95.0)
    require(few)
    with pytest.raises(ParityError, match="top1_agreement"):
        require(dataclasses.replace(few, top1_agreement=90.0))


def test_a_move_by_two_levels_of_a_coarse_quantizer_counts_as_two(
    learned_network,
):
    images = IMAGES[:4]
    reference = Reference(learned_network, images, np.zeros(4, int))
    # 6 bits: 63 levels, 255 / 63 codes apart; two are 8 codes, or 9.
    (parity,) = reference.compare_head(
        "h", HEAD["onnx"], KerasHead(reference, 8)
    )
    assert parity.code_difference == 2


@pytest.mark.parametrize("bits", range(1, 9))
def test_every_code_of_a_quantizer_has_its_own_level(reference, bits):
    # A code may lie just below its level's place: 4 of 6 bits, 4.05.
    levels = np.arange(2**bits)
    codes = np.rint(levels * (255 / (2**bits - 1))).astype(np.uint8)
    like = copy.copy(reference)
    like._step = 255 / (2**bits - 1)
    np.testing.assert_array_equal(like._level(codes), levels)


class OnePointHead(KerasHead):
    """Encodes at the first point whatever it is asked for."""

    def codes(self, image, point=None):
        return super().codes(image, 0)


@pytest.fixture(scope="module")
def mixed_reference():
    return Reference(point_network(), IMAGES[:3], np.zeros(3, int))


def test_every_point_is_compared_by_itself(mixed_reference):
    assert mixed_reference.points == [0, 1, 2]
    head = OnePointHead(mixed_reference)
    parities = mixed_reference.compare_head("h", HEAD["onnx"], head)
    assert [parity.point for parity in parities] == [0, 1, 2]
    require(parities[0])
    for parity in parities[1:]:
        assert parity.code_difference > 1 and parity.images == 3
        with pytest.raises(
            ParityError, match=f"operating point {parity.point}"
        ):
            require(parity)


class KerasEngine:
    """Runs the Keras head as an engine would the exported one."""

    channels_first = False

    def __init__(self, model):
        self._head = model.head
        self.inputs = {"image": (1, *model.prefix.input_shape[1:])}
        self.outputs = {"coefficients": (1, *model.unit.code_shape)}

    def __call__(self, arrays):
        sent = self._head(arrays["image"], training=False)
        return {name: value.numpy() for name, value in sent.items()}


@pytest.fixture(scope="module")
def learned_reference():
    return Reference(learned_unit.learned_network(), IMAGES[:4], np.zeros(4))


def learned_head(reference, change):
    """Returns a head whose gains are a function of the unit's own."""
    model, form = learned_unit.learned_network(), reference._path.format
    unit = UnitFile(
        "learned", form, 24, 24, tuple("abcdefg"), {}, 1, takes_point=True
    )
    gains = Gains(change(model.unit.gains()), form)
    return Head(unit, KerasEngine(model), "onnx", gains)


def test_coefficients_times_gains_agree_at_every_point(learned_reference):
    head = learned_head(learned_reference, lambda gains: gains)
    for parity in learned_reference.compare_head("h", HEAD["onnx"], head):
        require(parity)
        assert parity.same_payloads >= 75  # A code on an edge in one image.


@pytest.mark.parametrize(
    "change",
    [lambda g: g[::-1].copy(), lambda g: np.float32(1.2) * g],
    ids=["reversed", "larger"],
)
def test_other_gains_are_seen_and_refused(learned_reference, change):
    head = learned_head(learned_reference, change)
    with pytest.raises(ParityError, match="differing_codes"):
        for parity in learned_reference.compare_head("h", HEAD["onnx"], head):
            require(parity)


def test_payloads_mix_the_points_image_by_image(mixed_reference):
    path = mixed_reference._path
    want = [path.encode(IMAGES[:3], point) for point in range(3)]
    assert mixed_reference.payloads == [p for one in zip(*want) for p in one]
    logits = mixed_reference.logits.copy()
    logits[5] *= -1  # The second image at the last point.
    apart = mixed_reference.compare_tail("t", logits)
    assert [p.logit_difference > 0 for p in apart] == [False, False, True]


def test_of_many_points_first_default_and_last_are_compared():
    model = make_network(quality=[90, 80, 60, 40, 20, 10])
    model.unit.default_point = 3
    assert Reference(model, IMAGES[:1], np.zeros(1, int)).points == [0, 3, 5]


@pytest.mark.parametrize(
    "field, value",
    [
        ("differing_codes", 0.1),
        ("code_difference", 1.0),
        ("logit_difference", 0.01),
        ("top1_agreement", 98.0),
        ("logit_difference", float("nan")),
        ("top1_agreement", float("nan")),
    ],
)
def test_each_figure_has_its_limit(field, value):
    require(GOOD)
    with pytest.raises(ParityError, match=field):
        require(dataclasses.replace(GOOD, **{field: value}))


@pytest.mark.parametrize(
    "first, agreement, difference",
    [
        ([1.0, 4.0], 100.0, 0.0),
        ([1.0, 3.0], 100.0, 0.25),  # 1 of 4, the largest.
        ([1.0, 0.0], 50.0, 1.0),
    ],
)
def test_a_network_without_codes_is_compared_by_its_logits(
    first, agreement, difference
):
    wanted = np.array([[1.0, 4.0], [2.0, 0.0]])
    logits = np.array([first, [2.0, 0.0]])
    parity = compare_logits(
        "w", WHOLE["onnx"], logits, wanted, np.array([1, 1]), tasks.ONE_CLASS
    )
    assert parity.top1_agreement == agreement
    assert parity.logit_difference == difference
    assert parity.keras_accuracy == 50.0
    assert parity.differing_codes is parity.same_payloads is None
    if difference:
        with pytest.raises(ParityError, match="logit_difference"):
            require(parity)
    else:
        require(parity)
