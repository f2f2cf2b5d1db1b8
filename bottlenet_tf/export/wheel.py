"""A wheel of the device's package, for programs that load `Head` or `Tail`.

`run.py` doesn't need it: its package is next to it.
"""

import base64
import hashlib
import zipfile

import bottlenet_tf

_NAME = "bottlenet_tf_runtime"
_METADATA = f"""\
Metadata-Version: 2.1
Name: {_NAME}
Version: {bottlenet_tf.__version__}
Summary: Heads and tails of networks that bottlenet_tf has split
Requires-Python: >=3.6
Requires-Dist: numpy
Requires-Dist: pillow
"""
_WHEEL = """\
Wheel-Version: 1.0
Generator: bottlenet_tf
Root-Is-Purelib: true
Tag: py3-none-any
"""
FILE_NAME = f"{_NAME}-{bottlenet_tf.__version__}-py3-none-any.whl"


def write(path, package):
    """Writes a package's folder as a wheel, the same bytes each time.

    Reference:
        The binary distribution format of packaging.python.org.
    """
    about = f"{_NAME}-{bottlenet_tf.__version__}.dist-info"
    files = {
        found.relative_to(package.parent).as_posix(): found.read_bytes()
        for found in sorted(package.rglob("*"))
        if found.is_file()
    }
    files[f"{about}/METADATA"] = _METADATA.encode()
    files[f"{about}/WHEEL"] = _WHEEL.encode()
    record = f"{about}/RECORD"
    rows = [
        f"{name},{_digest(data)},{len(data)}" for name, data in files.items()
    ]
    files[record] = "\n".join([*rows, f"{record},,", ""]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)  # With the date of all wheels.
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)


def _digest(data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={digest.decode().rstrip('=')}"
