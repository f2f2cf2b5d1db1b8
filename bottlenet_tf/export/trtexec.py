"""Shell scripts that build TensorRT engines where they will run.

An engine fits one GPU and one TensorRT, so it is built there, by trtexec,
which comes with TensorRT. The scripts need nothing else but a POSIX shell.
"""

from bottlenet_tf.export.tensorrt import BATCH_NAME

# The flags of trtexec that changed between the releases: from 8.4 on, memory
# pools; from 8.6 on, --skipInference.
_FLAGS = {
    "trt8.2": ("--workspace=", "--buildOnly"),
    "trt8.5": ("--memPoolSize=workspace:", "--buildOnly"),
    "trt8.6": ("--memPoolSize=workspace:", "--skipInference"),
    "trt10": ("--memPoolSize=workspace:", "--skipInference"),
    "trt11": ("--memPoolSize=workspace:", "--skipInference"),
}
# Releases with strongly typed networks only: FP16 is in the graph, or nowhere.
_TYPED = ("trt11",)
# Scratch memory that the builder may use.
_WORKSPACE_MIB = 1024

_BUILD = """\
#!/bin/sh
# Builds {part}.engine from {graph} with TensorRT {version}, for {batches}.
# Inputs: {inputs}.
# Run it on the machine, and with the TensorRT, that will run the engine.
set -eu
CDPATH= cd -- "$(dirname -- "$0")"
trtexec=$(command -v trtexec || echo /usr/src/tensorrt/bin/trtexec)
if [ ! -x "$trtexec" ]; then
    echo "trtexec must be in PATH: it comes with TensorRT." >&2
    exit 127
fi
{check}trap 'rm -f {part}.engine.tmp' EXIT
"$trtexec" \\
    {arguments}
test -s {part}.engine.tmp
# The program that runs the engine checks the graph that it was built from.
rm -f {part}.engine.sha256
mv -f {part}.engine.tmp {part}.engine
sha256sum < {part}.onnx | cut -c1-64 > {part}.engine.sha256
"""

_CHECK = """\
if [ "$(cksum < {part}.onnx)" != "$(cat {part}_fp16.cksum)" ]; then
    echo "{part}_fp16.onnx must be made from this {part}.onnx:" \\
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


def write(folder, name, graph, config):
    """Writes the scripts that build `<name>.engine`, executable."""
    inputs = {
        value.name: [
            dim.dim_param or dim.dim_value
            for dim in value.type.tensor_type.shape.dim
        ]
        for value in graph.input
    }
    found = scripts(config.tensorrt, name, inputs, config.max_batch)
    for file, text in found.items():
        path = folder / file
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


def scripts(target, part, inputs, max_batch):
    """Returns `{file name: text}` of the scripts for one graph.

    FP16 is allowed. For `trt11`, a script makes an FP16 graph first.

    Args:
        inputs: `{name: shape}` of the graph. If the first dimensions are
            `tensorrt.BATCH_NAME`, it takes 1 to `max_batch` images.
    """
    workspace, build_only = _FLAGS[target]
    is_typed = target in _TYPED
    graph = f"{part}_fp16.onnx" if is_typed else f"{part}.onnx"
    arguments = [f"--onnx={graph}", f"--saveEngine={part}.engine.tmp"]
    arguments += [] if is_typed else ["--fp16"]
    arguments += [f"{workspace}{_WORKSPACE_MIB}"]
    batches = "1 image"
    if any(shape[0] == BATCH_NAME for shape in inputs.values()):
        batches = f"1 to {max_batch} images"
        arguments += [
            f"--minShapes={_shapes(inputs, 1)}",
            f"--optShapes={_shapes(inputs, max_batch)}",
            f"--maxShapes={_shapes(inputs, max_batch)}",
        ]
    build = _BUILD.format(
        part=part,
        graph=graph,
        version=target.removeprefix("trt"),
        batches=batches,
        inputs=_shapes(inputs).replace(",", ", ").replace(":", " "),
        check=_CHECK.format(part=part) if is_typed else "",
        arguments=" \\\n    ".join([*arguments, build_only]),
    )
    found = {f"build_{part}.sh": build}
    if is_typed:
        found[f"convert_{part}.sh"] = _CONVERT.format(part=part)
    return found


def _shapes(inputs, batch=BATCH_NAME):
    """Returns the inputs' names and shapes in trtexec's form."""
    return ",".join(
        f"{name}:"
        + "x".join(str(batch if size == BATCH_NAME else size) for size in shape)
        for name, shape in inputs.items()
    )
