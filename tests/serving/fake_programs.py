"""Programs that take the arguments of Triton and TF Serving, and say ready."""

import os
import sys

_SOURCE = '''#!{python}
import http.server, json, sys
HELP = """  --model-repository <string>
  --http-restricted-api <string>
  --grpc-restricted-protocol <string>"""
if "--help" in sys.argv:
    print(HELP)
    sys.exit(1)
options = dict(a.lstrip("-").split("=", 1) for a in sys.argv[1:])
with open({folder!r} + "/arguments.json", "w") as file:
    json.dump(options, file)
with open({folder!r} + "/paths", "a") as file:
    file.write("start\\n")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open({folder!r} + "/paths", "a") as file:
            file.write(self.path + "\\n")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass

port = int(options.get("http-port") or options["rest_api_port"])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
'''


def write(folder, name):
    """Writes a program; its arguments come to `arguments.json` beside it."""
    path = folder / name
    path.write_text(_SOURCE.format(python=sys.executable, folder=str(folder)))
    os.chmod(path, 0o755)
    return path


def deployment(folder, version=None, name="tail", units=None, images=None):
    """Writes what an engine looks for in a deployment; returns `Served`.

    With a model of image files of the version `images`, if given.
    """
    import json

    from bottlenet_tf.runtime import served

    identity = served.of_units(name, units or {"a": 0x12345678})
    if images is not None:
        identity = identity._replace(image_model="whole", image_version=images)
    cloud = folder / "cloud"
    for model, number in identity.models.items():
        inside = cloud / "triton" / model / str(version or number)
        inside.mkdir(parents=True)
        (inside / "model.py").write_text("")
        (inside.parent / "config.pbtxt").write_text(f"# of {folder.name}")
    (cloud / "served.json").write_text(json.dumps(identity.content()))
    saved = cloud / "serving" / "net" / "1"
    saved.mkdir(parents=True)
    (saved / "saved_model.pb").write_bytes(b"")
    (saved.parent.parent / "models.config").write_text(
        'model_config_list {\n  config {\n    name: "net"\n'
        '    base_path: "/models/net"\n  }\n}\n'
    )
    (saved.parent.parent / "batching.config").write_text("")
    return identity
