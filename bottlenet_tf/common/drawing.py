"""Pictures beside figures: one that fails must not take these along."""

import contextlib
import sys


@contextlib.contextmanager
def optional(path):
    """Turns whatever drawing raises into a warning that names the picture.

    Args:
        path: The picture's file, or its name.
    """
    try:
        yield
    except Exception as error:  # Fonts, styles, a full disk: whatever it is.
        print(
            f"Warning: {path} could not be drawn; the figures are written all "
            f"the same. {type(error).__name__}: {error}",
            file=sys.stderr,
        )
