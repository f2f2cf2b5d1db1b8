"""The surroundings of a measurement: versions, processor, accelerator."""

import os
import platform

import keras
import numpy as np
import PIL
import tensorflow as tf

import bottlenet_tf
from bottlenet_tf.runtime import machine


def versions():
    """Returns `{name: version}` of the software behind a measurement."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "bottlenet_tf": bottlenet_tf.__version__,
    }


def hardware():
    """Returns the processor's model, its usable cores and the GPUs' names."""
    details = (
        tf.config.experimental.get_device_details(gpu)
        for gpu in tf.config.list_physical_devices("GPU")
    )
    return {
        "cpu": machine.cpu_model(),
        "cores": cores(),
        "gpus": [gpu.get("device_name", "unnamed GPU") for gpu in details],
    }


def cores():
    """Returns the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # A container may have fewer.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
