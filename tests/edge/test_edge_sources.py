"""Where images come from: nothing twice, nothing half, nothing forgotten."""

import os
import sys
import types

import numpy as np
import pytest

from bottlenet_tf.edge import sources
from bottlenet_tf.edge.sources import SourceError, Watched


def names(items):
    return [os.path.basename(item.name) for item in items]


def test_folders_are_sorted_and_files_stay_in_order(tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png"):
        (folder / name).write_bytes(b"x")
    (folder / "z.png").mkdir()
    items = sources.files([str(tmp_path / "last.gif"), str(folder)])
    assert names(items) == ["last.gif", "a.JPG", "b.png"]
    assert items[0].image == str(tmp_path / "last.gif")


def test_a_folder_without_images_is_reported(tmp_path):
    with pytest.raises(SourceError, match="must contain images"):
        sources.files([str(tmp_path)])


class Folder:
    """A watched folder whose time passes as the test says."""

    def __init__(self, path):
        self.path, self.now = path, 0.0
        self.watched = Watched(str(path), lambda: False, lambda: self.now)

    def look(self, after_s=0.0):
        self.now += after_s
        return [os.path.basename(path) for path in self.watched._look()]

    def write(self, name, data, mode="wb"):
        with open(self.path / name, mode) as file:
            file.write(data)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_a_file_is_taken_once_it_is_steady_and_only_once(folder):
    folder.write("a.png", b"half")
    assert folder.look() == []
    assert folder.look(0.2) == []
    folder.write("a.png", b" more", "ab")
    assert folder.look(0.2) == []  # 0.4 s old, but changed just now.
    assert folder.look(0.2) == []
    assert folder.look(0.15) == ["a.png"]
    assert folder.look(5.0) == []


def test_a_file_that_is_moved_in_is_taken(folder):
    folder.write("a.png.part", b"whole")
    assert folder.look() == folder.look(1.0) == []
    os.rename(folder.path / "a.png.part", folder.path / "a.png")
    assert folder.look() == []
    assert folder.look(0.31) == ["a.png"]


def test_an_empty_file_waits_for_its_bytes(folder):
    folder.write("a.png", b"")
    assert folder.look() == folder.look(9.0) == []
    folder.write("a.png", b"x")
    assert folder.look() == []
    assert folder.look(0.31) == ["a.png"]


def test_a_file_that_is_written_anew_is_a_new_image(folder):
    folder.write("a.png", b"one")
    folder.look()
    assert folder.look(0.31) == ["a.png"]
    folder.write("a.png", b"another")
    assert folder.look() == []
    assert folder.look(0.31) == ["a.png"]


def test_what_cannot_be_read_is_given_time_once(folder):
    folder.write("a.png", b"half")
    folder.look()
    assert folder.look(0.31) == ["a.png"]
    item = sources.Item("a.png", str(folder.path / "a.png"))
    assert folder.watched.retry(item)
    assert folder.look(2.0) == []
    assert folder.look(0.7) == ["a.png"]  # 3.01 s old.
    assert not folder.watched.retry(item)
    assert folder.look(9.0) == []


def test_a_half_that_is_completed_is_taken_soon_after(folder):
    folder.write("a.png", b"half")
    folder.look()
    folder.look(0.31)
    item = sources.Item("a.png", str(folder.path / "a.png"))
    assert folder.watched.retry(item)
    folder.write("a.png", b" more", "ab")
    assert folder.look(0.1) == []
    assert folder.look(0.31) == ["a.png"]


def test_what_has_gone_is_forgotten(folder):
    folder.write("a.png", b"one")
    folder.look()
    folder.look(0.31)
    os.remove(folder.path / "a.png")
    folder.look()
    assert folder.watched._seen == {}


def test_the_oldest_comes_first(folder):
    for name, seconds in (("a.png", 300), ("b.png", 100), ("c.png", 200)):
        folder.write(name, b"x")
        os.utime(folder.path / name, (seconds, seconds))
    folder.look()
    assert folder.look(0.31) == ["b.png", "c.png", "a.png"]


def test_a_watched_folder_that_is_removed_is_reported(folder):
    folder.path.rmdir()
    with pytest.raises(SourceError, match="can't be read"):
        folder.look()


class Capture:
    """OpenCV's camera: two frames, then nothing."""

    opened = True
    released = 0

    def __init__(self, name):
        self.name, self.left = name, 2

    def isOpened(self):
        return self.opened

    def set(self, *_):
        return False

    def read(self):
        self.left -= 1
        if self.left < 0:
            return False, None
        return True, np.full((2, 2, 3), (1, 2, 3), np.uint8)

    def release(self):
        Capture.released += 1


@pytest.fixture
def cv2(monkeypatch):
    module = types.SimpleNamespace(
        VideoCapture=Capture,
        CAP_PROP_BUFFERSIZE=38,
        COLOR_BGR2RGB=4,
        cvtColor=lambda frame, code: frame[..., ::-1],
    )
    monkeypatch.setitem(sys.modules, "cv2", module)
    monkeypatch.setattr(Capture, "released", 0)


def test_frames_are_rgb_and_numbered_until_the_camera_fails(cv2):
    frames = sources.camera("0", lambda: False)
    first, second = next(frames), next(frames)
    assert (first.name, second.name) == (
        "camera 0, frame 1", "camera 0, frame 2",
    )  # fmt: skip
    assert first.image[0, 0].tolist() == [3, 2, 1]
    with pytest.raises(SourceError, match="no more frames"):
        next(frames)
    assert Capture.released == 1


def test_a_camera_is_released_when_the_program_ends(cv2):
    frames = sources.camera("/dev/video7", lambda: False)
    next(frames)
    frames.close()
    assert Capture.released == 1
    assert list(sources.camera("0", lambda: True)) == []


def test_a_camera_that_is_not_there_is_reported(cv2, monkeypatch):
    monkeypatch.setattr(Capture, "opened", False)
    with pytest.raises(SourceError, match="'3' can't be opened"):
        next(sources.camera("3", lambda: False))


def test_a_camera_without_opencv_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SourceError, match="needs OpenCV: install"):
        next(sources.camera("0", lambda: False))
