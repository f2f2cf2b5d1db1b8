"""`README.md` of a deployment folder: what lies there and how to start it."""

from bottlenet_tf.export import wheel
from bottlenet_tf.export.manifest import parity_table

_TEXT = """\
# Deployment of {names}

{measured}{adapted}

## On the device: `{edge}/`

Needs NumPy, Pillow and {runtimes}; Python 3.6 or newer. Copy the folder and run

```
python3 encode.py photo.jpg --out photo.payload
python3 encode.py photos --timing
```

`edge/run.py` of this folder sends to the server, and answers what that doesn't.
It needs the folders of all units, and for `--server` a `plan.json` (`export.py
--plan`):

```
python3 edge/run.py photos --server=HOST:8000
python3 edge/run.py photos --local
```

A program of your own that loads `Head` or `Tail` finds them in `edge/{wheel}`,
which `pip install` takes as it is.

{engine}With `--max_bytes=N` no payload has more than N bytes, its header
included; an image of which the unit has none so small is reported and passed
over. `python3 encode.py --help` says the rest.{shared}{points}

## The network without a split

{whole}

For one image: float32 `(1, 3, S, S)` in ONNX, `(1, S, S, 3)` in LiteRT, raw RGB
0..255, to logits. `bottlenet-profile` measures it: on the device for
mobile-only, on the server for cloud-only.{answer}

## On the server: `cloud/`

{server}
Each takes the payloads as the device wrote them. A payload that is corrupt or
of another export gets a `status` that says so; its neighbours are answered.

## How exactly the files agree with the Keras model

On {images} images, through real payloads:

{parity}

`manifest.json` has this and more for programs, with the SHA-256 of every file,
which is checked whenever one is loaded. A SavedModel is code: serve only those
whose source you trust.
"""

_ENGINE = """\
`sh build_head.sh` makes a TensorRT engine there ({target}), which `encode.py`
then prefers. """
_SERVER = """\
```
bottlenet-cloud .
```

starts Triton, watches it and stops it with Ctrl-C; `--engine=tf_serving` takes
TF Serving. By hand:

```
tritonserver --model-repository=cloud/triton
tensorflow_model_server --port=8500 --rest_api_port=8501 \\
    --model_config_file=/models/models.config \\
    --enable_batching --batching_parameters_file=/models/batching.config
```

where TF Serving finds `cloud/serving` as `/models`. In Triton one model,
`{served}`, takes the payloads of all units. Its version, **{version}**, stands
for exactly these units, so that another export can be served beside it:

| unit | identity |
|:--|:--|
{units}
{images_served}
In TF Serving each unit is a model of its own. In Python, with NumPy, Pillow and
ONNX Runtime; `cloud/bottlenet_tf` is all that it needs of this package:

```python
import sys

sys.path.insert(0, "cloud")
from bottlenet_tf.runtime.cloud import Tail

tail = Tail.load("{one}")
probabilities = tail.predict([open("photo.payload", "rb").read()])
```
"""
_TF_SERVING = """\
```
bottlenet-cloud . --engine=tf_serving
```

starts TF Serving, watches it and stops it with Ctrl-C. Each unit is a model of
its own. There is neither Triton's model nor `tail.onnx`, since the export was
made without ONNX (`--noonnx`).
"""

_SHARED = """

The units {names} have the same network on the device, which is there once:
`edge/segments` holds its parts between the cuts, each unit's own folder an
encoder. Copy all but the folders named `cloud`, and choose the unit for each
image:

```python
import sys

sys.path.insert(0, "edge")
from bottlenet_tf.runtime.edge import Head

heads = Head.load(".")
payload = heads.encode("photo.jpg", unit="{one}")
```

For TensorRT, run `build_encoder.sh` in each of their folders and all scripts in
`edge/segments`."""
_POINTS = """

A unit with several operating points trades bytes for accuracy as it is asked:
`--point` takes the index of one, `unit.json` says which is the default.
`--max_bytes` takes the finest one that fits the image; where not even the
coarsest does, it leaves out what matters least. Every payload names its own
point, so the server needs no telling. At a point, images unlike those measured
may take more bytes than the largest here.

{table}"""
_ADAPTED = """

**The unit is adapted.** The other figures of bytes and accuracy are of the
run's own unit. This one was fitted to {photos} photos without labels ({refit}
anew, {steps} steps of fine-tuning); on {held_out} others, before → after, with
the share of decisions that are the unsplit network's:

{table}

Its payloads name another unit than before: both halves must be replaced, and a
server may serve both units until the last device has changed."""
_IMAGES = """
Another one, `{model}`, version **{version}**, takes image files (JPEG, PNG,
WebP, AVIF) and answers alike, by the network without a split: what a device
sends for cloud-only.
"""
_ANSWER = """

In its folder, Python answers with it alone:

```python
from bottlenet_tf.runtime.whole import Whole

whole = Whole.load(".")
print(whole.classes[whole.predict("photo.jpg").argmax()])
```"""


def guide(config, models, wholes, identity):
    """Returns the Markdown text for one export.

    Args:
        config: `ExportConfig`.
        models: Manifests of its models, as in `manifest.json`.
        wholes: Those of its networks without a split.
        identity: `runtime.served.Served` of its units.
    """
    several = len(models) > 1
    one = models[0]["name"] if several else "."
    return _TEXT.format(
        names=", ".join(f"`{model['name']}`" for model in models),
        measured=_measured(models),
        adapted=_adapted(models),
        edge="NAME/edge" if several else "edge",
        runtimes="one of TensorRT, ONNX Runtime and LiteRT"
        if config.onnx
        else "LiteRT",
        engine=_ENGINE.format(target=config.target) if config.tensorrt else "",
        server=_server(identity, one) if config.onnx else _TF_SERVING,
        shared=_shared(models),
        points=_points(models),
        wheel=wheel.FILE_NAME,
        whole=_wholes(wholes),
        answer=_ANSWER if any(not w["timing_only"] for w in wholes) else "",
        images=models[0]["parity"][0]["images"],
        parity=parity_table(models, wholes),
    )


def _measured(models):
    rows = [
        "| model | network | cut after | codes | accuracy | unsplit "
        "| wire B mean | p95 | p99 | max |",
        "|:--|:--|:--|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for model in models:
        run = model["run"]
        shape = "x".join(map(str, model["unit"]["code_shape"]))
        rows.append(
            f"| {model['name']} | {run['backbone']} | {run['split']} "
            f"| {shape} {model['unit']['codec']['name']} "
            f"| {_percent(run['accuracy'])} "
            f"| {_percent(run['baseline_accuracy'])} "
            f"| {_sizes(run)} |"
        )
    return "\n".join(rows)


def _adapted(models):
    """Returns what to know of an adapted unit, if there is one."""
    adapted = models[0]["adapted"]  # One run alone may be.
    if adapted is None:
        return ""
    rows = [
        "| point | wire B mean | agreement | divergence |",
        "|--:|--:|--:|--:|",
    ]
    for index, point in enumerate(adapted["points"]):
        sizes, shares, losses = zip(point[::2], point[1::2])
        rows.append(
            f"| {index} | {sizes[0]:.1f} → {sizes[1]:.1f} "
            f"| {shares[0]:.2f} → {shares[1]:.2f} % "
            f"| {losses[0]:.3f} → {losses[1]:.3f} |"
        )
    return _ADAPTED.format(table="\n".join(rows), **adapted)


def _server(identity, one):
    """Returns how payloads are answered by Triton, TF Serving and Python."""
    units = [
        f"| {name} | `{number:08x}` |"
        for name, number in identity.units.items()
    ]
    return _SERVER.format(
        served=identity.model,
        version=identity.version,
        units="\n".join(units),
        images_served=_images(identity),
        one=one,
    )


def _images(identity):
    """Returns what to know of the model of image files, if there is one."""
    if identity.image_model is None:
        return ""
    return _IMAGES.format(
        model=identity.image_model, version=identity.image_version
    )


def _shared(models):
    """Returns what to know of a network that units share, if any do."""
    names = [m["name"] for m in models if m["unit"].get("segments")]
    if not names:
        return ""
    listed = ", ".join(f"`{name}`" for name in names)
    return _SHARED.format(names=listed, one=names[0])


def _points(models):
    """Returns what to know of operating points, if a unit has several."""
    rows = [
        "| model | point | value | accuracy | wire B mean | p95 | p99 | max |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    several = [m for m in models if len(m["run"].get("points") or ()) > 1]
    for model in several:
        for point in model["run"]["points"]:
            rows.append(
                f"| {model['name']} | {point['index']} | {point['value']} "
                f"| {_percent(point['accuracy'])} | {_sizes(point)} |"
            )
    return _POINTS.format(table="\n".join(rows)) if several else ""


def _wholes(wholes):
    rows = ["| network | of | accuracy | files |", "|:--|:--|--:|:--|"]
    for whole in wholes:
        answers = _percent(whole["baseline_accuracy"])
        if whole["timing_only"] is not None:
            answers = f"for timing alone: {whole['timing_only']}"
        files = ", ".join(
            f"`{parity['artefact']}`"
            for parity in whole["parity"]
            if not parity["artefact"].startswith("triton/")
        )
        rows.append(
            f"| {whole['name']} | {', '.join(whole['models'])} | {answers} "
            f"| {files} |"
        )
    return "\n".join(rows)


def _sizes(figures):
    """Returns the cells of mean, p95, p99 and largest wire bytes."""
    high = (figures[f"wire_bytes_{name}"] for name in ("p95", "p99", "max"))
    cells = [f"{figures['wire_bytes_mean']:.1f}", *(f"{b:.0f}" for b in high)]
    return " | ".join(cells)


def _percent(value):
    return "–" if value is None else f"{value:.2f} %"
