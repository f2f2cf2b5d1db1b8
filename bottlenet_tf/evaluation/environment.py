"""What a figure was measured on: versions, processor, accelerator."""

import os
import pathlib
import platform

import keras
import numpy as np
import PIL
import tensorflow as tf

import bottlenet_tf


def versions():
    """Returns `{name: version}` of what decides a measurement."""
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
        "cpu": _cpu_model(),
        "cores": cores(),
        "gpus": [gpu.get("device_name", "unnamed GPU") for gpu in details],
    }


def _cpu_model():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # Not Linux.
        text = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        # Intel and AMD say "model name", a Jetson's Linux "Processor" too.
        if key.strip() in ("model name", "Processor") and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def cores():
    """Returns how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # A container may have fewer.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
