"""Tests of files that are either whole or not there."""

import os

import pytest

from bottlenet_tf.common import whole_file


def test_a_file_is_replaced(tmp_path):
    path = whole_file.write(tmp_path / "new" / "a", b"old")
    assert whole_file.write(path, b"new").read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_pipe_or_device_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    whole_file.write(pipe, b"content")
    assert os.read(reader, 100) == b"content" and pipe.is_fifo()
    os.close(reader)


def test_a_folder_is_refused_and_stays(tmp_path):
    with pytest.raises(OSError, match=tmp_path.name):
        whole_file.write(tmp_path, b"content")
    assert tmp_path.is_dir()
