"""served.json: under which name and version servers hold a deployment."""

import json
import os
import re
from typing import NamedTuple

from bottlenet_tf.runtime import intact, routes

NAME = "served.json"
FORMAT = "bottlenet_tf.served.1"
# What goes into a URL and a folder's name as it stands.
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Served(NamedTuple):
    """What a server and its devices call a deployment.

    Attributes:
        model: Name of the served model that takes any of its payloads.
        version: Number of exactly these units; see
            `routes.deployment_version`.
        units: `{name: 32-bit identity}`.
        image_model: Name of the served model that takes image files; None if
            there is none.
        image_version: Its number, of exactly this unsplit network; None
            without it.
    """

    model: str
    version: int
    units: dict
    image_model: object = None
    image_version: object = None

    @property
    def models(self):
        """Dictionary of the versions by the names of the served models."""
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
    """Reads a folder's served.json.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it isn't what an export writes.
    """
    path = os.path.join(os.fspath(folder), NAME)
    intact.check(path)
    with open(path, encoding="utf-8") as file:
        try:
            content = json.load(file)
        except ValueError as error:
            raise ValueError(
                f"{path} must be JSON ({error}); it is damaged or only partly "
                "copied."
            ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(
            f"{path} must be a JSON object of format {FORMAT!r}, the one that "
            f"this version reads. Received: {str(content)[:100]}"
        )
    model, units = content.get("model"), content.get("units")
    if not isinstance(model, str) or not MODEL_NAME.fullmatch(model):
        raise ValueError(
            f"{path}: field 'model' must be a name of letters, digits, '.', "
            f"'_' and '-'. Received: model={model!r}"
        )
    if not isinstance(units, dict) or not units or not _are_ids(units):
        raise ValueError(
            f"{path}: field 'units' must be an object of names and 32-bit "
            f"identities, at least one. Received: units={units!r}"
        )
    found = of_units(model, units)
    if content.get("version") != found.version:
        raise ValueError(
            f"{path}: field 'version' must be that of its units, "
            f"{found.version}; the file was changed. "
            f"Received: version={content.get('version')!r}"
        )
    return found._replace(**_images(content, path))


def _images(content, path):
    """Returns the fields of the model of images; both None if none is told."""
    model, version = (
        content.get(name) for name in ("image_model", "image_version")
    )
    is_name = isinstance(model, str) and MODEL_NAME.fullmatch(model)
    is_number = type(version) is int and 0 < version <= 2**24
    if (model, version) != (None, None) and not (
        is_name and is_number and model != content["model"]
    ):
        raise ValueError(
            f"{path}: fields 'image_model' and 'image_version' must be null, "
            "or another model's name and its number. "
            f"Received: image_model={model!r}, image_version={version!r}"
        )
    return {"image_model": model, "image_version": version}


def _are_ids(units):
    return all(
        isinstance(number, int)
        and not isinstance(number, bool)
        and 0 <= number < 2**32
        for number in units.values()
    )
