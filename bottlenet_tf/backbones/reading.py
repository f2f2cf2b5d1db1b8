"""Reads `.keras` files, with a one-sentence error for unreadable ones."""

import json
import pathlib
import re
import zipfile

import keras

H5 = (
    "load it by keras.saving.load_model, or build the network and "
    "load_weights, and save it as .keras"
)
_HDF5 = b"\x89HDF"


def read(path):
    """Returns the Keras model of a `.keras` file."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such .keras file. Received: name={str(path)!r}"
        )
    with path.open("rb") as file:
        is_hdf5 = file.read(len(_HDF5)) == _HDF5
    if is_hdf5:
        raise _unreadable(path, f"it is an .h5 file; {H5}")
    if not zipfile.is_zipfile(path):
        # Keras would say that there is no such file.
        raise _unreadable(path, "it isn't a zip archive")
    if _version(path).startswith("2"):
        raise _unreadable(
            path,
            "Keras 2 wrote it, whose files Keras 3 can't read; build the "
            "network in Keras 3, copy its weights by get_weights and "
            "set_weights, and save that",
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras passes on any error of its parts.
        raise _unreadable(path, _reason(error)) from error


def _version(path):
    """Returns the version of Keras that wrote a file; empty if unknown."""
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("metadata.json"))
        return str(about["keras_version"])
    except (KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile):
        return ""


def _reason(error):
    """Returns Keras' error in a sentence, with a remedy if one is known."""
    text = " ".join(str(error).split())
    unknown = re.search(r"Could not locate (?:class|function) '([^']+)'", text)
    if unknown:
        return (
            f"{unknown[1]!r} isn't one of Keras' own: --import=FILE.py names "
            "a file that defines or imports it"
        )
    if "lambda" in text.lower():
        return (
            "it has a Lambda layer, which is code inside the file; write it as "
            "a layer class, and name its file by --import"
        )
    return text if len(text) <= 200 else text[:200] + " ..."


def _unreadable(path, reason):
    return ValueError(
        "The file must be a complete .keras model that Keras 3 can read: "
        f"{reason}. Received: name={str(path)!r}"
    )
