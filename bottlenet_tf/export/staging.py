"""A folder that appears complete, or not at all."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import tempfile

from bottlenet_tf.runtime import unit_file


def check_free(folder, overwrite=False):
    """Raises ValueError unless a rename can make `folder`.

    It must be missing or an empty folder, or, with `overwrite`, an earlier
    deployment. Links are followed. Mount points are refused, because they can't
    be replaced, and the current directory, because a shell would stay in the
    old one.
    """
    path = pathlib.Path(os.path.realpath(folder))
    reason = None
    if path.is_symlink():  # Only a link in a loop is still a link.
        reason = "this link points to itself"
    elif path.exists() and not path.is_dir():
        reason = "this is a file"
    elif path.exists() and path.samefile(os.curdir):
        reason = "this is the current directory"
    elif os.path.ismount(path):
        reason = "this is a mount point; name a folder in it"
    elif path.exists() and any(path.iterdir()):
        is_deployment = _is_deployment(path)
        if not overwrite:
            reason = "this folder has content"
            if is_deployment:
                reason = "this is a deployment, which --overwrite replaces"
        elif not is_deployment:
            reason = "this folder has content and isn't a deployment"
    if reason:
        raise ValueError(
            "--out must be a new or an empty folder, because an export "
            f"replaces only deployments, with --overwrite; {reason}. Received: "
            f"out={str(folder)!r}"
        )


def _is_deployment(folder):
    try:
        text = (folder / unit_file.MANIFEST).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return unit_file.MANIFEST_FORMAT in text


@contextlib.contextmanager
def staged(folder, overwrite=False):
    """Yields a temporary folder that becomes `folder` if all goes well.

    It is next to `folder`, since a rename stays within a file system. After an
    error it is removed, with parents created for it. So are those of killed
    processes.
    """
    check_free(folder, overwrite)
    folder = pathlib.Path(os.path.realpath(folder))
    created = [p for p in folder.parents if not p.exists()]
    temporary = handle = replaced = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear_killed(folder)
        temporary = pathlib.Path(
            tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.")
        )
        # Until this process ends, in any way.
        handle = os.open(temporary, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield temporary
        temporary.chmod(0o755)  # mkdtemp gives access only to the owner.
        check_free(folder, overwrite)
        if overwrite and folder.exists():
            replaced = temporary.with_name(f"{temporary.name}.old")
            folder.rename(replaced)
        temporary.rename(folder)  # Replaces an empty folder.
        if replaced is not None:
            shutil.rmtree(replaced, ignore_errors=True)
    except BaseException:
        if replaced is not None and not folder.exists():
            replaced.rename(folder)
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        for parent in created:
            with contextlib.suppress(OSError):  # Others may use it now.
                parent.rmdir()
        raise
    finally:
        if handle is not None:
            os.close(handle)


def _clear_killed(folder):
    """Removes the temporary folders of killed exports to `folder`."""
    name = re.compile(rf"\.{re.escape(folder.name)}\.[a-z0-9_]{{8}}")
    for path in folder.parent.iterdir():
        # Named as by mkdtemp; a process still writing holds the lock.
        if not name.fullmatch(path.name) or path.is_symlink():
            continue
        if not path.is_dir() or path.stat().st_mode & 0o777 != 0o700:
            continue
        with contextlib.suppress(FileNotFoundError, PermissionError):
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
                print(f"Removed files of a killed export: {path}")
            except BlockingIOError as error:
                raise ValueError(
                    "One export at a time writes to a folder; wait for the "
                    "other, or name another --out. "
                    f"Received: out={str(folder)!r}, in use"
                ) from error
            finally:
                os.close(handle)


def checksums(folder):
    """Returns `{relative path: SHA-256 (hex)}` of all files below."""
    folder = pathlib.Path(folder)
    return {
        path.relative_to(folder).as_posix(): unit_file.file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
