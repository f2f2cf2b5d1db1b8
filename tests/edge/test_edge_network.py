"""What a device computes of a deployment, and what of a plan it can't."""

import io

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf.edge import answering, image_files
from bottlenet_tf.edge.network import Found, Network, plan_path
from bottlenet_tf.link import plan_file
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.whole import Whole
from tests.edge.stand_ins import plan_values
from tests.edge.tiny_deployment import write_deployment
from tests.runtime import conftest as tiny


@pytest.fixture
def deployment(tmp_path):
    return write_deployment(tmp_path / "deployment")


@pytest.fixture
def pixels():
    rng = np.random.RandomState(1)
    return rng.randint(0, 256, (8, 8, 3)).astype(np.uint8)


def choices():
    plan = plan_file.parse(plan_values())
    return {choice.name: choice for choice in plan.choices}


def test_payloads_are_the_heads_at_the_choices_point(deployment, pixels):
    network, head = Network.open(deployment), Head.load(deployment)
    picture = network.prepare(pixels)
    for point in (0, 1):
        choice = choices()["rb1 at point {}".format(point)]
        sent = network.encode(picture, choice)
        assert sent == head.encode(pixels, point) and sent.point == point
        assert list(sent.classes) == tiny.CLASSES
    network.warm_up(("rb1",))


def test_a_limit_takes_the_finest_point_within(deployment, pixels):
    network, head = Network.open(deployment), Head.load(deployment)
    picture, choice = network.prepare(pixels), choices()["rb1 at point 0"]
    fine, coarse = (len(head.encode(pixels, point)) for point in (0, 1))
    assert fine > coarse
    assert network.encode(picture, choice, fine).point == 0
    sent = network.encode(picture, choice, fine - 1)
    assert (len(sent), sent.point) == (coarse, 1)
    with pytest.raises(ValueError, match="max_bytes"):
        network.encode(picture, choice, 3)


class Counting:
    """An engine that counts its runs."""

    def __init__(self, engine):
        self._engine, self.runs = engine, 0

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def __call__(self, inputs):
        self.runs += 1
        return self._engine(inputs)


@pytest.mark.parametrize("spared", [0, 1, 40])
def test_the_network_runs_once_for_an_image_whatever_the_limit(
    deployment, pixels, spared
):
    network = Network.open(deployment)
    head, choice = network._units["rb1"], choices()["rb1 at point 0"]
    limit = len(head.encode(pixels, 0)) - spared
    head._engine = engine = Counting(head._engine)
    assert len(network.encode(network.prepare(pixels), choice, limit)) <= limit
    assert engine.runs == 1


def test_a_limit_is_never_a_reason_for_a_finer_point(deployment, pixels):
    network, coarse = Network.open(deployment), choices()["rb1 at point 1"]
    sent = network.encode(network.prepare(pixels), coarse, 10**6)
    assert sent.point == 1


def test_the_devices_answer_is_the_whole_networks(deployment, pixels):
    network = Network.open(deployment, with_heads=False)
    shares = Whole.load(deployment).predict(pixels)
    found = network.predict(network.prepare(pixels))
    assert found.index == shares.argmax()
    assert [i for i, _ in found.top] == np.argsort(-shares).tolist()
    assert [s for _, s in found.top] == pytest.approx(
        sorted(-shares * -1)[::-1]
    )


def test_what_the_device_lacks_is_reported_by_choice(deployment):
    network, known = Network.open(deployment), choices()
    assert network.why_not(known["rb1 at point 0"]) is None
    assert network.why_not(known["mobile-only"]) is None
    for change, reason in (
        ({"split": "rb7"}, "no such unit"),
        ({"unit_id": 5}, "another unit of this name"),
        ({"point": 2}, "no such point"),
    ):
        choice = known["rb1 at point 0"]._replace(**change)
        assert reason in network.why_not(choice)
    cloud = known["cloud-only"]
    assert network.why_not(cloud, True, 400) is None
    assert "more than 399" in network.why_not(cloud, True, 399)
    assert "no model that takes image" in network.why_not(cloud)
    assert network.why_not(cloud, with_images=True) is None
    for change, reason in (
        ({"codec": "heic"}, "can't read heic files"),
        ({"side": 9}, "larger than the network's"),
        ({"quality": None}, "is unknown"),
    ):
        assert reason in network.why_not(cloud._replace(**change), True)


def test_a_limit_is_compared_with_the_smallest_payload(deployment):
    network, fine = Network.open(deployment), choices()["rb1 at point 0"]
    least = Head.load(deployment).least_bytes
    assert network.why_not(fine, False, least) is None
    assert "is within {} bytes".format(least - 1) in network.why_not(
        fine, False, least - 1
    )
    for unit in (None, "rb1"):
        network.check_limit(least, unit)
        with pytest.raises(ValueError, match="at least {}".format(least)):
            network.check_limit(least - 1, unit)


def test_without_a_whole_network_the_heads_still_send(tmp_path, pixels):
    network = Network.open(write_deployment(tmp_path / "d", with_whole=False))
    assert not network.answers
    picture = network.prepare(pixels)
    assert network.encode(picture, choices()["rb1 at point 1"])
    assert "whole.json" in network.why_not(choices()["mobile-only"])
    with pytest.raises(ValueError, match="no network for one.*whole.json"):
        network.predict(picture)


def test_neither_heads_nor_network_is_an_error(tmp_path):
    folder = write_deployment(tmp_path / "d", with_whole=False)
    with pytest.raises(FileNotFoundError, match="whole.json"):
        Network.open(folder, with_heads=False)


def test_an_answer_that_is_no_number_is_none(deployment, pixels, monkeypatch):
    network = Network.open(deployment)
    monkeypatch.setattr(
        Whole, "predict", lambda self, image: np.float32([0.1, np.nan, 0.2])
    )
    with pytest.raises(ValueError, match="must be finite"):
        network.predict(network.prepare(pixels))


def test_an_image_file_is_the_codecs_at_the_plans_side(deployment, pixels):
    network = Network.open(deployment)
    picture, cloud = network.prepare(pixels), choices()["cloud-only"]
    sent = network.encode(picture, cloud)
    assert sent.is_image and sent.point is None
    with Image.open(io.BytesIO(sent)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (8, 8), "RGB")
    small = network.encode(picture, cloud._replace(side=4))
    assert Image.open(io.BytesIO(small)).size == (4, 4)
    with pytest.raises(ValueError, match="--max_bytes"):
        network.encode(picture, cloud, 100)


@pytest.mark.parametrize("codec", ["jpeg", "webp", "avif"])
def test_what_a_codec_has_nothing_against_it_writes(codec, pixels):
    if image_files.why_not(codec) is not None:
        pytest.skip(image_files.why_not(codec))
    small, large = (
        image_files.encode(pixels, codec, quality, 8) for quality in (10, 95)
    )
    assert 0 < len(small) < len(large)


def test_grey_images_are_sent_without_colour():
    grey = np.repeat(np.arange(64, dtype=np.uint8).reshape(8, 8, 1), 3, 2)
    file = image_files.encode(grey, "jpeg", 90, 8)
    assert Image.open(io.BytesIO(file)).mode == "L"


def test_the_plan_of_a_deployment_is_found(deployment):
    assert plan_path(str(deployment)) is None
    path = deployment / "edge" / "plan.json"
    path.write_text("{}")
    assert plan_path(str(deployment)) == str(path)
    assert plan_path(str(deployment / "edge")) == str(path)


def test_labels_are_reported_by_the_server_as_by_the_device():
    top = ((2, 0.9), (0, 0.6), (1, 0.2))
    answer = Found(2, top)
    classes = ("cat", "dog", "newt")
    assert answering._label("sigmoid", answer, classes) == "cat, newt"
    assert answering._label("softmax", answer, classes) == "newt"
