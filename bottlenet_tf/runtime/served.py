"""served.json: a deployment's name and version on servers."""

import os
import re
from typing import NamedTuple

from bottlenet_tf.common.checks import is_whole
from bottlenet_tf.runtime import fields, routes

NAME = "served.json"
FORMAT = "bottlenet_tf.served.1"
# Names that need no escaping in a URL or a folder's name.
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Served(NamedTuple):
    """A deployment's name on a server.

    Attributes:
        model: Name of the served model that takes any of its payloads.
        version: Number of exactly these units; see
            `routes.deployment_version`.
        units: `{name: 32-bit identity}`.
        image_model, image_version: The same for the served model that takes
            image files, of exactly this unsplit network; None if there is none.
    """

    model: str
    version: int
    units: dict
    image_model: object = None
    image_version: object = None

    @property
    def models(self):
        """Versions by the names of the served models, a dictionary."""
        found = {self.model: self.version}
        if self.image_model is not None:
            found[self.image_model] = self.image_version
        return found

    def content(self):
        """Returns the content of served.json."""
        return {"format": FORMAT, **self._asdict()}


def of_units(model, units):
    """Returns the `Served` of units, `{name: 32-bit identity}`."""
    version = routes.deployment_version(units.values())
    return Served(model, version, dict(units))


def is_beside(folder):
    """Whether a deployment folder, or its `edge`, has a served.json."""
    folder = os.fspath(folder)
    places = (folder, os.path.join(folder, "edge"))
    return any(os.path.isfile(os.path.join(p, NAME)) for p in places)


def read(folder):
    """Reads a folder's served.json."""
    path = os.path.join(os.fspath(folder), NAME)
    content = fields.read(path, _RULES, ("image_model", "image_version"))
    found = of_units(content["model"], content["units"])
    if content["version"] != found.version:
        raise ValueError(
            f"{path}: field 'version' must be that of its units, "
            f"{found.version}; the file was changed. "
            f"Received: version={content['version']!r}"
        )
    model, version = content.get("image_model"), content.get("image_version")
    if (model is None) != (version is None) or model == found.model:
        raise ValueError(
            f"{path}: fields 'image_model' and 'image_version' must be null, "
            "or another model's name and its number. "
            f"Received: image_model={model!r}, image_version={version!r}"
        )
    return found._replace(image_model=model, image_version=version)


def _is_model(value):
    return isinstance(value, str) and bool(MODEL_NAME.fullmatch(value))


def _are_units(value):
    return (
        isinstance(value, dict)
        and value != {}
        and all(is_whole(each, most=2**32 - 1) for each in value.values())
    )


_NAME_RULE = "a name of letters, digits, '.', '_' and '-'"
_RULES = (
    fields.format_rule(FORMAT),
    ("model", _NAME_RULE, _is_model),
    (
        "units",
        "an object of names and 32-bit identities, at least one",
        _are_units,
    ),
    ("version", "a number", is_whole),
    (
        "image_model",
        f"null, or {_NAME_RULE}",
        lambda value: value is None or _is_model(value),
    ),
    (
        "image_version",
        "null, or the number of 'image_model'",
        lambda value: value is None or is_whole(value, 1, 2**24),
    ),
)
