"""Networks one behind the other, called as one."""

import numpy as np

from bottlenet_tf.runtime.engines import fits


class Chain:
    """Runs engines in turn, each on the output of the one before.

    It has what an engine of `engines.open_engine` has: `inputs`, `outputs`
    and `channels_first`.

    Args:
        engines: At least one engine, all of one layout. All but the last have
            one output, all but the first have one input, of its shape.

    Raises:
        ValueError: if they don't fit together.
    """

    def __init__(self, engines):
        self._engines = list(engines)
        first, last = self._engines[0], self._engines[-1]
        self.inputs, self.outputs = first.inputs, last.outputs
        self.channels_first = first.channels_first
        for before, after in zip(self._engines, self._engines[1:]):
            _check_fit(before, after)

    def __call__(self, arrays):
        for before, after in zip(self._engines, self._engines[1:]):
            (feature,) = before(arrays).values()
            (name,) = after.inputs
            arrays = {name: np.ascontiguousarray(feature)}
        return self._engines[-1](arrays)


def _check_fit(before, after):
    given, taken = list(before.outputs.values()), list(after.inputs.values())
    if (
        len(given) != 1
        or len(taken) != 1
        or before.channels_first != after.channels_first
        or not fits(taken[0], given[0])
    ):
        raise ValueError(
            "A network's parts must fit together, each one's output the next "
            "one's input; files of different exports may have been mixed. "
            f"Received: outputs {before.outputs}, then inputs {after.inputs}"
        )
