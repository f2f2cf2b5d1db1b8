"""Sources of images: files, a watched folder, a camera."""

import os
import time
from typing import NamedTuple

from bottlenet_tf.runtime.forms import EXTENSIONS, is_image_name

_POLL_S = 0.1
# Longer than most pauses of a writer; a file that is unreadable then may be in
# a longer one.
STEADY_S, PATIENT_S = 0.3, 3.0


class Item(NamedTuple):
    """One image: its path, or the frame's name, and what is to be prepared."""

    name: str
    image: object


class SourceError(Exception):
    """A source has no images, or no more."""


def files(paths):
    """Returns the `Item`s of image files, and of those in folders, sorted."""
    found = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        inside = sorted(entry.path for entry in _images(path))
        if not inside:
            raise SourceError(
                "the folder {!r} must contain images ({})".format(
                    path, ", ".join(EXTENSIONS)
                )
            )
        found += inside
    return [Item(path, path) for path in found]


def _images(folder):
    """Returns the directory entries of a folder's image files."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if _is_image(entry)]
    except OSError as error:
        raise SourceError(
            "the folder {!r} can't be read: {}".format(folder, error)
        ) from None


def _is_image(entry):
    try:
        return is_image_name(entry.name) and entry.is_file()
    except OSError:  # It is gone.
        return False


class Watched:
    """The images of a folder, existing ones and those that appear.

    A file is read once its size and time of change have been the same for
    `STEADY_S` and it isn't empty. A rewritten one is a new image. One that is
    unreadable then gets `PATIENT_S` by `retry`.
    """

    def __init__(self, folder, stopped, clock=time.monotonic):
        self._folder, self._stopped, self._clock = folder, stopped, clock
        # By path: size and time, since when, for how long it must stay so; None
        # once it was read.
        self._seen = {}

    def __iter__(self):
        while not self._stopped():
            ready = self._look()
            for path in ready:
                if self._stopped():
                    return
                yield Item(path, path)
            if not ready:
                time.sleep(_POLL_S)

    def _look(self):
        """Returns the paths that are ready, the oldest first."""
        now, seen, ready = self._clock(), {}, []
        for entry in _images(self._folder):
            try:
                about = os.stat(entry.path)
            except OSError:  # It is gone.
                continue
            state = about.st_size, about.st_mtime_ns
            before = self._seen.get(entry.path)
            since_s, needed_s = now, STEADY_S
            if before is not None and before[0] == state:
                _, since_s, needed_s = before
            is_due = needed_s is not None and now - since_s >= needed_s
            if is_due and about.st_size > 0:
                ready.append((about.st_mtime_ns, entry.path))
                needed_s = None
            seen[entry.path] = state, since_s, needed_s
        self._seen = seen  # Without removed files, so that it doesn't grow.
        return [path for _, path in sorted(ready)]

    def retry(self, item):
        """Returns whether an unreadable item will come again.

        It does if it has changed recently, and so may be half-written.
        """
        state, since_s, _ = self._seen[item.image]
        if self._clock() - since_s >= PATIENT_S:
            return False
        self._seen[item.image] = state, since_s, PATIENT_S
        return True


def camera(name, stopped):
    """Yields a camera's frames, RGB, as fast as they are used.

    `name` is its number, or another source for OpenCV.
    """
    try:
        import cv2
    except ImportError:
        raise SourceError(
            "--camera needs OpenCV: install python3-opencv or "
            "opencv-python-headless"
        ) from None
    opened = cv2.VideoCapture(int(name) if name.isdigit() else name)
    try:
        if not opened.isOpened():
            raise SourceError("camera {!r} can't be opened".format(name))
        # Otherwise old frames would be answered for new ones; not all drivers
        # obey.
        opened.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        number = 0
        while not stopped():
            is_there, frame = opened.read()
            if not is_there:
                raise SourceError(
                    "camera {!r} gives no more frames".format(name)
                )
            number += 1
            yield Item(
                "camera {}, frame {}".format(name, number),
                cv2.cvtColor(frame, cv2.COLOR_BGR2RGB),
            )
    finally:
        opened.release()
