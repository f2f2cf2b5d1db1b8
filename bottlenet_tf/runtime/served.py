"""served.json: under which name and version servers hold a deployment."""

import json
import os
import re
from typing import NamedTuple

from bottlenet_tf.runtime import routes

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
    """

    model: str
    version: int
    units: dict

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
    return found


def _are_ids(units):
    return all(
        isinstance(number, int)
        and not isinstance(number, bool)
        and 0 <= number < 2**32
        for number in units.values()
    )
