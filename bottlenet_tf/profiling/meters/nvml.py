"""NVML: what an NVIDIA GPU takes, by its driver. The GPU alone."""

from bottlenet_tf.profiling.meters.base import Counted, MeterError, Sampled


def open_meter(index=0):
    """Returns the meter of one GPU: its energy counter, or its power.

    Volta and later count energy; of others the power is read.

    Args:
        index: Which GPU, in NVML's order.

    Raises:
        MeterError: if the library or the GPU is missing.
    """
    try:
        import pynvml
    except ImportError as error:
        raise MeterError(
            f"NVML needs its library, `pip install nvidia-ml-py` ({error})."
        ) from error
    try:
        pynvml.nvmlInit()
        gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
        name = pynvml.nvmlDeviceGetName(gpu)
    except pynvml.NVMLError as error:
        raise MeterError(
            f"NVML must find an NVIDIA GPU and its driver: {error}. "
            f"Received: index={index}"
        ) from error
    if isinstance(name, bytes):  # Of older versions.
        name = name.decode()
    name = f"NVML, GPU {index} ({name})"

    def asked(function):
        def ask():
            try:
                return function(gpu)
            except pynvml.NVMLError as error:
                raise MeterError(f"NVML must answer: {error}") from error

        return ask

    energy_mj = asked(pynvml.nvmlDeviceGetTotalEnergyConsumption)
    power_mw = asked(pynvml.nvmlDeviceGetPowerUsage)
    try:
        energy_mj()
    except MeterError:
        power_mw()
        return Sampled(f"{name}, power", lambda: power_mw() / 1e3)
    return Counted(f"{name}, energy counter", [(energy_mj, 1e-3, None)])
