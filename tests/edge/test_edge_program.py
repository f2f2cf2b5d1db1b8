"""The device program: one line an image, whatever server and images do."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from bottlenet_tf.edge import program
from bottlenet_tf.edge.arguments import parse
from tests.edge.stand_ins import (
    CLASSES,
    Served,
    StandIn,
    local_class,
    plan_values,
    write_images,
)
from tests.link.scripted_server import ScriptedServer, good, response, unpack
from tests.link.test_on_python36 import interpreters

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = pathlib.Path(__file__).with_name("with_stand_in.py")
# However busy this machine is, the server's answer is waited for.
PATIENT = "--deadline_ms=20000"
FIELDS = [
    "image", "class", "label", "top", "where", "split", "point", "choice",
    "payload_bytes", "latency_ms", "problem",
]  # fmt: skip


def ready_and_good(payload, number):
    return response(b"") if not payload else good(payload)


def other_export(payload, number):
    return response(b"{}", status="404 Not Found")


@pytest.fixture
def plan(tmp_path):
    """Writes a plan and returns its path."""

    def write(**changes):
        path = tmp_path / "plan.json"
        path.write_text(json.dumps(plan_values(**changes)))
        return str(path)

    return write


@pytest.fixture
def run(capsys):
    """Runs the program; returns code, lines and what standard error had."""

    def run_(arguments, plan_path=None, network=None, stop=lambda: False):
        args = parse([str(a) for a in arguments], deploy="nowhere")
        network = network or StandIn(unpack=unpack)
        stop.at_once = False
        code = program.run(args, network, plan_path, stop)
        told = capsys.readouterr()
        lines = [json.loads(line) for line in told.out.splitlines()]
        assert all(list(line) == FIELDS for line in lines)
        return code, lines, told.err

    return run_


def test_the_server_answers_by_the_plans_choice(run, plan, tmp_path):
    images = write_images(tmp_path / "in", 3)
    network = StandIn(unpack=unpack)
    with ScriptedServer(ready_and_good) as server:
        code, lines, told = run(
            [tmp_path / "in", "--server", server.address, PATIENT],
            plan(),
            network,
        )
        asked = [r for r in server.requests if b"payload picture" in r]
    assert code == 0
    assert [line["image"] for line in lines] == images
    first = lines[0]
    assert (first["class"], first["label"]) == (3, "owl")
    assert (first["where"], first["split"], first["point"]) == (
        "split", "rb1", 1,
    )  # fmt: skip
    assert first["choice"] == "rb1 at point 1" and first["problem"] is None
    assert first["payload_bytes"] == len(b"payload picture0")
    assert first["top"] == [[3, "owl", 0.9], [5, "ant", 0.1]]
    assert len(asked) == 3
    assert asked[0].startswith(b"POST /v2/models/tail/versions/77/infer ")
    assert b"Host:\r\n" in asked[0]  # Found by its address.
    assert network.warmed == ("rb1",)
    assert "not offered: cloud-only (no images)" in told
    assert "3 images in" in told and "split" in told


def test_a_class_that_the_network_has_not_is_never_reported(
    run, plan, tmp_path
):
    write_images(tmp_path / "in", 2)

    def script(payload, number):
        if not payload:
            return response(b"")
        return good(payload, top=[[len(CLASSES), 1.0]])

    with ScriptedServer(script) as server:
        code, lines, _ = run(
            [tmp_path / "in", "--server", server.address], plan(local_ms=50.0)
        )
    assert code == 0
    assert {line["where"] for line in lines} == {"device"}
    assert "a class of the network" in lines[0]["problem"]


def test_without_a_server_it_is_said_once_and_the_device_answers(run, tmp_path):
    images = write_images(tmp_path / "in", 3)
    code, lines, told = run([*images])
    assert code == 0
    assert told.count("every image is answered on this device") == 1
    assert "no --server was given" in told
    for line, image in zip(lines, images, strict=True):
        data = pathlib.Path(image).read_bytes()
        assert line["class"] == local_class(data)
        assert line["where"] == "device" and line["payload_bytes"] == 0
        assert line["top"][0][2] == 0.75


def test_local_sends_nothing_and_says_nothing(run, plan, tmp_path):
    images = write_images(tmp_path / "in", 1)
    code, lines, told = run([*images, "--local"], plan())
    assert code == 0 and lines[0]["choice"] == "mobile-only"
    assert "every image" not in told
    assert "accuracy 92.00 % by the plan" in told


@pytest.mark.parametrize("strict", [False, True])
def test_a_server_of_another_export_answers_nothing(
    run, plan, tmp_path, strict
):
    images = write_images(tmp_path / "in", 2)
    with ScriptedServer(other_export) as server:
        more = ["--strict"] if strict else []
        code, lines, told = run(
            [*images, "--server", server.address, *more], plan()
        )
        assert len(server.requests) == 1
    reason = "doesn't have this export: model 'tail', version 77"
    assert told.count(reason) == 1
    if strict:
        assert code == 1 and lines == []
        assert "error: the server" in told
    else:
        assert code == 0
        assert [line["where"] for line in lines] == ["device"] * 2


@pytest.mark.parametrize(
    "content, reason",
    [
        ("{", "must be JSON"),
        ("of another deployment", "nothing in"),
    ],
)
def test_a_plan_of_no_use_leaves_the_device(
    run, plan, tmp_path, content, reason
):
    images = write_images(tmp_path / "in", 1)
    network, path = StandIn(unpack=unpack), plan()
    if content == "{":
        pathlib.Path(path).write_text(content)
    else:
        network.offered = ["mobile-only"]
    arguments = [*images, "--server", "127.0.0.1:9"]
    code, lines, told = run(arguments, path, network)
    assert code == 0 and lines[0]["where"] == "device"
    assert reason in told
    code, lines, told = run([*arguments, "--strict"], path, network)
    assert code == 1 and lines == [] and reason in told


@pytest.mark.parametrize("field, other", [("split", "rb9"), ("unit_id", 5)])
def test_nothing_of_another_deployments_plan_is_used(
    run, plan, tmp_path, field, other
):
    images = write_images(tmp_path / "in", 1)
    choices = plan_values()["choices"]
    for choice in choices:
        if choice["way"] == "split":
            choice[field] = other
    times = {
        part: [
            dict(row, split=row["split"] and choices[0]["split"])
            for row in plan_values()[part]
        ]
        for part in ("device_times", "cloud_times")
    }
    path = plan(choices=choices, **times)
    with ScriptedServer(ready_and_good) as server:
        # Image files could be sent, by another network's times and accuracy.
        arguments = [
            *images, "--server", server.address, "--image_model", "whole",
        ]  # fmt: skip
        code, lines, told = run(arguments, path)
        assert code == 0 and lines[0]["where"] == "device"
        assert told.count("is the plan of another deployment") == 1
        assert "by the plan" not in told
        code, lines, told = run([*arguments, "--strict"], path)
    assert (code, lines) == (1, [])
    assert "is the plan of another deployment" in told
    _, _, told = run([*images, "--local"], path)
    assert "by the plan" not in told


def test_a_plan_with_one_unit_of_this_deployment_is_used(run, plan, tmp_path):
    images = write_images(tmp_path / "in", 1)
    choices = plan_values()["choices"]
    choices[0]["unit_id"] = 5
    with ScriptedServer(ready_and_good) as server:
        arguments = [*images, "--server", server.address, PATIENT]
        code, lines, _ = run(arguments, plan(choices=choices))
    assert code == 0 and lines[0]["choice"] == "rb1 at point 1"


def test_a_fixed_choice_is_taken_whatever_it_costs(run, plan, tmp_path):
    images = write_images(tmp_path / "in", 3)
    with ScriptedServer(ready_and_good) as server:
        arguments = [*images, "--server", server.address, PATIENT]
        code, lines, _ = run(
            [*arguments, "--choice", "rb1 at point 0"], plan(local_ms=0.01)
        )
    # Mobile-only would be faster by far.
    assert code == 0
    assert {line["choice"] for line in lines} == {"rb1 at point 0"}


@pytest.mark.parametrize(
    ("more", "point"),
    [([], 1), (["--point", "2"], 2), (["--unit", "rb1"], 1)],
)
def test_without_a_plan_the_default_unit_and_point_are_sent(
    run, tmp_path, more, point
):
    images = write_images(tmp_path / "in", 3)
    with ScriptedServer(ready_and_good) as server:
        arguments = [*images, "--server", server.address, PATIENT, *more]
        network = StandIn(unpack=unpack)
        code, lines, told = run(arguments, None, network)
    assert code == 0
    assert {line["choice"] for line in lines} == {f"rb1 at point {point}"}
    assert told.count("no plan.json: every image is sent as") == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [(["--point", "3"], "0 to 2. Received: 3"), (["--unit", "x"], "rb1")],
)
def test_an_unknown_unit_or_point_ends_the_program(
    run, plan, tmp_path, more, reason
):
    images = write_images(tmp_path / "in", 1)
    arguments = [*images, "--server", "127.0.0.1:9", *more]
    code, lines, told = run(arguments, plan())
    assert (code, lines) == (1, []) and reason in told


def test_a_choice_that_is_not_offered_ends_the_program(run, plan, tmp_path):
    images = write_images(tmp_path / "in", 1)
    arguments = [*images, "--server", "127.0.0.1:9", "--choice"]
    code, lines, told = run([*arguments, "cloud-only"], plan())
    assert (code, lines) == (1, [])
    assert "'cloud-only' (no images)" in told
    code, _, told = run([*arguments, "rb9"], plan())
    assert code == 1 and "one of rb1 at point 0" in told


@pytest.mark.parametrize("more", [[], ["--unit=rb1"], ["--strict"]])
def test_a_limit_below_every_payload_ends_the_program(
    run, plan, tmp_path, more
):
    images = write_images(tmp_path / "in", 1)
    arguments = [*images, "--server", "127.0.0.1:9", "--max_bytes=9", *more]
    code, lines, told = run(arguments, plan())
    assert (code, lines) == (1, [])
    assert told == "error: `max_bytes` must be at least 10.\n"


@pytest.mark.parametrize("more", [[], ["--strict"]])
def test_a_limit_below_every_payload_leaves_mobile_only(
    run, plan, tmp_path, more
):
    images = write_images(tmp_path / "in", 1)
    arguments = [*images, "--server", "127.0.0.1:9", "--max_bytes=9"]
    arguments += ["--choice=mobile-only", *more]
    code, lines, _ = run(arguments, plan())
    assert code == 0 and lines[0]["where"] == "device"


@pytest.mark.parametrize(
    ("model", "where"), [(["--image_model=whole"], "cloud"), ([], "device")]
)
def test_a_limit_for_image_files_is_right_whatever_the_server_has(
    run, plan, tmp_path, model, where
):
    images = write_images(tmp_path / "in", 1)
    values = plan_values()["choices"]
    values[-1]["wire_bytes_mean"] = 8
    with ScriptedServer(ready_and_good) as server:
        arguments = [*images, "--server", server.address, PATIENT]
        arguments += ["--max_bytes=9", *model]
        code, lines, _ = run(arguments, plan(choices=values))
    assert code == 0 and lines[0]["where"] == where
    assert where == "device" or lines[0]["choice"] == "cloud-only"


@pytest.mark.parametrize(
    ("more", "choice", "sent"),
    [
        # The plan's mean is 100 bytes, and that of point 1 is 50.
        (["--choice=rb1 at point 0"], "rb1 at point 0", (0, 70)),
        (
            ["--choice=rb1 at point 1", "--max_bytes=30"],
            "rb1 at point 1",
            (1, 30),
        ),
        (["--min_accuracy=81"], "rb1 at point 0", (0, 70)),
        (["--min_accuracy=79"], "rb1 at point 1", (1, 70)),
        (["--unit=rb1"], "rb1 within 70 bytes", (0, 70)),
        (["--point=2"], "rb1 at point 2", (2, 70)),
    ],  # fmt: skip
)
def test_a_limit_makes_a_choice_coarser_where_an_image_needs_it(
    run, plan, tmp_path, more, choice, sent
):
    images = write_images(tmp_path / "in", 1)
    network = StandIn(unpack=unpack)
    with ScriptedServer(ready_and_good) as server:
        arguments = [*images, "--server", server.address, PATIENT]
        arguments += ["--max_bytes=70", *more]
        code, lines, _ = run(arguments, plan(), network)
    assert code == 0 and network.limits == [sent]
    assert lines[0]["choice"] == choice


def test_a_point_of_unknown_accuracy_is_not_compared(run, plan, tmp_path):
    images = write_images(tmp_path / "in", 1)
    arguments = [*images, "--server", "127.0.0.1:9", "--max_bytes=30"]
    code, lines, told = run(arguments, plan())
    assert code == 0 and lines[0]["where"] == "device"
    assert (
        "not offered: rb1 at point 0, rb1 at point 1 (its accuracy within the "
        "limit is unknown)"
    ) in told


def test_cloud_only_goes_to_the_model_of_images(run, plan, tmp_path):
    images = write_images(tmp_path / "in", 2)
    with ScriptedServer(ready_and_good) as server:
        code, lines, _ = run(
            [*images, "--server", server.address, "--image_model", "whole",
             "--choice", "cloud-only", PATIENT],
            plan(),
        )  # fmt: skip
        asked = [r for r in server.requests if b"image picture" in r]
    assert code == 0 and {line["where"] for line in lines} == {"cloud"}
    assert lines[0]["split"] is None and lines[0]["point"] is None
    assert asked[0].startswith(b"POST /v2/models/whole/infer ")


def test_a_server_that_does_not_answer_yet_is_tried_all_the_same(
    run, plan, tmp_path
):
    images = write_images(tmp_path / "in", 2)
    with ScriptedServer(ready_and_good) as server:
        address = server.address
    code, lines, told = run([*images, "--server", address], plan(local_ms=20.0))
    assert code == 0
    assert "can't be reached yet" in told
    assert [line["where"] for line in lines] == ["device"] * 2
    assert "No connection" in lines[0]["problem"]


def test_a_broken_image_has_its_line_and_the_others_theirs(run, tmp_path):
    images = write_images(tmp_path / "in", 3)
    pathlib.Path(images[1]).write_bytes(b"broken")
    code, lines, told = run([*images, "--local"])
    assert code == 1
    assert [line["class"] is None for line in lines] == [False, True, False]
    assert lines[1]["problem"].startswith("ValueError: An image file must")
    assert "1 failed" in told


def test_without_any_network_to_fall_back_on_each_image_still_has_a_line(
    run, plan, tmp_path
):
    images = write_images(tmp_path / "in", 3)

    def script(payload, number):
        if not payload:
            return response(b"")
        return None if b"picture1" in payload else good(payload)

    network = StandIn(answers=False, unpack=unpack)
    with ScriptedServer(script) as server:
        code, lines, _ = run(
            [*images, "--server", server.address], plan(), network
        )
    assert code == 1
    assert [line["where"] for line in lines] == ["split", None, "split"]
    assert "whole.json is missing" in lines[1]["problem"]
    code, lines, told = run(images, plan(), network)
    assert code == 1 and lines == []
    assert "the device can't answer: whole.json is missing" in told


def test_it_ends_after_as_many_images_as_asked(run, tmp_path):
    write_images(tmp_path / "in", 5)
    code, lines, _ = run([tmp_path / "in", "--local", "--count=2"])
    assert code == 0 and len(lines) == 2


def test_cloud_only_needs_no_flag_where_the_deployment_has_the_model(
    run, plan, tmp_path
):
    images = write_images(tmp_path / "in", 2)
    network = StandIn(unpack=unpack)
    network.served = Served()
    network.served.image_model, network.served.image_version = "whole", 5
    arguments = [*images, PATIENT, "--choice", "cloud-only", "--server"]
    with ScriptedServer(ready_and_good) as server:
        code, lines, _ = run([*arguments, server.address], plan(), network)
        asked = [r for r in server.requests if b"image picture" in r]
    assert code == 0 and {line["where"] for line in lines} == {"cloud"}
    assert asked[0].startswith(b"POST /v2/models/whole/versions/5/infer ")
    assert lines[0]["payload_bytes"] == len(b"image picture0")

    def without(payload, number):
        lacks = b"models/whole" in server.requests[-1]
        return other_export(payload, number) if lacks else response(b"")

    with ScriptedServer(without) as server:
        code, lines, told = run([*arguments, server.address], plan(), network)
    assert (code, lines) == (1, []) and "'cloud-only' (no images)" in told


def test_a_stop_leaves_images_and_says_so_by_its_code(run, tmp_path):
    write_images(tmp_path / "in", 5)
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 2

    code, lines, _ = run([tmp_path / "in", "--local"], stop=stop)
    assert code == 1 and len(lines) == 2


def start(tmp_path, plan_path, *arguments, python=sys.executable, local_s=0):
    """Starts the program around a stand-in, as a process."""
    return subprocess.Popen(
        [python, str(PROGRAM), str(ROOT), plan_path, str(local_s),
         *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_image_under_way(tmp_path, plan, number):
    write_images(tmp_path / "in", 50)
    running = start(tmp_path, plan(), tmp_path / "in", "--local", local_s=0.3)
    first = running.stdout.readline()
    running.send_signal(number)
    rest, told = running.communicate(timeout=30)
    lines = [json.loads(line) for line in [first, *rest.splitlines()]]
    assert running.returncode == 1  # Images are left.
    assert 1 <= len(lines) < 10
    assert all(line["class"] is not None for line in lines)
    assert "{} images in".format(len(lines)) in told
    assert "Traceback" not in told


def test_a_killed_program_is_resumed_by_the_same_command(tmp_path, plan):
    images = write_images(tmp_path / "in", 60)
    out = tmp_path / "answers"
    arguments = [tmp_path / "in", "--local", "--out", out]
    running = start(tmp_path, plan(), *arguments, local_s=0.02)
    while not out.exists() or out.stat().st_size < 1000:
        time.sleep(0.01)
    _, told = start(tmp_path, plan(), *arguments).communicate(timeout=30)
    assert "no other program writes to" in told
    running.kill()
    assert running.communicate()[0] == ""
    with out.open("a") as file:  # A line that the kill cut off.
        file.write('{"image": "' + images[-1])
    before = len(out.read_text().splitlines()) - 1
    _, told = start(tmp_path, plan(), *arguments).communicate(timeout=30)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["image"] for line in lines] == images
    assert 0 < before < 60
    assert "{} images were answered before".format(before) in told


def test_a_file_of_something_else_is_left_alone(run, tmp_path):
    images = write_images(tmp_path / "in", 1)
    out = tmp_path / "notes"
    out.write_text("shopping\n")
    code, _, told = run([*images, "--local", "--out", out])
    assert code == 1 and "file of this program's answers" in told
    assert out.read_text() == "shopping\n"


def test_a_device_is_written_and_not_read(run, tmp_path):
    images = write_images(tmp_path / "in", 1)
    code, _, told = run([*images, "--local", "--out", "/dev/zero"])
    assert code == 0 and "1 images" in told


def test_a_closed_pipe_ends_it_quietly(tmp_path, plan):
    write_images(tmp_path / "in", 50)
    running = start(tmp_path, plan(), tmp_path / "in", "--local", local_s=0.02)
    json.loads(running.stdout.readline())
    running.stdout.close()
    assert running.stderr.read() == ""
    assert running.wait(timeout=30) == 1


def late_splits(lines):
    """Returns the lines of late images that the server answered."""
    return [x for x in lines if "late" in x["image"] and x["where"] == "split"]


@pytest.mark.parametrize("python", interpreters())
def test_a_watched_folder_is_answered_through_a_server_that_dies(
    tmp_path, plan, python
):
    folder = tmp_path / "in"
    write_images(folder, 1)
    dead = threading.Event()

    def script(payload, number):
        return None if dead.is_set() else ready_and_good(payload, number)

    with ScriptedServer(script) as server:
        running = start(
            tmp_path, plan(local_ms=20.0), folder, "--watch", "--server",
            server.address, python=python, local_s=0.02,
        )  # fmt: skip
        lines = [json.loads(running.stdout.readline())]
        while lines[-1]["where"] != "split" and len(lines) < 20:
            # A busy machine may have missed the first answer.
            name = "early{:02d}.png".format(len(lines))
            (folder / name).write_bytes(b"early picture")
            lines.append(json.loads(running.stdout.readline()))
        half = folder / "half.png"
        half.write_bytes(b"broken off")
        dead.set()
        for i in range(3):
            # Moved in whole, as one that is being written is not.
            part = folder / "new{}.part".format(i)
            part.write_bytes(b"new picture")
            part.rename(folder / "new{}.png".format(i))
            lines.append(json.loads(running.stdout.readline()))
        half.write_bytes(b"whole picture")
        dead.clear()
        while not late_splits(lines) and len(lines) < 40:
            name = "late{:02d}.png".format(len(lines))
            (folder / name).write_bytes(b"late picture")
            lines.append(json.loads(running.stdout.readline()))
        while str(half) not in [line["image"] for line in lines]:
            lines.append(json.loads(running.stdout.readline()))
        running.send_signal(signal.SIGINT)
        rest, told = running.communicate(timeout=30)
    lines += [json.loads(line) for line in rest.splitlines()]
    assert running.returncode == 0, told
    assert "split" in [x["where"] for x in lines if "late" not in x["image"]]
    assert late_splits(lines)
    assert [x["class"] is None for x in lines if "half" in x["image"]] == [
        False
    ]
    assert [x["where"] for x in lines if "new" in x["image"]] == ["device"] * 3
    names = [line["image"] for line in lines]
    assert len(set(names)) == len(names)
    assert "Traceback" not in told
