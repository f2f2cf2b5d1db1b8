"""Energy meters behind one interface, `Meter.measure`."""

from bottlenet_tf.profiling.meters import ina3221, nvml, rapl
from bottlenet_tf.profiling.meters.base import (
    Constant,
    Counted,
    Meter,
    MeterError,
    Reading,
    Sampled,
    Unmetered,
)

__all__ = [
    "NAMES",
    "Constant",
    "Counted",
    "Meter",
    "MeterError",
    "Reading",
    "Sampled",
    "Unmetered",
    "choose",
]

NAMES = ("auto", "ina3221", "rapl", "nvml", "constant", "none")


def choose(name, *, power_w=None, rail=None, on_gpu=True, root="/"):
    """Returns the `Meter` of this name.

    Args:
        name: One of `NAMES`. "auto" takes the first of INA3221, RAPL and NVML
            that can be read, else the constant power, if one is given, else
            none; its `reason` says why.
        on_gpu: Whether the work may run on an NVIDIA GPU; if not, "auto"
            leaves out NVML, which would measure an idle GPU.
    """
    if name not in NAMES:
        raise ValueError(
            f"--meter must be one of {', '.join(NAMES)}. "
            f"Received: meter={name!r}"
        )
    openers = {
        "ina3221": lambda: ina3221.open_meter(root, rail),
        "rapl": lambda: rapl.open_meter(root),
        "nvml": nvml.open_meter,
    }
    if name in openers:
        return _opened(name, openers[name])
    if name == "none":
        return Unmetered("not requested")
    if name == "constant":
        if power_w is None:
            raise ValueError(
                "--meter=constant needs its power, --power_w. "
                "Received: power_w=None"
            )
        return Constant(power_w)
    if not on_gpu:
        del openers["nvml"]
    reasons = []
    for kind, open_meter in openers.items():
        try:
            return _opened(kind, open_meter)
        except MeterError as error:
            reasons.append(f"{kind}: {error}")
    if power_w is not None:
        return Constant(power_w)
    return Unmetered(" ".join(reasons))


def _opened(kind, open_meter):
    """Returns a meter; any error of its library becomes a MeterError."""
    try:
        return open_meter()
    except MeterError:
        raise
    except Exception as error:
        raise MeterError(
            f"the meter could not be opened ({type(error).__name__}: {error}). "
            f"Received: meter={kind!r}"
        ) from error
