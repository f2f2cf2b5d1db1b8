"""unit.json: what the head and the tail of one deployment agree on."""

import json
import os
from typing import NamedTuple

from bottlenet_tf.codec import PayloadFormat, create_codec

FORMAT = "bottlenet_tf.unit.1"
NAME = "unit.json"


class UnitFile(NamedTuple):
    """The content of one unit.json; `read` checks it.

    Attributes:
        name: What the deployment is called.
        format: `PayloadFormat` of its payloads.
        image_size: Side of the square image that the head takes, in pixels.
        resize: Length of the shorter side before the centre crop.
        classes: Class names, in the order of the logits.
    """

    name: str
    format: PayloadFormat
    image_size: int
    resize: int
    classes: tuple


def find_folder(folder, side):
    """Returns the folder that holds one side's unit.json.

    Args:
        folder: The deployment folder, or its `edge` or `cloud` folder, which
            may have been copied away alone.
        side: "edge" or "cloud".

    Raises:
        FileNotFoundError: if neither holds a unit.json.
    """
    folder = os.fspath(folder)
    for candidate in (folder, os.path.join(folder, side)):
        if os.path.isfile(os.path.join(candidate, NAME)):
            return candidate
    raise FileNotFoundError(
        f"A deployment folder must hold {NAME}, itself or in its folder "
        f"{side}, because that file says what is deployed. "
        f"Received: folder={folder!r}"
    )


def read(path):
    """Reads and checks a unit.json.

    Fields that this version doesn't know are passed over.

    Returns:
        `UnitFile`.

    Raises:
        OSError: if the file cannot be read.
        ValueError: naming file and field, if it isn't what an export writes.
    """
    with open(path, encoding="utf-8") as file:
        try:
            content = json.load(file)
        except ValueError as error:  # Also of bytes that are no UTF-8.
            raise ValueError(
                f"{path} must be JSON ({error}); it is damaged or only partly "
                "copied."
            ) from None
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} must hold a JSON object. "
            f"Received: type={type(content).__name__}"
        )
    for field, rule, is_valid in _RULES:
        if field not in content:
            raise ValueError(
                f"{path} must have the field {field!r}, {rule}. "
                f"Received: fields {sorted(content)}"
            )
        if not is_valid(content[field]):
            raise ValueError(
                f"{path}: field {field!r} must be {rule}. "
                f"Received: {field}={content[field]!r}"
            )
    if content["resize"] < content["image_size"]:
        raise ValueError(
            f"{path}: field 'resize' must be at least 'image_size', because "
            "the crop is cut from the resized image. "
            f"Received: resize={content['resize']}, "
            f"image_size={content['image_size']}"
        )
    return UnitFile(
        content["name"],
        _payload_format(content, path),
        content["image_size"],
        content["resize"],
        tuple(content["classes"]),
    )


def _payload_format(content, path):
    codec = content["codec"]
    try:
        codec = create_codec(codec["name"], **codec["config"])
        # Its check of the shape is the codec's too: the rest has passed.
        return PayloadFormat(
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


def _is_text(value):
    return isinstance(value, str) and bool(value)


def _is_whole(value, low):
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and value >= low


def _is_shape(value):
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(_is_whole(side, 1) for side in value)
    )


def _is_codec(value):
    return (
        isinstance(value, dict)
        and _is_text(value.get("name"))
        and isinstance(value.get("config"), dict)
    )


def _are_classes(value):
    return isinstance(value, list) and value and all(map(_is_text, value))


# Field, what it must be, and whether a value is that. The format comes first:
# another one may have other fields.
_RULES = (
    (
        "format",
        f"{FORMAT!r}, the one that this version reads",
        lambda value: value == FORMAT,
    ),
    ("name", "a string that isn't empty", _is_text),
    (
        "unit_id",
        "an integer that fits 32 unsigned bits",
        lambda value: _is_whole(value, 0) and value < 2**32,
    ),
    ("code_shape", "three positive integers, [h, w, c]", _is_shape),
    (
        "sends_range",
        "true or false",
        lambda value: isinstance(value, bool),
    ),
    ("codec", 'an object {"name": ..., "config": {...}}', _is_codec),
    (
        "image_size",
        "a positive number of pixels",
        lambda value: _is_whole(value, 1),
    ),
    (
        "resize",
        "a positive number of pixels",
        lambda value: _is_whole(value, 1),
    ),
    ("classes", "a list of class names, at least one", _are_classes),
)
