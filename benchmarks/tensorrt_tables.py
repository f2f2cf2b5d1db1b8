"""Rewrites the checker's tables from the operators.md of onnx-tensorrt.

    git clone --bare https://github.com/onnx/onnx-tensorrt parser.git
    python benchmarks/tensorrt_tables.py --git_dir=parser.git

Of a restriction in prose, a short rule is kept. A sentence that matches no
pattern here stops the script: read it, then add its pattern. A clone that
lacks a commit can be helped out: `--operators_md=trt11=FILE` reads FILE.
"""

import argparse
import json
import pathlib
import re
import subprocess

from onnx import helper

REPOSITORY = "onnx/onnx-tensorrt"
PATH = "docs/operators.md"
IMPORTER = {"trt10": "onnxOpImporters.cpp", "trt11": None}
OUT = "bottlenet_tf/export/tensorrt_operators.json"

# target: TensorRT, commit, where that is, release of ONNX in its README.
RELEASES = {
    "trt8.2": (
        "8.2",
        "85e79f629fb546a75d61e3027fb259a9529144fe",
        "tag release/8.2-GA",
        "1.8.0",
    ),
    # Four commits after the tag add three rows for operators that the tag's
    # importer has: HardSwish, Mod and OneHot.
    "trt8.5": (
        "8.5",
        "fdeeaca87ad2eef316aafb016e1822502f383eea",
        "branch 8.5-GA",
        "1.12.0",
    ),
    "trt8.6": (
        "8.6",
        "6ba67d3428e05f690145373ca87fb8d32f98df45",
        "tag release/8.6-GA",
        "1.13.1",
    ),
    # JetPack 6.1 has 10.3, which only adds (a tensor for Slice's axes).
    "trt10": (
        "10.1",
        "96e781103cfc4adf4a6bb557e94bac8e693f6f4c",
        "tag release/10.1-GA",
        "1.16.0",
    ),
    # The submodule of NVIDIA/TensorRT's tag v11.1; ONNX as in NVIDIA's guide.
    "trt11": (
        "11.1",
        "7c51a63a719180eb5160c874c111746f3fb46a6b",
        "submodule of NVIDIA/TensorRT v11.1",
        "1.20.0",
    ),
}

# What a sentence asks for. `\1` is the pattern's first group.
PATTERNS = (
    (r"2D or 3D \w+ only", ["rank:4-5"]),
    (r"Input must be 4D input", ["rank:4-4"]),
    (r"Input rank must be >=3 & <=5", ["rank:3-5"]),
    (r"Weights (W) must be an ini\w+", [r"constant:\1"]),
    (
        r"Scales (scale) and biases B must be.*",
        ["constant:scale", "constant:B"],
    ),
    (r"(ax[ei]s|depth) must be an? (initializer|constant tensor)", None),
    (r"(ax[ei]s|depth) must be (a build-time|resolvable to a) constant", None),
    (r"(K) input must be an initializer", [r"constant:\1"]),
    (r"([xy]_zero_point) must be (?:zero|0)", [r"zero:\1"]),
    (r"is_trai?ning must be an initializer.*", ["zero:training_mode"]),
    (r"Indices output tensor unsupported", ["outputs:1"]),
    (r"Only the first output Y is supported", ["outputs:1"]),
    (r"dilations must be empty or all ones", ["attribute:dilations=1"]),
    (r"(input_forget|layout) attribute must be 0", [r"attribute:\1=0"]),
    (r"(sorted) must be 1", [r"attribute:\1=1"]),
    (
        r"reduction (?:other than none )?is not supported",
        ["attribute:reduction=none"],
    ),
    (
        r"Supported resize transformation modes: (.*)",
        "coordinate_transformation_mode",
    ),
    (r"Supported resize modes: (.*)", "mode"),
    (r"Supported nearest modes: (.*)", "nearest_mode"),
    (r"Supported aspect ratio policy: (.*)", "keep_aspect_ratio_policy"),
    (r"Antialiasing is not supported", ["attribute:antialias=0"]),
    (
        r"Inputs max_output_boxes_per_class, iou_threshold, and score.*",
        [
            "constant:max_output_boxes_per_class",
            "constant:iou_threshold",
            "constant:score_threshold",
        ],
    ),
    # Rarely met in these networks, or not to be seen in a graph.
    (r"(?:Dynamic input|input must have static).*", ["unchecked:static_shape"]),
    (r"sparse_value, value_string, and.*", ["unchecked:value"]),
    (r"For bidirectional \w+, .*", ["unchecked:activations"]),
    (r"Output tensors of the two conditional.*", ["unchecked:branches"]),
    (r"Ellipsis and diagonal operations.*", ["unchecked:equation"]),
    (r"Broadcasting between inputs.*", ["unchecked:broadcasting"]),
    (r"Output has fixed shape.*", ["unchecked:padded_output"]),
    (r"seed value is ignored.*", ["unchecked:seed"]),
    (r"Floating point inputs are only.*", ["unchecked:float_inputs"]),
    (r"(?:Scan output length|The shape of Loop).*", ["unchecked:shapes"]),
    (r"axis dimension of input must be.*", ["unchecked:axis_size"]),
    (r"input must have 1D or 2D spatial.*", ["unchecked:spatial"]),
    (r"pads for the beginning and end.*", ["unchecked:pads"]),
    (r"K input must be less than 3840", ["unchecked:large_k"]),
    (r"When scales is a tensor input.*", ["unchecked:axes"]),
    (r"(?:Q, K, V|past_|present_|qk_|q_num|frame_step).*", ["unchecked:form"]),
    (
        r"(?:Input must be real|position_ids|axis must be -2).*",
        ["unchecked:form"],
    ),
)

# What the importers refuse besides, by their source; not read for 11.1.
_QUANTIZE = {
    "QuantizeLinear": ["given:y_zero_point"],
    "DequantizeLinear": ["given:x_zero_point"],
}
_PAD_MODES = "attribute:mode=constant|reflect|edge"
_INFERENCE = {"BatchNormalization": ["attribute:training_mode=0"]}
IMPORTERS = {
    "trt8.2": {
        **_QUANTIZE,
        "Conv": ["constant:B"],
        "ConvTranspose": ["constant:B"],
        "ReduceSum": ["constant:axes"],
        "Resize": ["constant:scales"],
        # Bounds and fill are read as float32, whatever their type.
        "Clip": ["type:min=FP32|INT32", "type:max=FP32|INT32"],
        "Pad": [_PAD_MODES, "type:constant_value=FP32"],
        # Takes the number of outputs from the bias.
        "Gemm": ["given:C"],
    },
    "trt8.5": {
        **_QUANTIZE,
        **_INFERENCE,
        "ReduceSum": ["constant:axes"],
        "Pad": [_PAD_MODES],
    },
    "trt8.6": {
        **_QUANTIZE,
        **_INFERENCE,
        "ReduceSum": ["constant:axes"],
        "Pad": [_PAD_MODES],
    },
    "trt10": _INFERENCE,
    "trt11": {},
}
# The changelog of 8.5 has uint8 inputs and outputs; its operators.md doesn't.
IO_TYPES = ["UINT8"]
CAST_SINCE = {"trt8.5": ["UINT8"]}

NAMES = {"FLOAT32": "FP32", "FLOAT16": "FP16", "BFLOAT16": "BF16"}
SLIPS = {"INF64": "INT64"}  # In ConstantOfShape's row of 10.1.


def rules_of(operator, prose):
    """Returns the rules for a cell of restrictions."""
    prose = prose.replace("`", "").replace("\\", "")
    rules = []
    for sentence in re.split(r"<br />|\.(?: |$)", prose):
        sentence = sentence.strip().rstrip(".")
        if not sentence:
            continue
        for pattern, found in PATTERNS:
            match = re.fullmatch(pattern, sentence)
            if match:
                break
        else:
            raise SystemExit(f"{operator}: no pattern for {sentence!r}")
        if found is None:
            found = [f"constant:{match[1]}"]
        elif isinstance(found, str):
            values = re.findall(r"\b(?!and\b)\w+", match[1])
            found = [f"attribute:{found}={'|'.join(values)}"]
        else:
            found = [match.expand(rule) for rule in found]
        rules += [rule for rule in found if rule not in rules]
    return rules


def types_of(cell):
    """Returns the types that a cell or sentence lists."""
    words = re.findall(r"[A-Z]+\d*", cell)
    return [NAMES.get(w, SLIPS.get(w, w)) for w in words]


def table_of(target, text):
    """Returns the table of one target."""
    version, commit, where, onnx_release = RELEASES[target]
    opsets = re.search(r"opset (\d+) to opset (\d+)|up to Opset (\d+)", text)
    # Before 10 the importer warns of opsets below 7.
    lowest, highest = int(opsets[1] or 7), int(opsets[2] or opsets[3])
    listed = re.search(r"following ONNX data types: (.*)", text)[1]
    data_types = types_of(listed.replace("and", ""))
    cast_down = {"DOUBLE": "FP32"}
    if "INT64" not in data_types:
        cast_down["INT64"] = "INT32"
        data_types.append("INT32")
    skipped = {*cast_down, *IO_TYPES}
    operators = {}
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("|") or not re.fullmatch(r"\w+", cells[0]):
            continue
        name, supported, types, prose = (*cells, "", "")[:4]
        if name == "Operator":
            continue
        if not supported.startswith("Y"):
            operators[name] = None
            continue
        types = types_of(types)
        if name == "Cast":
            types += CAST_SINCE.get(target, [])
        operators[name] = {"types": types, "rules": rules_of(name, prose)}
    versions = {row[0]: row[1] for row in helper.VERSION_TABLE}
    return {
        "tensorrt": version,
        "source": {
            "repository": REPOSITORY,
            "commit": commit,
            "at": where,
            "path": PATH,
            "importer": IMPORTER.get(target, "builtin_op_importers.cpp"),
        },
        "lowest_opset": lowest,
        "highest_opset": highest,
        "onnx": onnx_release,
        "highest_ir_version": versions[onnx_release],
        "data_types": [t for t in data_types if t not in skipped],
        "io_types": [] if target == "trt8.2" else IO_TYPES,
        "cast_down": cast_down,
        "operators": operators,
        "importer_rules": IMPORTERS[target],
    }


def dumps(tables):
    """Returns the tables as JSON, a line for each field and operator."""
    lines = []
    for target, table in tables.items():
        fields = []
        for key, value in table.items():
            if isinstance(value, dict) and key.startswith(("op", "im")):
                rows = ",\n".join(
                    f"      {json.dumps(name)}: {json.dumps(entry)}"
                    for name, entry in value.items()
                )
                rows = f"\n{rows}\n    " if rows else ""
                fields.append(f"    {json.dumps(key)}: {{{rows}}}")
            else:
                fields.append(f"    {json.dumps(key)}: {json.dumps(value)}")
        body = ",\n".join(fields)
        lines.append(f"  {json.dumps(target)}: {{\n{body}\n  }}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    """Writes the tables that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--git_dir", required=True, help="bare clone")
    parser.add_argument("--operators_md", action="append", default=[])
    parser.add_argument("--out", default=OUT)
    args = parser.parse_args()
    files = dict(item.split("=", 1) for item in args.operators_md)
    tables = {}
    for target, (_, commit, *_) in RELEASES.items():
        if target in files:
            text = pathlib.Path(files[target]).read_text()
        else:
            text = subprocess.run(
                ["git", f"--git-dir={args.git_dir}", "show",
                 f"{commit}:{PATH}"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout  # fmt: skip
        tables[target] = table_of(target, text)
        counts = [v is not None for v in tables[target]["operators"].values()]
        print(f"{target}: {sum(counts)} of {len(counts)} operators")
    pathlib.Path(args.out).write_text(dumps(tables))


if __name__ == "__main__":
    main()
