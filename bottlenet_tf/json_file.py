"""JSON files that are either whole or not there."""

import json
import os
import pathlib
import tempfile


def write_json(path, value):
    """Writes `value` to `path`; a crash leaves the old file or none.

    Args:
        path: File to write; its folder is created.
        value: What `json` can write, without NaN or infinities.

    Returns:
        The `pathlib.Path` written.

    Raises:
        ValueError: if `value` holds NaN or an infinity, which JSON lacks.
    """
    path = pathlib.Path(path)
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic within a file system only.
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}."
    )
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp lets only the owner read.
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise
    return path
