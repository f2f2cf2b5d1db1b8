"""A device and a server over the emulated link: slow, cut, and back."""

import time

import pytest

from bottlenet_tf.emulation import Proxy, Settings
from bottlenet_tf.link.controller import Controller
from bottlenet_tf.link.kserve_http import KServeHttp
from bottlenet_tf.link.sender import LOCAL, REMOTE, Sender
from tests import replay_plans
from tests.link.scripted_server import ScriptedServer, good, unpack

SPLITS = {"RB3": (0.05, ((200.0, 240, 91.0),))}
LOCAL_S = 0.06
# Of a busy machine; what is waited for comes much earlier.
PATIENCE_S = 30.0


@pytest.fixture
def device():
    """Yields a running link and a function that answers one image."""
    plan = replay_plans.make(SPLITS, (), 91.7, 1e3 * LOCAL_S, 0.0, 80.0)
    count = iter(range(10**6))

    def script(payload, number):
        return good(payload, top=[[len(payload), 1.0]])

    with ScriptedServer(script) as server:
        target = "127.0.0.1", server.port
        with Proxy(Settings(5.85, delay_ms=5.0), target) as link:
            address = "{}:{}".format(*link.address)
            sender = Sender(
                Controller(plan),
                KServeHttp(address, "m", unpack=unpack),
                lambda image, choice: bytes(200 + image % 50),
                lambda image: time.sleep(LOCAL_S) or image,
                KServeHttp(address, "m", unpack=unpack),
            )

            def answer():
                image = next(count)
                reply = sender.answer(image)
                if reply.source == REMOTE:
                    assert reply.answer.index == 200 + image % 50
                else:
                    assert reply.answer == image
                return reply.source

            yield link, answer
            sender.close()


def wait_for(source, answer):
    begun = time.monotonic()
    while answer() != source:
        assert time.monotonic() - begun < PATIENCE_S


def test_images_are_answered_through_a_cut_and_a_slow_spell(device):
    link, answer = device
    wait_for(REMOTE, answer)
    link.set(outage=True)
    wait_for(LOCAL, answer)
    assert [answer() for _ in range(10)] == [LOCAL] * 10
    link.set(outage=False)
    wait_for(REMOTE, answer)
    link.set(uplink=0.01)  # 350 bytes take 0.3 s.
    wait_for(LOCAL, answer)
    link.set(uplink=5.85)
    wait_for(REMOTE, answer)
