"""A real Triton serves the exported repository; `make test-serving`."""

import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from tests.serving import examples, triton_server

HERE = pathlib.Path(__file__).parent
ENVIRONMENT = os.environ.get(
    "BOTTLENET_SERVING_VENV", HERE.parents[1] / ".venv-serving"
)
NAMES = ("learned", "range")
MAX_BATCH = 64

pytestmark = pytest.mark.serving


@pytest.fixture(scope="module")
def triton(tmp_path_factory):
    try:
        return triton_server.prepare(
            ENVIRONMENT, tmp_path_factory.mktemp("backends")
        )
    except triton_server.UnusableError as error:
        pytest.skip(f"Triton cannot start here: {error}")


@pytest.fixture(scope="module")
def server(triton, both, tmp_path_factory):
    """Addresses of a server of the repository alone, elsewhere."""
    folder = tmp_path_factory.mktemp("triton")
    repository = folder / "models"
    shutil.copytree(both / "cloud" / "triton", repository)
    with triton_server.running(triton, repository, folder / "log") as running:
        yield running


@pytest.fixture(params=["http", "grpc"])
def ask(request, triton, server):
    """Returns a function from model and batches to Triton's answers."""
    protocol = request.param

    def ask(model, *batches):
        ran = subprocess.run(
            [triton.python, str(HERE / "triton_client.py")],
            input=json.dumps(
                {
                    "url": getattr(server, protocol),
                    "protocol": protocol,
                    "model": model,
                    "batches": [[p.hex() for p in b] for b in batches],
                }
            ),
            env=triton.variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return [_arrays(answer) for answer in json.loads(ran.stdout)]

    return ask


def _arrays(answer):
    if "error" in answer:
        return answer
    for name in ("classes", "labels", "status"):
        answer[name] = [value for (value,) in answer[name]]
    return {name: np.array(values) for name, values in answer.items()}


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_the_keras_models(ask, sent, name):
    (answer,) = ask(name, sent[name].payloads)
    sent[name].check(answer, range(len(sent[name].payloads)))


@pytest.mark.parametrize("name", NAMES)
def test_a_corrupt_payload_fails_alone(ask, sent, name):
    (answer,) = ask(name, sent[name].corrupt())
    assert answer["status"].tolist() == ["ok", "foreign or corrupt", "ok"]
    assert answer["classes"][1] == -1
    assert not answer["probabilities"][1].any()
    honest = {key: values[[0, 2]] for key, values in answer.items()}
    sent[name].check(honest, [0, 2])


def test_requests_that_triton_joins_get_their_own_answers(ask, sent):
    # Beside a hostile one, which may come into the same batch.
    payloads = sent["range"].payloads
    batches = [payloads[i : i + 3] for i in range(5)] * 4
    answers = ask("range", [b"\xff" * 200], *batches)
    assert answers[0]["status"].tolist() == ["wrong version"]
    for i, answer in enumerate(answers[1:]):
        sent["range"].check(answer, np.arange(3) + i % 5)


def test_a_payload_of_another_export_is_refused(ask, sent):
    (answer,) = ask("learned", sent["range"].payloads[:1])
    assert answer["status"].tolist() != ["ok"]


def test_a_batch_beyond_the_limit_is_refused(ask, sent):
    most = sent["range"].payloads[:1] * MAX_BATCH
    answer, refused = ask("range", most, most + most[:1])
    assert answer["status"].tolist() == ["ok"] * MAX_BATCH
    assert f"<= {MAX_BATCH}" in refused["error"]


def test_the_documented_client_works(triton, server, sent, tmp_path):
    (tmp_path / "photo.payload").write_bytes(sent["range"].payloads[0])
    ran = subprocess.run(
        [triton.python, "-c",
         examples.client("tritonclient", "range", server.http)],
        cwd=tmp_path, env=triton.variables, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    label = sent["range"].labels[sent["range"].logits[0].argmax()]
    assert ran.stdout == f"{label} b'ok'\n"


def test_a_model_that_does_not_load_is_told_apart(triton, both, tmp_path):
    repository = tmp_path / "models"
    shutil.copytree(both / "cloud" / "triton" / "range", repository / "range")
    (repository / "range" / "1" / "tail.onnx").unlink()
    with pytest.raises(RuntimeError, match="tail.onnx"):
        with triton_server.running(triton, repository, tmp_path / "log"):
            pass
