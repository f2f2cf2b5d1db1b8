"""Shell scripts that build TensorRT engines where they will run.

An engine fits one GPU and one TensorRT, so it is built there, by trtexec,
which comes with TensorRT. The scripts need nothing else but a POSIX shell.
"""

import re
from typing import NamedTuple

from bottlenet_tf.export.tensorrt import TARGETS


class _Flags(NamedTuple):
    """The flags of trtexec that changed between the releases."""

    precision: tuple
    workspace: str
    build_only: str


# From 8.4 on, memory pools; from 8.6 on, --skipInference. TensorRT 11 has
# strongly typed networks only: FP16 is in the graph, or nowhere.
_FLAGS = {
    "trt8.2": _Flags(("--fp16",), "--workspace=", "--buildOnly"),
    "trt8.5": _Flags(("--fp16",), "--memPoolSize=workspace:", "--buildOnly"),
    "trt8.6": _Flags(
        ("--fp16",), "--memPoolSize=workspace:", "--skipInference"
    ),
    "trt10": _Flags(("--fp16",), "--memPoolSize=workspace:", "--skipInference"),
    "trt11": _Flags((), "--memPoolSize=workspace:", "--skipInference"),
}

_BUILD = """\
#!/bin/sh
# Builds {part}.engine from {graph} with TensorRT {version}, for {batches}.
# Inputs: {inputs}.
# Run it on the machine, and with the TensorRT, that will run the engine.
set -eu
CDPATH= cd -- "$(dirname -- "$0")"
trtexec=$(command -v trtexec || echo /usr/src/tensorrt/bin/trtexec)
if [ ! -x "$trtexec" ]; then
    echo "trtexec must be in PATH: TensorRT brings it." >&2
    exit 127
fi
{check}trap 'rm -f {part}.engine.tmp' EXIT
"$trtexec" \\
    {arguments}
test -s {part}.engine.tmp
# The program that runs the engine asks which graph it was built of.
rm -f {part}.engine.sha256
mv -f {part}.engine.tmp {part}.engine
sha256sum < {part}.onnx | cut -c1-64 > {part}.engine.sha256
"""

_CHECK = """\
if [ "$(cksum < {part}.onnx)" != "$(cat {part}_fp16.cksum)" ]; then
    echo "{part}_fp16.onnx must be made of this {part}.onnx:" \\
        "run convert_{part}.sh first." >&2
    exit 1
fi
"""

_CONVERT = """\
#!/bin/sh
# Writes {part}_fp16.onnx: {part}.onnx in mixed precision, float32 outside.
# Needs nvidia-modelopt[onnx] in python3, and runs on any machine.
set -eu
CDPATH= cd -- "$(dirname -- "$0")"
trap 'rm -f {part}_fp16.tmp.onnx' EXIT
python3 -m modelopt.onnx.autocast --onnx_path {part}.onnx \\
    --output_path {part}_fp16.tmp.onnx \\
    --low_precision_type fp16 --keep_io_types
test -s {part}_fp16.tmp.onnx
mv -f {part}_fp16.tmp.onnx {part}_fp16.onnx
cksum < {part}.onnx > {part}_fp16.cksum
"""


def build_scripts(
    target,
    head_inputs,
    tail_inputs,
    max_batch,
    opt_batch=None,
    workspace_mib=1024,
):
    """Returns `{file name: text}` of the scripts that build the engines.

    They lie beside `head.onnx` (one image, fixed shapes) and `tail.onnx`
    (first dimension dynamic) and write `head.engine` and `tail.engine`, with
    FP16 allowed. For `trt11`, a script each makes FP16 graphs first.

    Args:
        target: One of `TARGETS`.
        head_inputs: `{name: shape}` of `head.onnx`, the one image included.
        tail_inputs: `{name: shape without batch}` of `tail.onnx`.
        max_batch: Most images that the tail gets at once.
        opt_batch: Number of images that its kernels are chosen for;
            `max_batch` unless given.
        workspace_mib: Scratch memory that the builder may use, in MiB.

    Raises:
        ValueError: for an unknown target, names that trtexec or the shell
            would split, or sizes that are not positive integers in order.
    """
    opt_batch = max_batch if opt_batch is None else opt_batch
    _check_sizes(
        max_batch=max_batch, opt_batch=opt_batch, workspace_mib=workspace_mib
    )
    if opt_batch > max_batch:
        raise ValueError(
            "`opt_batch` must not exceed `max_batch`, the profile's end. "
            f"Received: opt_batch={opt_batch}, max_batch={max_batch}"
        )
    profile = [
        f"--{name}Shapes={_shapes(tail_inputs, (batch,))}"
        for name, batch in (("min", 1), ("opt", opt_batch), ("max", max_batch))
    ]
    return {
        **image_scripts(target, "head", head_inputs, workspace_mib),
        **_scripts(
            target,
            "tail",
            _shapes(tail_inputs, ("N",)),
            f"1 to {max_batch} images",
            profile,
            workspace_mib,
        ),
    }


def image_scripts(target, part, inputs, workspace_mib=1024):
    """Returns the scripts for a graph of one image; see `build_scripts`.

    Args:
        target: One of `TARGETS`.
        part: What its file's name begins with: "head" of `head.onnx`.
        inputs: `{name: shape}`, the one image included.
        workspace_mib: Scratch memory that the builder may use, in MiB.

    Raises:
        ValueError: see `build_scripts`.
    """
    _check_sizes(workspace_mib=workspace_mib)
    # A graph of fixed shapes takes no profile.
    shapes = _shapes(inputs, ())
    return _scripts(target, part, shapes, "1 image", [], workspace_mib)


def write(folder, scripts):
    """Writes scripts to a folder, executable.

    Args:
        folder: `pathlib.Path`.
        scripts: `{file name: text}`.
    """
    for name, text in scripts.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


def _scripts(target, part, inputs, batches, profile, workspace_mib):
    if target not in TARGETS:
        raise ValueError(
            f"`target` must be one of {', '.join(TARGETS)}. "
            f"Received: target={target!r}"
        )
    flags = _FLAGS[target]
    graph = f"{part}.onnx" if flags.precision else f"{part}_fp16.onnx"
    arguments = [
        f"--onnx={graph}",
        f"--saveEngine={part}.engine.tmp",
        *flags.precision,
        f"{flags.workspace}{workspace_mib}",
        *profile,
        flags.build_only,
    ]
    scripts = {}
    if not flags.precision:
        scripts[f"convert_{part}.sh"] = _CONVERT.format(part=part)
    scripts[f"build_{part}.sh"] = _BUILD.format(
        part=part,
        graph=graph,
        version=target.removeprefix("trt"),
        batches=batches,
        inputs=inputs.replace(",", ", ").replace(":", " "),
        check="" if flags.precision else _CHECK.format(part=part),
        arguments=" \\\n    ".join(arguments),
    )
    return scripts


def _shapes(inputs, batch):
    """Returns the inputs' names and shapes as trtexec takes them."""
    for name, shape in inputs.items():
        if not re.fullmatch(r"[\w./-]+", name, re.ASCII):
            raise ValueError(
                "Input names must be of letters, digits and `_./-`, since "
                "trtexec and the shell split at others. "
                f"Received: name={name!r}"
            )
        _check_sizes(**{f"{name}[{i}]": size for i, size in enumerate(shape)})
    if not inputs:
        raise ValueError("A graph must have inputs. Received: inputs={}")
    return ",".join(
        f"{name}:{'x'.join(map(str, (*batch, *shape)))}"
        for name, shape in inputs.items()
    )


def _check_sizes(**sizes):
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. "
                f"Received: {name}={size!r}"
            )
