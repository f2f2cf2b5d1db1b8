"""Rules on several settings at once, and the error that shows their values."""

import dataclasses
import re

from bottlenet_tf.common.settings import Settings, flag_name
from bottlenet_tf.common.validation import check


class RuledSettings(Settings):
    """`Settings` with rules on several fields."""

    def rules(self):
        """Yields `(whether it holds, rule)`.

        A rule is a sentence such as "--resize must be at least --image_size.",
        and the error shows the values of the flags that it names.
        """
        return ()

    def check_together(self):
        for holds, rule in self.rules():
            if not holds:
                values = _values(self)
                named = re.findall(r"--(\w+)", rule)
                shown = {n: values[n] for n in named if n in values}
                check(False, rule, **shown)


def _values(config):
    """Returns `{flag: value}` of a configuration and of those it contains."""
    own, held = {}, {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            held |= _values(value)
        else:
            own[flag_name(field)] = value
    return held | own
