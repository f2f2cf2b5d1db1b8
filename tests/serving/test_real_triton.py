"""A real Triton serves exported repositories; `make test-serving`."""

import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from benchmarks import soak_images
from bottlenet_tf.codec import answer as answers
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.edge import image_files
from bottlenet_tf.export import triton as export_triton
from bottlenet_tf.link.kserve_grpc import KServeGrpc
from bottlenet_tf.link.kserve_http import KServeHttp
from bottlenet_tf.link.transport import BadAnswer, LinkError
from bottlenet_tf.runtime import served, whole, whole_images
from bottlenet_tf.serving.launch import EngineError
from tests.serving import examples, triton_server
from tests.serving.raw_client import RawClient

HERE = pathlib.Path(__file__).parent
ENVIRONMENT = os.environ.get(
    "BOTTLENET_SERVING_VENV", HERE.parents[1] / ".venv-serving"
)
NAMES = ("learned", "range")
OUTPUTS = ("logits", "probabilities", "classes", "labels", "status")
MAX_BATCH = ExportConfig.max_batch

pytestmark = pytest.mark.serving


@pytest.fixture(scope="module")
def python():
    found = triton_server.python_of(ENVIRONMENT)
    if found is None:
        pytest.skip(
            "`make test-serving` makes the environment that Triton runs in. "
            f"Received: no {ENVIRONMENT}/bin/python"
        )
    return found


@pytest.fixture(scope="module")
def server(python, both, tmp_path_factory):
    """A server of what is in `cloud` alone, elsewhere."""
    cloud = tmp_path_factory.mktemp("triton") / "cloud"
    shutil.copytree(both / "cloud", cloud)
    with triton_server.running(python, cloud) as running:
        yield running


def ask_with(python, url, protocol, *batches, outputs=OUTPUTS, **more):
    ran = subprocess.run(
        [python, str(HERE / "triton_client.py")],
        input=json.dumps(
            {
                "url": url,
                "protocol": protocol,
                "model": "tail",
                "version": "",
                "outputs": outputs,
                "batches": [[p.hex() for p in b] for b in batches],
                **more,
            }
        ),
        env=triton_server.environment(python),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [_arrays(answer) for answer in json.loads(ran.stdout)]


@pytest.fixture(params=["http", "grpc"])
def ask(request, python, server):
    """Returns a function from batches to Triton's answers."""
    protocol = request.param
    url = getattr(server, protocol)
    return lambda *batches, **more: ask_with(
        python, url, protocol, *batches, **more
    )


def _arrays(answer):
    if "error" in answer:
        return answer
    for name in {"classes", "labels", "status"} & set(answer):
        answer[name] = [value for (value,) in answer[name]]
    return {name: np.array(values) for name, values in answer.items()}


def only(answer, rows):
    return {key: values[rows] for key, values in answer.items()}


def test_answers_are_the_keras_models(ask, sent):
    batches = [sent[name].payloads for name in NAMES]
    for name, answer in zip(NAMES, ask(*batches), strict=True):
        sent[name].check(answer, range(len(sent[name].payloads)))


def test_payloads_of_all_units_go_together(ask, sent):
    pairs = zip(sent["range"].payloads, sent["learned"].payloads, strict=True)
    mixed = [payload for pair in pairs for payload in pair][:MAX_BATCH]
    (answer,) = ask(mixed)
    sent["range"].check(only(answer, slice(0, 8, 2)), range(4))
    sent["learned"].check(only(answer, slice(1, 8, 2)), range(4))


@pytest.mark.parametrize("name", NAMES)
def test_a_corrupt_payload_fails_alone(ask, sent, name):
    (answer,) = ask(sent[name].corrupt())
    assert answer["status"].tolist() == ["ok", "foreign or corrupt", "ok"]
    assert answer["classes"][1] == -1
    assert not answer["probabilities"][1].any()
    sent[name].check(only(answer, [0, 2]), [0, 2])


def test_requests_that_triton_joins_get_their_own_answers(ask, sent):
    # Beside a hostile one, which may come into the same batch.
    kinds = [sent["range"], sent["learned"]] * 10
    batches = [kind.payloads[i % 5 : i % 5 + 3] for i, kind in enumerate(kinds)]
    found = ask([b"\xff" * 200], *batches)
    assert found[0]["status"].tolist() == ["wrong version"]
    for i, (kind, answer) in enumerate(zip(kinds, found[1:], strict=True)):
        kind.check(answer, np.arange(3) + i % 5)


def test_a_payload_of_another_export_is_refused(ask, sent):
    good = sent["learned"].payloads[0]
    foreign = good[:1] + bytes([good[1] ^ 0x55]) + good[2:]
    (answer,) = ask([foreign, good])
    assert answer["status"].tolist() == ["unknown unit", "ok"]


def test_a_batch_beyond_the_limit_is_refused(ask, sent):
    most = sent["range"].payloads[:1] * MAX_BATCH
    answer, refused = ask(most, most + most[:1])
    assert answer["status"].tolist() == ["ok"] * MAX_BATCH
    assert f"<= {MAX_BATCH}" in refused["error"]


def test_a_request_that_names_no_outputs_gets_the_compact_answer(ask, sent):
    payloads = sent["range"].payloads[:2]
    (answer,) = ask(payloads, outputs=[])
    for i, row in enumerate(answer["answer"].astype(np.uint8)):
        found = answers.unpack(row.tobytes())
        assert found.answers(payloads[i])
        assert found.class_index == sent["range"].logits[i].argmax()


def test_a_raw_request_and_its_answer_are_small(server, sent):
    with RawClient(server.http) as client:
        for name in NAMES:
            for i, payload in enumerate(sent[name].payloads):
                answer = client.ask(payload)
                found = answers.unpack(answer.data)
                assert found.status == "ok" and found.answers(payload)
                assert found.class_index == sent[name].logits[i].argmax()
                # Header, and 40 bytes of IP and TCP.
                assert answer.sent_bytes + 40 <= 160
                assert answer.received_bytes <= 310
                assert found.queued_ms < 1000
        answer = client.ask(b"\xff" * 500)
        assert answers.unpack(answer.data).status == "wrong version"


def test_the_devices_own_client_is_answered(server, both, sent):
    identity = served.read(both / "edge")
    for version in (None, identity.version):
        client = KServeHttp(
            server.http, identity.model, version, answers.unpack, host=""
        )
        assert client.overhead_bytes <= 160
        for name in NAMES:
            payload = sent[name].payloads[0]
            found = client.ask(payload, time.monotonic() + 10, name)
            assert (found.status, found.request_id) == ("ok", name)
            assert found.index == sent[name].logits[0].argmax()
            assert found.unit_id == identity.units[name]
            assert found.queued_ms >= 0 and found.computed_ms > 0
    other = KServeHttp(server.http, "tail", identity.version + 1)
    with pytest.raises(BadAnswer, match="404"):
        other.ask(payload, time.monotonic() + 10, "other")


def test_the_devices_own_client_is_answered_over_grpc(server, both, sent):
    identity = served.read(both / "edge")
    client = KServeGrpc(
        server.grpc, identity.model, identity.version, answers.unpack
    )
    assert client.is_ready(time.monotonic() + 10)
    for name in NAMES:
        for i, payload in enumerate(sent[name].payloads):
            found = client.ask(payload, time.monotonic() + 10, name)
            assert found.status == "ok"
            assert found.index == sent[name].logits[i].argmax()
            assert found.unit_id == identity.units[name]
    other = KServeGrpc(server.grpc, "tail", identity.version + 1)
    assert not other.is_ready(time.monotonic() + 10)
    with pytest.raises(BadAnswer):
        other.ask(payload, time.monotonic() + 10, "other")
    for each in (client, other):
        each.close()


def test_image_files_have_a_model_of_their_own(server, both):
    identity = served.read(both / "edge")
    client = KServeHttp(
        server.http, identity.image_model, identity.image_version,
        answers.unpack,
    )  # fmt: skip
    pixels = np.random.RandomState(0).randint(0, 256, (32, 32, 3), np.uint8)
    for codec in ("jpeg", "webp", "avif"):
        file = image_files.encode(pixels, codec, 90, 32)
        found = client.ask(file, time.monotonic() + 10, codec)
        # The server's own libraries decode it.
        about = whole.read(both / "edge" / whole.NAME)
        seen = whole_images.decode(file, about)
        want = whole.Whole.load(both).predict(seen).argmax()
        assert (found.status, found.index) == ("ok", want), codec
    for hostile in (b"", b"no image", file[:-20], bytes(100_000)):
        found = client.ask(hostile, time.monotonic() + 10, "hostile")
        assert found.status in ("wrong size", "undecodable")
    client.close()


@pytest.mark.parametrize("transport", ["kserve_http", "kserve_grpc"])
@pytest.mark.parametrize("choice", [*NAMES, "cloud-only"])
def test_the_device_program_is_answered(
    server, both, tmp_path, transport, choice
):
    contents = soak_images.write_images(tmp_path / "images", 20, 20)
    offline = soak_images.Offline(both, tmp_path / "contents")
    plan = offline.write_plan(tmp_path / "plan.json")
    address = server.http if transport == "kserve_http" else server.grpc
    edge = tmp_path / "deployment"
    shutil.copytree(both, edge, ignore=lambda *_: ["cloud"])
    ran = subprocess.run(
        [sys.executable, edge / "edge" / "run.py", tmp_path / "images",
         f"--server={address}", f"--transport={transport}", "--strict",
         f"--plan={tmp_path / 'plan.json'}", f"--choice={choice}",
         # However busy this machine is.
         "--deadline_ms=20000",
         f"--out={tmp_path / 'answers'}"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = soak_images.verdict(tmp_path / "answers", contents, offline, plan)
    assert soak_images.is_right(found)
    where = "cloud" if choice == "cloud-only" else "split"
    assert found[f"answered by {choice}, {where}"] == 20


def test_no_request_lies_in_the_queue_of_an_idle_server(server, sent):
    # As they did for 0.5 s in that of Triton's batcher, one in a hundred.
    waits = []

    def ask(k):
        with RawClient(server.http) as client:
            for _ in range(300):
                start = time.monotonic()
                client.ask(sent["range"].payloads[k])
                waits.append(time.monotonic() - start)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, range(2)))
    assert sum(wait > 0.4 for wait in waits) <= 1


def test_the_version_is_the_deployment_and_others_are_not_there(
    server, both, sent
):
    payload = sent["range"].payloads[0]
    version = served.read(both / "edge").version
    with RawClient(server.http) as client:
        path = "/v2/models/tail/versions/{}/infer"
        assert client.ask(payload, path.format(version)).status == 200
        assert client.ask(payload, path.format(version + 1)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "repository/index",
        "repository/models/tail/unload",
        "trace/setting",
        "logging",
        "systemsharedmemory/region/x/register",
    ],
)
def test_what_no_client_needs_is_closed(server, path):
    request = urllib.request.Request(
        f"http://{server.http}/v2/{path}", data=b"{}", method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 403


def test_the_documented_client_works(python, server, sent, tmp_path):
    (tmp_path / "photo.payload").write_bytes(sent["range"].payloads[0])
    ran = subprocess.run(
        [python, "-c", examples.client("tritonclient", "tail", server.http)],
        cwd=tmp_path, env=triton_server.environment(python),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    label = sent["range"].labels[sent["range"].logits[0].argmax()]
    assert ran.stdout == f"{label} b'ok'\n"


def test_a_deployment_that_does_not_load_is_told_apart(python, both, tmp_path):
    shutil.copytree(both / "cloud", tmp_path / "cloud")
    (tail,) = tmp_path.glob("cloud/triton/tail/*/units/range/tail.onnx")
    tail.unlink()
    with pytest.raises(EngineError, match="tail.onnx"):
        with triton_server.running(python, tmp_path):
            pass


def _slowed(folder, seconds, **queue):
    """Makes a copy's model slow, and its queue as told."""
    (model,) = folder.glob("cloud/triton/tail")
    (code,) = model.glob("*/model.py")
    text = code.read_text()
    mark = "            answers = self._answers.answer(\n"
    assert mark in text
    sleep = f"            __import__('time').sleep({seconds})\n"
    code.write_text(text.replace(mark, sleep + mark))
    _unseal(folder)
    config = ExportConfig(("a",), "out", max_batch=1, **queue)
    (model / "config.pbtxt").write_text(
        export_triton.model_config(config, "tail")
    )


def test_what_the_queue_has_no_room_for_is_answered_so(
    python, both, sent, tmp_path
):
    shutil.copytree(both / "cloud", tmp_path / "cloud")
    _slowed(tmp_path, 1.0, queue_size=2, queue_timeout_ms=200)
    payload = sent["range"].payloads[0]
    with triton_server.running(python, tmp_path) as server:

        def ask(wait):
            time.sleep(wait)
            with RawClient(server.http) as client:
                answer = client.ask(payload)
            return answer.status, answer.header.get("error", "")

        # One computes for 1 s, two wait for too long, no others may.
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            found = list(pool.map(ask, [0, 0.2, 0.2, 0.4, 0.4]))
        assert [status for status, _ in found] == [200, 503, 503, 503, 503]
        words = [message for _, message in found]
        assert ["is long" in word for word in words[1:3]] == [True, True]
        assert ["is full" in word for word in words[3:]] == [True, True]
        assert ask(0)[0] == 200
        found = ask_with(python, server.grpc, "grpc", *[[payload]] * 5)
        codes = {answer["code"] for answer in found if "code" in answer}
        assert codes == {"StatusCode.UNAVAILABLE"}


def test_a_killed_server_is_started_again_without_leftovers(python, both, sent):
    with triton_server.running(python, both) as server:
        first = server.supervisor._process.pid
        group = _members(first)
        assert len(group) >= 2  # The server and its model.
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while sum("Ready" in line for line in server.lines) < 2:
            assert time.monotonic() < deadline, server.lines
            time.sleep(0.1)
        assert not _members(first)
        second = server.supervisor._process.pid
        with RawClient(server.http) as client:
            answer = client.ask(sent["range"].payloads[0])
        assert answers.unpack(answer.data).status == "ok"
    assert not _members(second)


def _members(group):
    """Returns the living processes of a process group."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = path.read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if int(number) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


class Load:
    """Devices that ask again and again, each its own deployment's version."""

    def __init__(self, address, payload, version):
        self.counts = collections.Counter()
        self._stop = threading.Event()
        path = f"/v2/models/tail/versions/{version}/infer"

        def ask():
            with RawClient(address) as client:
                while not self._stop.is_set():
                    try:
                        answer = client.ask(payload, path)
                        word = answer.status
                        if word == 200:
                            word = answers.unpack(answer.data).status
                    except OSError as error:
                        word = repr(error)
                    self.counts[word] += 1

        self._threads = [threading.Thread(target=ask) for _ in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


def _unseal(folder):
    """Removes the manifests, by which a change would be noticed."""
    for path in folder.rglob("manifest.json"):
        path.unlink()


def _another_deployment(both, folder):
    """Returns the same deployment with other identities, and its `Served`."""
    shutil.copytree(both / "cloud", folder / "cloud")
    identity = served.read(both / "cloud")
    units = {name: unit ^ 0x0F000000 for name, unit in identity.units.items()}
    other = served.of_units("tail", units)._replace(
        image_model=identity.image_model,
        image_version=identity.image_version ^ 1,
    )
    model = folder / "cloud" / "triton" / "tail"
    for name, version in identity.models.items():
        place = model.parent / name
        (place / str(version)).rename(place / str(other.models[name]))
    (folder / "cloud" / "served.json").write_text(json.dumps(other.content()))
    for name, unit in units.items():
        path = model / str(other.version) / "units" / name / "unit.json"
        content = {**json.loads(path.read_text()), "unit_id": unit}
        path.write_text(json.dumps(content))
    _unseal(folder)
    return other


def test_two_deployments_are_served_side_by_side(python, both, sent, tmp_path):
    other = _another_deployment(both, tmp_path)
    first = served.read(both / "cloud")
    with triton_server.running(python, both, tmp_path) as server:
        assert str(first.version) in server.lines[0]
        assert str(other.version) in server.lines[0]
        payload = sent["range"].payloads[0]
        path = "/v2/models/tail/versions/{}/infer"
        with RawClient(server.http) as client:
            found = [
                answers.unpack(
                    client.ask(payload, path.format(each.version)).data
                ).status
                for each in (first, other)
            ]
        assert found == ["ok", "unknown unit"]


def test_a_roll_over_under_load_fails_no_request(python, both, sent, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(both / "cloud", old / "cloud")
    first = served.read(old / "cloud")
    other = _another_deployment(both, new)
    model = old / "cloud" / "triton" / "tail"
    payload = sent["range"].payloads[0]
    with triton_server.running(python, old, poll_seconds=1) as server:
        with Load(server.http, payload, first.version) as load:
            time.sleep(3)
            # Beside it under another name, then there at once.
            for name, version in other.models.items():
                place = model.parent / name
                shutil.copytree(
                    new / "cloud" / "triton" / name / str(version),
                    place / ".new",
                )
                (place / ".new").rename(place / str(version))
                _wait_for(server.http, version, True, name)
            time.sleep(1)
        assert set(load.counts) == {"ok"} and load.counts["ok"] > 50
        # Devices of the new one come; the old one goes.
        with Load(server.http, payload, other.version) as load:
            time.sleep(1)
            shutil.move(model / str(first.version), tmp_path / "retired")
            _wait_for(server.http, first.version, False)
            time.sleep(1)
        # Answered by the new deployment, of which this payload isn't.
        assert set(load.counts) == {"unknown unit"}
        assert load.counts["unknown unit"] > 50


def _wait_for(address, version, is_there, model="tail"):
    deadline = time.monotonic() + 60
    url = f"http://{address}/v2/models/{model}/versions/{version}/ready"
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                found = True
        except urllib.error.HTTPError:
            found = False
        if found == is_there:
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_grpc_with_a_certificate_is_encrypted(python, both, sent, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
         str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    with triton_server.running(
        python, both, grpc_tls_cert=str(certificate), grpc_tls_key=str(key)
    ) as server:
        payloads = sent["range"].payloads
        more = {"certificate": str(certificate)}
        (answer,) = ask_with(python, server.grpc, "grpc", payloads, **more)
        sent["range"].check(answer, range(len(payloads)))
        (refused,) = ask_with(python, server.grpc, "grpc", payloads)
        assert "error" in refused
        for pem in (certificate.read_bytes(), None):
            client = KServeGrpc(server.grpc, "tail", None, answers.unpack, pem)
            if pem is None:
                with pytest.raises(LinkError):
                    client.ask(payloads[0], time.monotonic() + 5, "plain")
            else:
                found = client.ask(payloads[0], time.monotonic() + 5, "tls")
                assert found.status == "ok"
            client.close()
