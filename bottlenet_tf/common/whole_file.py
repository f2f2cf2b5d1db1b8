"""Files that are either complete or absent."""

import os
import pathlib
import tempfile


def write(path, data):
    """Writes bytes to a file; a crash leaves the old file or none.

    Its folder is created. Returns the `pathlib.Path` written.
    """
    path = pathlib.Path(path)
    if path.exists() and not path.is_file():  # A rename would replace a device.
        path.write_bytes(data)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic within a file system only.
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}."
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp lets only the owner read.
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise
    return path
