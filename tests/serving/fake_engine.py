"""An engine that behaves as it is told: `fake_engine.py PORT FOLDER PLAN...`.

Each start takes the next word of the plan, the last one again and again:
`serve` answers, `exit` ends at once with code 3, `crash` answers, then ends
at the first request for /crash, `hang` answers three times, then never again,
`deaf` never gets ready, `stubborn` ignores SIGTERM. All have a child, whose
number is written to FOLDER/children.
"""

import http.server
import os
import pathlib
import signal
import subprocess
import sys
import time

port, folder, plan = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
starts = folder / "starts"
number = len(starts.read_text().split()) if starts.exists() else 0
with starts.open("a") as file:
    file.write("start\n")
word = plan[min(number, len(plan) - 1)]
print(f"start {number}: {word}", flush=True)
if word == "exit":
    print("No module named 'onnxruntime'", flush=True)
    sys.exit(3)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
with (folder / "children").open("a") as file:
    file.write(f"{child.pid}\n")
if word == "deaf":
    time.sleep(300)
if word == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
asked = 0


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every path, or behaves as told."""

    def do_GET(self):
        global asked
        asked += 1
        if self.path == "/crash":
            os._exit(9)
        if word == "hang" and asked > 3:
            time.sleep(300)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
server.serve_forever()
