"""Pictures of figures: one that fails must not lose the figures."""

import contextlib
import sys


@contextlib.contextmanager
def optional(path):
    """Turns any error of drawing into a warning that names the picture."""
    try:
        yield
    except Exception as error:  # Fonts, styles, a full disk: anything.
        print(
            f"Warning: {path} could not be drawn; the figures are written "
            f"anyway. {type(error).__name__}: {error}",
            file=sys.stderr,
        )
