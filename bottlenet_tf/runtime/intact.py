"""Files of a deployment, checked against the SHA-256 in its manifests.

`manifest.json` of the deployment lists every file. Each folder that may be
copied alone (`edge`, `cloud`, a served version) has its own. The nearest at or
above a file decides; a file that it doesn't list, such as an engine built here,
passes.
"""

import hashlib
import json
import os

MANIFEST = "manifest.json"
SEAL = "seal"  # SHA-256 of a manifest with `BLANK` in its place.
BLANK = "0" * 64
_MARKS = b"bottlenet_tf.", b'"seal"'  # Every manifest of ours has one.
_MOST_ABOVE = 8
_REMEDY = (
    "it was changed or damaged since the export. Copy the complete folder of "
    "the export again, or export again."
)


def file_sha256(path):
    """Returns a file's SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def check(*paths):
    """Raises an error if files differ from the export; missing ones pass."""
    known = {}
    for path in paths:
        if not os.path.isfile(path):
            continue
        path = os.path.abspath(path)
        folder = os.path.dirname(path)
        if folder not in known:
            known[folder] = _nearest(folder)
        root, digests = known[folder]
        _compare(path, digests.get(_relative(path, root)))


def check_tree(folder, suffix="", passed_over=()):
    """Checks all listed files below a folder, as `check` does.

    Those named in `passed_over` may be changed.
    """
    folder = os.path.abspath(folder)
    root, digests = _nearest(folder)
    for name, wanted in digests.items():
        path = os.path.join(root, *name.split("/"))
        inside = path.startswith(os.path.join(folder, ""))
        if not inside or not name.endswith(suffix) or not os.path.isfile(path):
            continue
        if os.path.basename(path) not in passed_over:
            _compare(path, wanted)


def check_program():
    """Checks the Python files of the deployment that contains this package."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    check_tree(os.path.dirname(package), ".py")


def _compare(path, wanted):
    if wanted is None:
        return
    received = file_sha256(path)
    if received != wanted:
        raise ValueError(
            f"{os.path.basename(path)} must be the exported file; {_REMEDY} "
            f"Received: SHA-256 {received}, exported {wanted}, path={path!r}"
        )


def _relative(path, root):
    return os.path.relpath(path, root).replace(os.sep, "/")


def _nearest(folder):
    """Returns the folder of the nearest manifest and its SHA-256 by path."""
    for _ in range(_MOST_ABOVE):
        path = os.path.join(folder, MANIFEST)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                data = file.read()
            if any(mark in data for mark in _MARKS):
                return folder, _digests(data, path)
        folder = os.path.dirname(folder)
    return folder, {}


def _digests(data, path):
    try:
        content = json.loads(data.decode("utf-8"))
        # Manifests of earlier versions have no seal.
        seal, found = content.get(SEAL), dict(content["sha256"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{MANIFEST} must be as exported; {_REMEDY} Received: "
            f"{type(error).__name__}: {error}, path={path!r}"
        ) from None
    if seal is not None:
        blank = data.replace(str(seal).encode("utf-8"), BLANK.encode(), 1)
        if hashlib.sha256(blank).hexdigest() != seal:
            raise ValueError(
                f"{MANIFEST} must be the exported file; {_REMEDY} Received: "
                f"path={path!r}"
            )
    return found
