"""A driven link's page in a real browser: errors and overflow.

`make test-report` runs it; it needs Debian's chromium.
"""

import json
import re
import shutil
import subprocess

import pytest

from bottlenet_tf.emulation import recording
from bottlenet_tf.report import link_page
from tests.report import link_recordings

BROWSER = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None, reason="needs chromium: apt-get install chromium"
    ),
]
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
    "--virtual-time-budget=5000", "--allow-file-access-from-files",
    "--window-size=1400,900", "--dump-dom",
)  # fmt: skip
# What is wider than a frame, outside of what scrolls by itself.
_PROBE = """<!doctype html><meta charset="utf-8">
<iframe src="link.html" style="border:0;width:WIDTHpx;height:800px"></iframe>
<pre></pre>
<script>
document.querySelector("iframe").onload = event => {
  const page = event.target.contentDocument, root = page.documentElement;
  const wide = [...page.body.querySelectorAll("*")].filter(element =>
    !element.closest(".scroll > *") &&
    element.getBoundingClientRect().right > root.clientWidth + 0.5);
  document.querySelector("pre").textContent = JSON.stringify({
    widths: [root.clientWidth, root.scrollWidth],
    wide: wide.map(element => element.tagName),
    drawn: page.querySelectorAll("figure svg path").length > 10,
    rows: page.querySelectorAll("#choices tbody tr").length,
  });
};
</script>"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(
    "name", ["early", link_recordings.WILD], ids=["plain", "wild"]
)
def test_nothing_overflows_or_fails(tmp_path, name, width):
    found = link_recordings.make(f"{name} at point 0", name)
    recording.write(tmp_path / recording.NAME, found)
    link_page.write(tmp_path)
    probe = tmp_path / "probe.html"
    probe.write_text(_PROBE.replace("WIDTH", str(width)), encoding="utf-8")
    user = f"--user-data-dir={tmp_path / 'user'}"
    ran = subprocess.run(
        [BROWSER, *_FLAGS, user, probe.as_uri()],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ":CONSOLE" not in ran.stderr
    seen = json.loads(re.search("<pre>({.*})</pre>", ran.stdout)[1])
    assert seen == {
        "widths": [width, width], "wide": [], "drawn": True, "rows": 4
    }  # fmt: skip
