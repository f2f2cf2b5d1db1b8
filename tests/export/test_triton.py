"""The model repository for Triton, with a stand-in for its Python backend.

tests/serving/test_real_triton.py asks a real one.
"""

import io
import json
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bottlenet_tf.codec import PayloadFormat
from bottlenet_tf.codec import answer as answers
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.export import triton
from bottlenet_tf.layers import STATUSES
from bottlenet_tf.runtime import served, triton_model
from bottlenet_tf.runtime.answers import OUTPUTS
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.tails import Tails
from bottlenet_tf.runtime.whole import Whole
from tests.jpeg_libraries import coarser, encoding_by

NAMES = ("learned", "range")
EVERY = set(OUTPUTS)
PIXELS = np.random.RandomState(0).randint(0, 256, (3, 32, 32, 3), np.uint8)

# What model.py sees of Triton, and a program that calls it as Triton does.
_BACKEND = """
import numpy as np

class Tensor:
    def __init__(self, name, values):
        self.name, self._values = name, np.ascontiguousarray(values)
    def as_numpy(self):
        return self._values

TRITONSERVER_RESPONSE_COMPLETE_FINAL = 1

class TritonError:
    UNAVAILABLE = 14
    def __init__(self, message, code=13):
        self.message, self.code = message, code

class InferenceResponse:
    def __init__(self, output_tensors, error=None):
        self.tensors, self.error = output_tensors, error

class Sender:
    def __init__(self):
        self.sent = []
    def send(self, response, flags):
        assert flags == TRITONSERVER_RESPONSE_COMPLETE_FINAL
        self.sent.append(response)

class Request:
    def __init__(self, payloads, names):
        self.payloads, self.names = Tensor("payload", payloads), names
        self.sender = Sender()
    def get_response_sender(self):
        return self.sender
    def requested_output_names(self):
        return set(self.names)

def get_input_tensor_by_name(request, name):
    return {"payload": request.payloads}[name]
"""
_PROGRAM = """
import importlib.util, json, sys
folder, backend = sys.argv[1:]
sys.path.append(backend)
import numpy as np
import triton_python_backend_utils as utils
spec = importlib.util.spec_from_file_location("model", folder + "/model.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
model = module.TritonPythonModel()
model.initialize({"model_config": json.dumps({
    "max_batch_size": 64,
    "parameters": {"device": {"string_value": "cpu"},
                   "threads": {"string_value": "1"},
                   "queue_delay_us": {"string_value": "0"},
                   "queue_size": {"string_value": "8"},
                   "queue_timeout_ms": {"string_value": "60000"}}})})
requests = []
for batch, names in json.load(sys.stdin):
    payloads = np.empty((len(batch), 1), object)
    payloads[:, 0] = [bytes.fromhex(payload) for payload in batch]
    requests.append(utils.Request(payloads, names))
# So that all of them are in the queue before the worker takes the first; the
# lock may be held twice by one thread.
with model._waiting._changed:
    assert model.execute(requests) is None
model.finalize()
responses = []
for request in requests:
    (response,) = request.sender.sent  # Exactly one each.
    responses.append(response)
print(json.dumps({
    "answers": [
        {t.name: t.as_numpy().tolist() for t in response.tensors}
        if response.error is None
        else {"error": response.error.message, "code": response.error.code}
        for response in responses],
    "package": sys.modules["bottlenet_tf"].__file__,
    "tensorflow": "tensorflow" in sys.modules}))
"""


@pytest.fixture(scope="module")
def payloads(both):
    return {
        name: [Head.load(both / name).encode(image) for image in PIXELS]
        for name in NAMES
    }


def _execute(folder, batches, tmp_path, names=None):
    """Runs a copy of the model; requests name all outputs unless told."""
    names = [sorted(EVERY)] * len(batches) if names is None else names
    requests = [
        ([payload.hex() for payload in batch], wanted)
        for batch, wanted in zip(batches, names, strict=True)
    ]
    (tmp_path / "triton_python_backend_utils.py").write_text(_BACKEND)
    ran = subprocess.run(
        [sys.executable, "-IB", "-c", _PROGRAM, str(folder), str(tmp_path)],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def version(both):
    """The version folder of the repository's model."""
    (folder,) = both.glob("cloud/triton/tail/*/")
    return folder


def _unpacked(answer):
    return [answers.unpack(bytes(row)) for row in answer["answer"]]


def test_each_request_gets_its_own_answers(both, version, payloads, tmp_path):
    first, second, third = payloads["learned"]
    fourth, fifth, _ = payloads["range"]
    names = sorted(EVERY - {"answer"})
    found = _execute(
        version,
        [[first], [fourth, b"bad", second], [third, fifth]],
        tmp_path,
        [names, names, names],
    )["answers"]
    assert [len(answer["status"]) for answer in found] == [1, 3, 2]
    joined = {
        key: [row for answer in found for row in answer[key]] for key in names
    }
    for name, rows in (("learned", [0, 3, 4]), ("range", [1, 5])):
        want = Tails({name: Tail.load(both / name)}).answer(
            payloads[name][:3] if name == "learned" else [fourth, fifth]
        )
        for key in ("classes", "labels", "status"):
            got = [joined[key][i] for i in rows]
            assert got == want[key].tolist()
        logits = [joined["logits"][i] for i in rows]
        np.testing.assert_allclose(logits, want["logits"], atol=1e-5)
    assert joined["status"][2] == ["wrong size"]
    assert joined["batch"] == [[6]] * 6


def test_a_request_gets_what_it_names_or_the_compact_answer(
    version, payloads, tmp_path
):
    sent = payloads["range"][:2]
    asked = [sorted(EVERY), ["labels"], ["classes", "status"]]
    found = _execute(version, [sent] * 3, tmp_path, asked)["answers"]
    assert [sorted(a) for a in found] == [["answer"], *asked[1:]]
    for answer, payload, row in zip(
        _unpacked(found[0]), sent, found[2]["classes"], strict=True
    ):
        assert answer.answers(payload) and answer.batch == 6
        assert answer.class_index == row[0]


def test_requests_beyond_the_queue_are_refused(version, payloads, tmp_path):
    sent = [[payloads["range"][0]]] * 11
    found = _execute(version, sent, tmp_path, [["status"]] * 11)["answers"]
    assert found[:8] == [{"status": [["ok"]]}] * 8
    message = "The queue is full: at most 8 requests wait"
    assert found[8:] == [{"error": message, "code": 14}] * 3


def test_requests_of_bad_payloads_or_of_none_are_answered(version, tmp_path):
    alone = _execute(version, [[]], tmp_path, [["classes"]])["answers"]
    assert alone == [{"classes": []}]
    found = _execute(version, [[], [b"bad", b""], [bytes(40)]], tmp_path)
    status = [[a.status for a in _unpacked(f)] for f in found["answers"]]
    assert status == [[], ["wrong size", "wrong size"], ["wrong version"]]


def test_the_copy_runs_alone_and_without_tensorflow(
    version, payloads, tmp_path
):
    found = _execute(version, [payloads["range"]], tmp_path)
    assert found["package"].startswith(str(version))
    assert not found["tensorflow"]


def test_the_copied_model_is_the_packages_own(both, version):
    (images,) = both.glob("cloud/triton/whole/*/")
    with open(triton_model.__file__, "rb") as file:
        content = file.read()
    for folder in (version, images):
        assert (folder / "model.py").read_bytes() == content


def test_the_model_of_images_answers_as_the_devices_network(both, tmp_path):
    identity = served.read(both / "edge")
    assert identity == served.read(both / "cloud")
    folder = both / "cloud" / "triton" / "whole" / str(identity.image_version)
    file = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(file, "PNG")
    sent = [file.getvalue(), b"no image"]
    found = _execute(folder, [sent], tmp_path)
    good, bad = _unpacked(found["answers"][0])
    assert (good.status, bad.status) == ("ok", "undecodable")
    assert good.answers(sent[0]) and bad.answers(sent[1])
    want = Whole.load(both).predict(PIXELS[0])
    assert good.class_index == want.argmax()
    assert good.top[0][1] == pytest.approx(want.max(), abs=1e-4)
    assert not found["tensorflow"]
    assert 'name: "whole"\n' in (folder.parent / "config.pbtxt").read_text()


def test_no_file_names_a_place_outside_the_repository(both, sweep):
    for path in (both / "cloud" / "triton").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert str(sweep.parent).encode() not in path.read_bytes()


def _with_header(message, body, point=0):
    return message._header(body, point) + body


@pytest.mark.parametrize("name", NAMES)
def test_both_servers_refuse_with_the_same_words(both, payloads, name):
    tail = Tail.load(both / name)
    message, good = tail.unit.format, payloads[name][0]
    start = message.layout.size
    honest_range = good[start : message.overhead_bytes]
    batch = [
        good,
        b"",
        good + bytes(100_000),
        bytes([good[0] ^ 0xF0]) + good[1:],
        good[:-1] + bytes([good[-1] ^ 1]),
        _with_header(message, good[start:], 1),
        _with_header(message, honest_range + b"\xff\xc4 no JPEG"),
    ]
    want = [*STATUSES[:5], "undecodable"]
    want.insert(1, "wrong size")
    if message.sends_range:
        backwards = struct.pack("<ee", 2.0, -1.0)
        batch.append(_with_header(message, backwards + good[8:]))
        want.append("bad range")
    assert tail.try_logits(batch)[1] == want
    assert _served_status(both, name, batch) == want


def _served_status(both, name, batch):
    saved = tf.saved_model.load(str(both / "cloud" / "serving" / name / "1"))
    answer = saved.signatures["serving_default"](payload=tf.constant(batch))
    return [status.decode() for status in answer["status"].numpy()]


@pytest.mark.parametrize("name", NAMES)
def test_no_server_decodes_what_was_coded_with_other_tables(
    both, version, payloads, name, tmp_path
):
    # The same export on a device whose library has tables of its own.
    head = Head.load(both / name)
    message = head.unit.format
    coded = head.codes(PIXELS[0])
    with encoding_by(coarser):
        theirs = PayloadFormat(
            message.unit_id, message.shape, message.codec, message.sends_range
        )
        batch = [theirs.pack(*coded), payloads[name][0]]
    want = ["foreign or corrupt", "ok"]
    assert Tail.load(both / name).try_logits(batch)[1] == want
    assert _served_status(both, name, batch) == want
    (answer,) = _execute(version, [batch], tmp_path)["answers"]
    assert [a.status for a in _unpacked(answer)] == want


def _text(**changes):
    config = ExportConfig(("a",), "out", **changes)
    return triton.model_config(config, config.served_name)


def test_the_configuration_states_what_the_model_answers():
    text = _text(max_batch=32)
    assert 'name: "tail"\nbackend: "python"\nmax_batch_size: 32\n' in text
    tensors = re.findall(
        r'(input|output) \{\n  name: "(\w+)"\n  data_type: (\w+)\n'
        r"  dims: (-?\d+)\n\}",
        text,
    )
    assert tensors == [
        ("input", "payload", "TYPE_STRING", "1"),
        ("output", "answer", "TYPE_UINT8", "-1"),
        ("output", "classes", "TYPE_INT32", "1"),
        ("output", "labels", "TYPE_STRING", "1"),
        ("output", "status", "TYPE_STRING", "1"),
        ("output", "top_classes", "TYPE_INT32", "-1"),
        ("output", "top_probabilities", "TYPE_FP32", "-1"),
        ("output", "units", "TYPE_UINT32", "1"),
        ("output", "computed_ms", "TYPE_FP32", "1"),
        ("output", "queued_ms", "TYPE_FP32", "1"),
        ("output", "batch", "TYPE_INT32", "1"),
        ("output", "probabilities", "TYPE_FP32", "-1"),
        ("output", "logits", "TYPE_FP32", "-1"),
    ]


def _parameters(text):
    found = re.findall(
        r'key: "(\w+)"\n  value \{ string_value: "(\w+)" \}', text
    )
    return dict(found)


def test_by_default_nothing_waits_and_the_queue_is_bounded():
    text = _text()
    assert "max_batch_size: 8\n" in text
    assert "version_policy { all { } }" in text
    # Triton's own, once it is bounded, lets requests lie.
    assert "dynamic_batching" not in text
    assert _parameters(text) == {
        "device": "cpu",
        "threads": "1",
        "queue_delay_us": "0",
        "queue_size": "64",
        "queue_timeout_ms": "1000",
    }


def test_the_queue_is_as_the_export_was_configured():
    text = _text(
        queue_delay_us=250, queue_size=9, queue_timeout_ms=40, server_threads=3
    )
    assert _parameters(text) == {
        "device": "cpu",
        "threads": "3",
        "queue_delay_us": "250",
        "queue_size": "9",
        "queue_timeout_ms": "40",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"queue_size": 0},
        {"queue_timeout_ms": 0},
        {"queue_delay_us": -1},
        {"server_threads": 0},
        {"served_name": ""},
        {"served_name": "a/b"},
        {"served_name": 'a"\nbackend: "x'},
        {"served_name": ".."},
        {"image_model": "a/b"},
        {"served_name": "whole"},  # As the other one.
    ],
)
def test_settings_that_no_server_takes_are_refused(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"--{name}.*Received"):
        _text(**changes)


def test_a_name_cannot_break_out_of_its_quotes():
    assert triton._quoted('a"\nb: "x\\') == '"a\\"\\nb: \\"x\\\\"'
