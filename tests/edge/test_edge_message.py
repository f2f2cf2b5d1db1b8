"""Messages go to the model that reads them; classes are ones that exist."""

import pytest

from bottlenet_tf.edge import message
from bottlenet_tf.edge.message import ByKind
from bottlenet_tf.link.transport import Answer, BadAnswer, Transport


class Model(Transport):
    """Answers one class and keeps what it was asked."""

    overhead_bytes = 42

    def __init__(self, index=0, top=(), status="ok", unit_id=None):
        self.asked, self.closed, self.interrupted = [], 0, 0
        self._answer, self._unit_id = (index, top, status), unit_id

    def ask(self, payload, deadline, request_id):
        self.asked.append(bytes(payload))
        self.connect_ms = 3.0
        index, top, status = self._answer
        return Answer(
            index, "", top, status, None, None, self._unit_id, request_id, 0
        )  # fmt: skip

    def interrupt(self):
        self.interrupted += 1

    def close(self):
        self.closed += 1


def test_each_kind_has_its_model():
    units, images = Model(), Model()
    transport = ByKind(units, images)
    transport.ask(message.payload(b"p", ("a",), 0), 9.0, "q0")
    transport.ask(message.image_file(b"i", ("a",)), 9.0, "q1")
    assert images.asked == [b"i"] and transport.connect_ms == 3.0
    transport.interrupt()
    assert (units.interrupted, images.interrupted) == (0, 1)
    transport.ask(b"\0\0", 9.0, "probe")  # A probe is no `Message`.
    assert units.asked == [b"p", b"\0\0"]
    transport.close()
    assert units.closed == images.closed == 1
    assert transport.overhead_bytes == 42


@pytest.mark.parametrize(
    "index, top", [(2, ()), (-1, ()), (0, ((0, 0.9), (2, 0.1)))]
)
def test_a_class_that_is_none_is_refused(index, top):
    sent = message.payload(b"p", ("a", "b"), 0)
    with pytest.raises(BadAnswer, match="a class of the network"):
        ByKind(Model(index, top)).ask(sent, 9.0, "q")


def test_a_failed_payload_keeps_its_status():
    sent = message.payload(b"p", ("a", "b"), 0)
    found = ByKind(Model(-1, (), "unknown unit")).ask(sent, 9.0, "q")
    assert found.status == "unknown unit"


def test_a_message_is_its_bytes():
    sent = message.payload(b"abc", ("a",), 4)
    assert (sent, len(sent), sent.point, sent.is_image) == (b"abc", 3, 4, False)


def test_an_image_is_answered_by_the_network_that_is_meant():
    units, sent = Model(), message.image_file(b"i", ("a",), 7)
    for told in (7, None):  # Not every server tells.
        found = ByKind(units, Model(unit_id=told)).ask(sent, 9.0, "q")
        assert found.index == 0
    with pytest.raises(BadAnswer, match="another network"):
        ByKind(units, Model(unit_id=8)).ask(sent, 9.0, "q")
