"""The report in a real browser: errors, requests, overflow, print.

`make test-report` runs it; it needs Debian's chromium and poppler-utils.
"""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading

import pytest

from bottlenet_tf import report

BROWSER = shutil.which("chromium")
WIDTHS = (360, 1280)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None, reason="needs chromium: apt-get install chromium"
    ),
]
# Nothing but the page itself: no updates, no look-ups.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
)
# Tells, of the report in a frame of a phone's or a screen's width, what is
# wider than the frame, outside of what scrolls by itself.
_PROBE = """<!doctype html><meta charset="utf-8">
<link rel="icon" href="data:,">
<iframe src="report.html" style="border:0;width:WIDTHpx;height:800px"></iframe>
<pre></pre>
<script>
document.querySelector("iframe").onload = event => {
  const page = event.target.contentDocument, root = page.documentElement;
  for (const one of page.querySelectorAll("details")) one.open = OPEN;
  const wide = [...page.body.querySelectorAll("*")].filter(element =>
    !element.closest(".scroll > *") &&
    element.getBoundingClientRect().right > root.clientWidth + 0.5);
  const images = [...page.images];
  document.querySelector("pre").textContent = JSON.stringify({
    clientWidth: root.clientWidth,
    scrollWidth: root.scrollWidth,
    wide: wide.map(element => element.outerHTML.slice(0, 80)),
    blank: images.filter(image => !image.naturalWidth).length,
    images: images.length,
    sources: images.map(image => image.currentSrc.length),
    widths: images.map(image => image.naturalWidth),
    scripts: page.scripts.length,
  });
};
</script>"""


@pytest.fixture(scope="module", params=["whole", "hostile"])
def folder(request, written, tmp_path_factory):
    """A report as it should be, and one whose names are long and wild."""
    if request.param == "whole":
        return written
    root = tmp_path_factory.mktemp("hostile") / "search"
    shutil.copytree(written, root)
    wild = "<b onclick='alert(1)'>" + "W" * 300
    path = root / "selection.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["device"] = wild
    content["command"] = [wild, wild]
    content["decisions"][0]["link"]["name"] = wild
    decision = content["decisions"][0]
    if decision["best"] != decision["winner"]:
        decision["best"] += wild
    for cost in decision["references"]:
        cost["choice"]["name"] += wild
        cost["choice"]["detail"] = wild
    path.write_text(json.dumps(content), encoding="utf-8")
    report.write(report.read(root), root)
    return root


@pytest.fixture(scope="module")
def served(folder):
    """Address of the folder on this machine, and what was asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def _browse(tmp_path, *arguments):
    ran = subprocess.run(
        [BROWSER, *_FLAGS, f"--user-data-dir={tmp_path / 'user'}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran


def _console(ran):
    return [n for n in ran.stderr.splitlines() if ":CONSOLE" in n]


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_or_fails(folder, served, tmp_path, width, opened):
    address, asked = served
    probe = _PROBE.replace("WIDTH", str(width))
    probe = probe.replace("OPEN", str(opened).lower())
    name = f"probe_{width}_{opened}.html"
    (folder / name).write_text(probe, encoding="utf-8")
    asked.clear()
    ran = _browse(
        tmp_path, "--window-size=1400,900", "--dump-dom", f"{address}/{name}"
    )
    assert _console(ran) == []
    found = re.search("<pre>({.*})</pre>", ran.stdout, re.DOTALL)
    assert found, ran.stdout[-500:]
    seen = json.loads(found.group(1).replace("&lt;", "<").replace("&gt;", ">"))
    assert seen["clientWidth"] == width
    assert seen["scrollWidth"] == width
    assert seen["wide"] == []
    assert seen["blank"] == 0
    assert seen["images"] == 7
    assert seen["scripts"] == 0
    # Drawings, all but the planes: 3.5 inches on a phone, 7.6 on a screen.
    assert set(seen["widths"][:5]) == {336 if width == 360 else 730}
    assert asked == [f"/{name}", "/report.html"]


def test_the_probe_finds_what_overflows(served, folder, tmp_path):
    address, _ = served
    broken = folder / "broken"
    broken.mkdir(exist_ok=True)
    (broken / "report.html").write_text(
        "<!doctype html><body><p style='width:500px'>wide</p>"
        "<script>console.error('bad')</script>"
    )
    (broken / "probe.html").write_text(
        _PROBE.replace("WIDTH", "360").replace("OPEN", "false")
    )
    ran = _browse(tmp_path, "--dump-dom", f"{address}/broken/probe.html")
    assert '"scrollWidth":508' in ran.stdout
    assert "bad" in "".join(_console(ran))


def test_it_opens_from_disk(folder, tmp_path):
    address = (folder / "report.html").as_uri()
    ran = _browse(tmp_path, "--dump-dom", address)
    assert _console(ran) == []
    assert "Origin of these figures" in ran.stdout


@pytest.mark.skipif(
    shutil.which("pdftotext") is None,
    reason="needs pdftotext: apt-get install poppler-utils",
)
def test_it_prints_with_all_numbers(folder, tmp_path):
    path = tmp_path / "report.pdf"
    address = (folder / "report.html").as_uri()
    ran = _browse(tmp_path, f"--print-to-pdf={path}", address)
    assert _console(ran) == []
    printed = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    pages = printed.removesuffix("\f").split("\f")
    assert 6 <= len(pages) <= 20
    assert all(page.strip() for page in pages)
    # Of a table that is folded on a screen.
    assert "reference" in printed
