"""NVML: energy or power of only an NVIDIA GPU, by its driver."""

import os

from bottlenet_tf.profiling.meters.base import Counted, MeterError, Sampled


def open_meter():
    """Returns the meter of the GPU in use: its energy counter, or its power.

    Volta and later count energy; for others the power is read. The GPU is the
    first of CUDA_VISIBLE_DEVICES, by UUID or by NVML's index, which is CUDA's
    with CUDA_DEVICE_ORDER=PCI_BUS_ID; without that, GPU 0.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    gpu_id = visible.split(",")[0].strip()
    is_index = gpu_id.isdecimal()
    if not is_index and not gpu_id.startswith(("GPU-", "MIG-")):
        raise MeterError(
            "NVML measures the first GPU of CUDA_VISIBLE_DEVICES, which names "
            f"none. Received: CUDA_VISIBLE_DEVICES={visible!r}"
        )
    try:
        import pynvml
    except ImportError as error:
        raise MeterError(
            f"NVML needs its library, `pip install nvidia-ml-py` ({error})."
        ) from error
    try:
        pynvml.nvmlInit()
        if is_index:
            gpu = pynvml.nvmlDeviceGetHandleByIndex(int(gpu_id))
        else:
            gpu = pynvml.nvmlDeviceGetHandleByUUID(gpu_id)
        name = pynvml.nvmlDeviceGetName(gpu)
    except pynvml.NVMLError as error:
        raise MeterError(
            f"NVML must find an NVIDIA GPU and its driver: {error}. "
            f"Received: CUDA_VISIBLE_DEVICES={visible!r}"
        ) from error
    if isinstance(name, bytes):  # In older versions.
        name = name.decode()
    name = f"NVML, GPU {gpu_id} ({name})"

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
