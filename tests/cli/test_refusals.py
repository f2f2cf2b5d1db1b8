"""What programs refuse: in a sentence, without a traceback, and at once."""

import pytest

from tests.cli import programs

_DATTA = ("--unit=datta", "--mode=frozen", "--backbone_weights=w.npz")
_NO_RUN = "RUN must be the work directory of one finished run"


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("adapt", ["--images=photos"], "RUN must be given"),
        ("adapt", ["--images=photos", "a", "b"], "RUN must be given"),
        ("adapt", [".", "--images=."], _NO_RUN),
        ("evaluate", [".", "--dataset=digits"], _NO_RUN),
        ("link", ["--network=3g", "--listen=0"], "connect=None"),
        ("pareto", [*_DATTA, "--channel_range=4,2"], "must be two numbers"),
        ("profiling", ["--deploy=no", "--loads=one"], "loads=one"),
        ("profiling", ["--deploy=nowhere"], "deploy='nowhere'"),
        ("search", [*_DATTA, "--split=RB3"], "--unit must be bottlenet"),
        ("report", [], "FOLDER must be given"),
        ("report", ["."], "search.json must exist"),
        ("serve", [], "DEPLOY must be given"),
        ("serve", ["nowhere"], "deploy='nowhere'"),
        ("serve", [".", "--port=70000"], "port=70000"),
        ("serve", [".", "--max_batch=0"], "max_batch=0"),
        ("serve", [".", "--host="], "--host"),
        ("train", ["--quality=0"], "--quality must be"),
        ("train", ["quality=5"], "two dashes"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, module, arguments, message):
    ran = programs.run(module, *arguments, cwd=tmp_path)
    assert ran.returncode == 1
    assert message in ran.stderr and "Traceback" not in ran.stderr
    assert not list(tmp_path.iterdir())  # Not even a work directory.
