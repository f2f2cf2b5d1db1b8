"""A folder that appears whole, or not at all."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import tempfile


def check_free(folder):
    """Raises ValueError unless `folder` is missing or empty."""
    folder = pathlib.Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            "--out must be a new or an empty folder, because an export "
            f"replaces nothing. Received: out={str(folder)!r}"
        )


@contextlib.contextmanager
def staged(folder):
    """Yields a temporary folder that becomes `folder` if all goes well.

    It lies beside `folder`, since a rename stays within a file system. After
    an error nothing is left of it.

    Raises:
        ValueError: if `folder` exists and is not empty.
    """
    folder = pathlib.Path(os.path.abspath(folder))
    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(
        tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.")
    )
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp lets only the owner in.
        check_free(folder)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def checksums(folder):
    """Returns `{relative path: SHA-256 (hex)}` of all files below."""
    folder = pathlib.Path(folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[path.relative_to(folder).as_posix()] = digest
    return found
