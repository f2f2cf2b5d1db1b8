"""Tests of files that are either whole or not there."""

import os

import pytest

from bottlenet_tf.common import whole_file


def test_only_files_are_replaced(tmp_path):
    path = whole_file.write(tmp_path / "new" / "a", b"old")
    assert whole_file.write(path, b"new").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")  # Devices are as little files as this.
    for other in (tmp_path / "pipe", tmp_path / "new"):
        with pytest.raises(OSError, match="A file must be written. Received"):
            whole_file.write(other, b"")
    assert not (tmp_path / "pipe").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "pipe"]
