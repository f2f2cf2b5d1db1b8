"""Where patches of many images wait between passes and a closed form."""

import tempfile

import numpy as np


class Rows:
    """An array that grows by rows: in memory, or in an unnamed file.

    A context manager, which closes the file.

    Args:
        folder: Of the file; None for memory.
    """

    def __init__(self, folder):
        self._parts, self._file, self._shape = [], None, None
        if folder is not None:
            self._file = tempfile.TemporaryFile(dir=folder)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._file is not None:
            self._file.close()

    def add(self, rows):
        """Adds float32 `(rows, ...)`."""
        if self._file is None:
            self._parts.append(rows)
            return
        self._shape = rows.shape[1:]
        self._file.write(np.ascontiguousarray(rows, np.float32).data)

    def all(self):
        """Returns all rows, once."""
        if self._file is None:
            return np.concatenate(self._parts)
        self._file.seek(0)
        return np.fromfile(self._file, np.float32).reshape(-1, *self._shape)
