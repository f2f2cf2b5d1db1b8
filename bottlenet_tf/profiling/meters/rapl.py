"""RAPL: the energy counters of Intel and AMD processors, through powercap.

Linux shows AMD's at the same path, `/sys/class/powercap/intel-rapl:N`.
"""

import pathlib

from bottlenet_tf.profiling.meters.base import Counted, MeterError


def open_meter(root="/"):
    """Returns the meter of all processor packages, added.

    A package is a processor with its cores and caches; memory is another
    domain and isn't counted, nor is the rest of the machine.
    """
    folder = pathlib.Path(root) / "sys/class/powercap"
    names, counters = [], []
    try:
        for domain in sorted(folder.glob("intel-rapl:*")):
            name = (domain / "name").read_text(encoding="utf-8").strip()
            # Others are inside a package (core, dram) or around it (psys).
            if name.startswith("package"):
                counter = domain / "energy_uj"
                _number(counter)
                size = _number(domain / "max_energy_range_uj")
                counters.append((lambda c=counter: _number(c), 1e-6, size))
                names.append(name)
    except PermissionError as error:
        raise MeterError(
            f"RAPL's counters are readable only by root ({error}): run as "
            "root, or `sudo chmod a+r "
            "/sys/class/powercap/intel-rapl:*/energy_uj` until the next boot."
        ) from error
    except (OSError, ValueError) as error:
        raise MeterError(f"RAPL must be readable: {error}") from error
    if not counters:
        raise MeterError(
            "RAPL must show a package below /sys/class/powercap; most virtual "
            f"machines have none. Received: none below {root!r}"
        )
    return Counted(f"RAPL, {' + '.join(names)}", counters)


def _number(path):
    return int(path.read_text(encoding="utf-8"))
