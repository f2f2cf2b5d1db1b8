"""The device program's arguments: what makes no sense is said before work."""

import subprocess
import sys

import pytest

from bottlenet_tf.edge.arguments import parse


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    return str(path)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give images, or a folder, or --camera"),
        (["{photo}", "--camera=0"], "give images"),
        (["{photo}.gone"], "no image or folder"),
        (["{photo}", "--watch"], "--watch takes one folder"),
        (["{folder}", "{folder}", "--watch"], "--watch takes one folder"),
        (["--camera=0", "--watch"], "--watch takes one folder"),
        (["--camera=0", "--out=x"], "--camera has none"),
        (["{photo}", "--tls_cert=x"], "--tls_cert is only for gRPC"),
        (
            ["{photo}", "--transport=tf_serving_rest", "--model=a"],
            "a model for each unit",
        ),
        (["{photo}", "--local", "--server=h:1"], "takes no --server"),
        (["{photo}", "--choice=x", "--goal=energy"], "takes no --goal"),
        (["{photo}", "--goal=cheap"], "invalid choice: 'cheap'"),
        (["{photo}", "--deadline_ms=0"], "not a positive number"),
        (["{photo}", "--deadline_ms=inf"], "not a positive number"),
        (["{photo}", "--min_accuracy=101"], "not a percentage"),
        (["{photo}", "--min_accuracy=nan"], "not a percentage"),
        (["{photo}", "--max_bytes=0"], "not a positive integer"),
        (["{photo}", "--count=-1"], "not a positive integer"),
        (["{photo}", "--serv=h:1"], "unrecognized arguments"),
    ],
)
def test_what_makes_no_sense_is_explained(photo, capsys, arguments, message):
    folder = photo.rsplit("/", 1)[0]
    filled = [a.format(photo=photo, folder=folder) for a in arguments]
    with pytest.raises(SystemExit) as stopped:
        parse(filled, deploy="here")
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_an_installed_program_must_be_given_the_deployment(photo, capsys):
    with pytest.raises(SystemExit):
        parse([photo])
    assert "--deploy must name" in capsys.readouterr().err
    assert parse([photo, "--deploy=there"]).deploy == "there"
    assert parse([photo], deploy="here").deploy == "here"


def test_help_teaches_and_needs_no_numpy():
    code = (
        "import sys\n"
        "from bottlenet_tf.edge.program import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    sys.exit('numpy' in sys.modules or 'PIL' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for word in ("examples:", "--deadline_ms", "Exit code", "--strict"):
        assert word in done.stdout
