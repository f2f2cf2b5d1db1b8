"""gains.npy: turns a head's coefficients into codes at an operating point."""

import numpy as np

NAME = "gains.npy"


class Gains:
    """Computes codes, at any operating point, from one run of a head.

    codes = clip(round(coefficients * gains[point]))

    Clipped to -m .. m with m the largest code that travels, or 0 .. m if none
    is negative: any coefficient can be sent. The server doesn't need gains.

    Args:
        table: float32 `(points, *code_shape)`, positive and finite.
        form: `PayloadFormat` of the codes.
    """

    def __init__(self, table, form):
        shape = (len(form.points),) + form.shape
        if table.shape != shape or table.dtype != np.float32:
            raise ValueError(
                f"Gains must be float32 of shape {shape}, one for each "
                "operating point and code. "
                f"Received: shape={table.shape}, dtype={table.dtype}"
            )
        if not (np.isfinite(table).all() and (table > 0).all()):
            raise ValueError(
                "Gains must be positive and finite, or codes would have no "
                f"information on an image. Received: smallest={table.min()}, "
                f"largest={table.max()}"
            )
        self._table = table
        self._dtype = form.codec.code_dtype
        limits = np.iinfo(self._dtype)
        self._limits = max(limits.min, -limits.max), limits.max

    def codes(self, coefficients, point):
        """Returns one image's codes, of the codec's type."""
        with np.errstate(over="ignore"):  # Infinite values are clipped.
            scaled = np.rint(coefficients * self._table[point])
        if np.isnan(scaled).any():
            raise ValueError(
                "Coefficients must be numbers; the head's file is not the "
                f"exported one. Received: {np.isnan(scaled).sum()} of "
                f"{scaled.size} are NaN"
            )
        return np.clip(scaled, *self._limits).astype(self._dtype)


def read(path, form):
    """Returns the `Gains` of a file for a `PayloadFormat`."""
    with open(path, "rb") as file:
        try:
            # Unlike `np.load`, it takes no other kind of file.
            table = np.lib.format.read_array(file, allow_pickle=False)
            return Gains(table, form)
        except ValueError as error:
            raise ValueError(
                f"{path} must contain the gains of its unit.json: {error}"
            ) from error
