"""The model repository for Triton, with a stand-in for its Python backend.

tests/serving/test_real_triton.py asks a real one.
"""

import json
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import PayloadFormat
from bottlenet_tf.codec.payload import layout
from bottlenet_tf.export import triton
from bottlenet_tf.layers import STATUSES
from bottlenet_tf.runtime import triton_model
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from tests.jpeg_libraries import coarser, encoding_by

NAMES = ("learned", "range")
PIXELS = np.random.RandomState(0).randint(0, 256, (3, 32, 32, 3), np.uint8)

# What model.py sees of Triton, and a program that calls it as Triton does.
_BACKEND = """
import numpy as np

class Tensor:
    def __init__(self, name, values):
        self.name, self._values = name, np.ascontiguousarray(values)
    def as_numpy(self):
        return self._values

class InferenceResponse:
    def __init__(self, tensors):
        self.tensors = tensors

def get_input_tensor_by_name(request, name):
    return request[name]
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
    "parameters": {"device": {"string_value": "cpu"}}})})
requests = []
for batch in json.load(sys.stdin):
    payloads = np.empty((len(batch), 1), object)
    payloads[:, 0] = [bytes.fromhex(payload) for payload in batch]
    requests.append({"payload": utils.Tensor("payload", payloads)})
print(json.dumps({
    "answers": [
        {t.name: t.as_numpy().tolist() for t in response.tensors}
        for response in model.execute(requests)],
    "package": sys.modules["bottlenet_tf"].__file__,
    "tensorflow": "tensorflow" in sys.modules}))
"""


@pytest.fixture(scope="module")
def payloads(both):
    return {
        name: [Head.load(both / name).encode(image) for image in PIXELS]
        for name in NAMES
    }


def _execute(folder, batches, tmp_path):
    (tmp_path / "triton_python_backend_utils.py").write_text(_BACKEND)
    ran = subprocess.run(
        [sys.executable, "-IB", "-c", _PROGRAM, str(folder), str(tmp_path)],
        input=json.dumps([[p.hex() for p in batch] for batch in batches]),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_each_request_gets_its_own_answers(both, payloads, name, tmp_path):
    folder = both / "cloud" / "triton" / name / "1"
    first, second, third = payloads[name]
    found = _execute(folder, [[first], [b"bad", second], [third]], tmp_path)
    want = Tail.load(both / name).answer([first, b"bad", second, third])
    joined = {
        key: [row for answer in found["answers"] for row in answer[key]]
        for key in want
    }
    for key in ("classes", "labels", "status"):
        assert joined[key] == [[value] for value in want[key]]
    np.testing.assert_allclose(joined["logits"], want["logits"], atol=1e-5)
    assert [len(answer["status"]) for answer in found["answers"]] == [1, 2, 1]


@pytest.mark.parametrize("name", NAMES)
def test_requests_of_bad_payloads_or_of_none_are_answered(both, name, tmp_path):
    folder = both / "cloud" / "triton" / name / "1"
    alone = _execute(folder, [[]], tmp_path)["answers"]
    assert alone == [dict.fromkeys(alone[0], [])]
    found = _execute(folder, [[], [b"bad", b""], [bytes(40)]], tmp_path)
    classes = [answer["classes"] for answer in found["answers"]]
    assert classes == [[], [[-1], [-1]], [[-1]]]


def test_the_copy_runs_alone_and_without_tensorflow(both, payloads, tmp_path):
    folder = both / "cloud" / "triton" / "range" / "1"
    found = _execute(folder, [payloads["range"]], tmp_path)
    assert found["package"].startswith(str(folder))
    assert not found["tensorflow"]


def test_the_copied_model_is_the_packages_own(both):
    copy = both / "cloud" / "triton" / "range" / "1" / "model.py"
    with open(triton_model.__file__, "rb") as file:
        assert copy.read_bytes() == file.read()


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
    start = layout(message.sends_range).size
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
    assert tail.answer(batch)["status"].tolist() == want
    assert _served_status(both, name, batch) == want


def _served_status(both, name, batch):
    saved = tf.saved_model.load(str(both / "cloud" / "serving" / name / "1"))
    answer = saved.signatures["serving_default"](payload=tf.constant(batch))
    return [status.decode() for status in answer["status"].numpy()]


@pytest.mark.parametrize("name", NAMES)
def test_no_server_decodes_what_was_coded_with_other_tables(
    both, payloads, name, tmp_path
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
    assert Tail.load(both / name).answer(batch)["status"].tolist() == want
    assert _served_status(both, name, batch) == want
    folder = both / "cloud" / "triton" / name / "1"
    (answer,) = _execute(folder, [batch], tmp_path)["answers"]
    assert answer["status"] == [[status] for status in want]


def test_the_configuration_states_what_the_model_answers():
    text = triton.model_config("net", 7, 32)
    assert 'name: "net"\nbackend: "python"\nmax_batch_size: 32\n' in text
    tensors = re.findall(
        r'(input|output) \{\n  name: "(\w+)"\n  data_type: (\w+)\n'
        r"  dims: (\d+)\n\}",
        text,
    )
    assert tensors == [
        ("input", "payload", "TYPE_STRING", "1"),
        ("output", "logits", "TYPE_FP32", "7"),
        ("output", "probabilities", "TYPE_FP32", "7"),
        ("output", "classes", "TYPE_INT32", "1"),
        ("output", "labels", "TYPE_STRING", "1"),
        ("output", "status", "TYPE_STRING", "1"),
    ]


def test_a_name_cannot_break_out_of_its_quotes():
    text = triton.model_config('a"\nbackend: "x\\', 2, 1)
    assert text.startswith('name: "a\\"\\nbackend: \\"x\\\\"\nbackend: ')
