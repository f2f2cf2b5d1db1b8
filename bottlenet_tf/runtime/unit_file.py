"""unit.json: the properties that head and tail of a deployment share."""

import hashlib
import os
from typing import NamedTuple

from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.common.checks import is_list_of, is_text, is_whole
from bottlenet_tf.runtime import fields, intact
from bottlenet_tf.runtime.intact import file_sha256
from bottlenet_tf.runtime.outputs import OUTPUTS

FORMAT = "bottlenet_tf.unit.3"  # Heads of format 2 took the operating point.
NAME = "unit.json"
# Name of a file next to the folders `edge` and `cloud`.
MANIFEST = intact.MANIFEST
MANIFEST_FORMAT = "bottlenet_tf.deployment.1"
ENGINE = ".engine"  # Built where it runs, from the .onnx file next to it.


class UnitFile(NamedTuple):
    """The content of one unit.json; `read` checks it.

    Attributes:
        format: `PayloadFormat` of its payloads.
        image_size: Side of the square image that the head takes, in pixels.
        resize: Length of the shorter side before the centre crop.
        classes: Class names, in the order of the logits.
        sha256: `{file name: SHA-256}` of the network files next to it.
        default_point: Index of the default operating point.
        takes_point: Whether the tail takes the operating point as its input
            "point". The head then computes coefficients, the same for all
            points, from which `gains.Gains` computes codes.
        segments: Names of the network's parts before the unit's own, which is
            then an encoder; empty if it has its own head.
        output: One of `outputs.OUTPUTS`.
    """

    name: str
    format: PayloadFormat
    image_size: int
    resize: int
    classes: tuple
    sha256: dict
    default_point: int = 0
    takes_point: bool = False
    segments: tuple = ()
    output: str = "softmax"

    @property
    def part(self):
        """Prefix of the names of the unit's own network files."""
        return "encoder" if self.segments else "head"

    @property
    def points(self):
        """Values of the operating points, in order; see `Codec.points`."""
        return self.format.points


def codec_sha256(message):
    """Returns the SHA-256 of the constants that a codec leaves out."""
    constant = message.codec.constant_bytes(message.shape)
    return hashlib.sha256(constant).hexdigest()


def check_network(unit, path):
    """Raises an error unless a network file is the exported one.

    Another export's file may have the same shapes, and answers would be wrong.
    An engine is identified by the SHA-256 of its graph, which `build_head.sh`
    and the like write next to it.

    Args:
        unit: `UnitFile` or `whole.WholeFile`; a file without a SHA-256 in it or
            in a manifest passes.
        path: The network file; a missing one passes.
    """
    name = os.path.basename(path)
    if name.endswith(ENGINE):
        graph = name[: -len(ENGINE)] + ".onnx"
        advice = "build it here with build_{}.sh".format(name[: -len(ENGINE)])
    else:
        graph, advice = name, "copy the complete folder of one export"
    wanted = unit.sha256.get(graph)
    if wanted is None or not os.path.isfile(path):
        return intact.check(path)
    received = None
    if graph == name:
        received = file_sha256(path)
    elif os.path.isfile(path + ".sha256"):
        with open(path + ".sha256", encoding="ascii", errors="replace") as file:
            received = file.read(100).strip()
    if received != wanted:
        raise ValueError(
            f"{name} must be, or be built from, the {graph} that {unit.name!r} "
            f"was exported with, or answers would be silently wrong: {advice}. "
            f"Received: SHA-256 {received}, exported {wanted}, path={path!r}"
        )


def find_folder(folder, side, name=NAME):
    """Returns the folder of one side's unit.json, or of another file.

    Args:
        folder: The deployment folder, or its `edge` or `cloud` folder, which
            may have been copied alone.
    """
    folder = os.fspath(folder)
    for candidate in (folder, os.path.join(folder, side)):
        if os.path.isfile(os.path.join(candidate, name)):
            return candidate
    inside = sorted(os.listdir(folder)) if os.path.isdir(folder) else ()
    runs = [
        run for run in inside
        if os.path.isfile(os.path.join(folder, run, side, name))
    ]  # fmt: skip
    several = ""
    if runs:
        several = " It contains several runs, each in its own folder; name "
        several += f"one of them: {', '.join(runs)}."
    raise FileNotFoundError(
        f"A deployment folder must contain {name}, itself or in its folder "
        f"{side}, because that file describes the deployment.{several} "
        f"Received: folder={folder!r}"
    )


def read(path):
    """Returns the `UnitFile` of a unit.json."""
    content = read_fields(path, _RULES, _OPTIONAL)
    return UnitFile(
        content["name"],
        _payload_format(content, path),
        content["image_size"],
        content["resize"],
        tuple(content["classes"]),
        content.get("sha256", {}),
        content["default_point"],
        content["takes_point"],
        tuple(content.get("segments", ())),
        content.get("output", "softmax"),
    )


def read_fields(path, rules, optional=()):
    """Returns a network's file as `fields.read` does; see `IMAGE_RULES`."""
    content = fields.read(path, rules, optional)
    if content["resize"] < content["image_size"]:
        raise ValueError(
            f"{path}: field 'resize' must be at least 'image_size', because "
            "the crop is cut from the resized image. "
            f"Received: resize={content['resize']}, "
            f"image_size={content['image_size']}"
        )
    return content


def _payload_format(content, path):
    codec = content["codec"]
    try:
        codec = create_codec(codec["name"], **codec["config"])
        # It also checks the shape for the codec: the rest has passed.
        message = PayloadFormat(
            content["unit_id"],
            tuple(content["code_shape"]),
            codec,
            content["sends_range"],
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: field 'codec' must be a codec of this version, with "
            f"its parameters, that takes codes of 'code_shape': {error}"
        ) from error
    points = list(message.points)
    if points != content["points"]:
        raise ValueError(
            f"{path}: field 'points' must list the codec's operating points, "
            f"{points}. Received: points={content['points']}"
        )
    if content["default_point"] >= len(points):
        raise ValueError(
            f"{path}: field 'default_point' must be an index of 'points'. "
            f"Received: default_point={content['default_point']}, "
            f"{len(points)} points"
        )
    if content["takes_point"] and None in points:
        raise ValueError(
            f"{path}: field 'points' must be numbers if the tail takes them. "
            f"Received: points={points}"
        )
    received = codec_sha256(message)
    wanted = content.get("codec_sha256", received)
    if received != wanted:
        raise ValueError(
            f"{path}: this machine's {codec.name} library must produce the "
            "export's tables and headers, because payloads leave them out and "
            "every one would be refused: install another Pillow or "
            f"imagecodecs. Received: SHA-256 {received}, by 'codec_sha256' "
            f"{wanted}"
        )
    return message


def _is_size(value):
    return is_whole(value, 1)


def _is_bool(value):
    return isinstance(value, bool)


def _is_shape(value):
    return is_list_of(_is_size, value) and len(value) in (1, 3)


def _is_codec(value):
    return (
        isinstance(value, dict)
        and is_text(value.get("name"))
        and isinstance(value.get("config"), dict)
    )


def _is_segment(name):
    return is_text(name) and name.replace("_", "").isalnum()


def _are_digests(value):
    return isinstance(value, dict) and all(map(is_text, value.values()))


# Rules on a network's images, answers and files.
IMAGE_RULES = (
    ("name", "a string that isn't empty", is_text),
    ("image_size", "a positive number of pixels", _is_size),
    ("resize", "a positive number of pixels", _is_size),
    (
        "classes",
        "a list of class names, at least one",
        lambda value: is_list_of(is_text, value),
    ),
    ("sha256", "an object {file name: hexadecimal SHA-256}", _are_digests),
    ("output", "softmax or sigmoid", lambda value: value in OUTPUTS),
)
_RULES = (
    fields.format_rule(FORMAT),
    (
        "unit_id",
        "an integer that fits 32 unsigned bits",
        lambda value: is_whole(value, most=2**32 - 1),
    ),
    ("code_shape", "[h, w, c] or [n], positive integers", _is_shape),
    ("sends_range", "true or false", _is_bool),
    ("codec", 'an object {"name": ..., "config": {...}}', _is_codec),
    (
        "points",
        "a list of operating points, at least one",
        lambda value: isinstance(value, list) and value != [],
    ),
    ("default_point", "the index of an operating point", is_whole),
    ("takes_point", "true or false", _is_bool),
    ("codec_sha256", "a hexadecimal SHA-256", is_text),
    (
        "segments",
        "a list of names of letters and digits",
        lambda value: value == [] or is_list_of(_is_segment, value),
    ),
) + IMAGE_RULES
# An export writes them; a file written by hand may lack them.
_OPTIONAL = ("sha256", "codec_sha256", "segments", "output")
