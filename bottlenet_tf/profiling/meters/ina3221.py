"""INA3221: the power monitors on Jetson boards, through sysfs.

Two drivers expose it differently. JetPack 4 (`ina3221x`, below `iio:device*`):
`rail_name_N` and `in_powerN_input` in mW. JetPack 5 and later (`ina3221`, below
`hwmon/hwmon*`): `inN_label`, `inN_input` in mV and `currN_input` in mA.
"""

import pathlib

from bottlenet_tf.profiling.meters.base import MeterError, Sampled

# The rails that feed all of a module: TX2, Xavier NX and Orin NX; the Nano.
TOTALS = ("VDD_IN", "POM_5V_IN")


def open_meter(root="/", rail=None):
    """Returns the meter of a rail.

    Args:
        rail: Name of a rail, or several joined by "+", whose powers are added;
            None for the board's one of `TOTALS`. A Xavier AGX or Orin AGX has
            none of them, and no rail that feeds all.
    """
    rails = find_rails(root)
    if not rails:
        raise MeterError(
            "An INA3221 must be below /sys/bus/i2c/devices, as on a Jetson. "
            f"Received: none below {root!r}"
        )
    if rail is None:
        wanted = [name for name in TOTALS if name in rails][:1]
    else:
        wanted = rail.split("+")
    missing = [name for name in wanted if name not in rails]
    if not wanted or missing:
        raise MeterError(
            "--rail must name rails of this board, joined by '+', unless it "
            f"has {' or '.join(TOTALS)}. Received: rail={rail!r}, of "
            f"{', '.join(sorted(rails))}"
        )
    reads = [rails[name] for name in wanted]
    return Sampled(
        f"INA3221, rail {'+'.join(wanted)}",
        lambda: sum(read() for read in reads),
    )


def find_rails(root="/"):
    """Returns `{name: function that returns watts}` of all rails.

    Addresses differ between boards, so all of the I2C bus is searched.
    """
    rails = {}
    devices = pathlib.Path(root) / "sys/bus/i2c/devices"
    for device in sorted(devices.glob("*")):
        if "ina3221" not in _text(device / "name"):
            continue
        for folder in sorted(device.glob("iio:device*")):
            rails.update(_iio(folder))
        for folder in sorted(device.glob("hwmon/hwmon*")):
            rails.update(_hwmon(folder))
    return rails


def _iio(folder):
    for label in sorted(folder.glob("rail_name_*")):
        number = label.name.removeprefix("rail_name_")
        power = folder / f"in_power{number}_input"
        if power.exists():
            yield _text(label), lambda power=power: _number(power) / 1e3


def _hwmon(folder):
    for label in sorted(folder.glob("in*_label")):
        number = label.name.removeprefix("in").removesuffix("_label")
        voltage = folder / f"in{number}_input"
        current = folder / f"curr{number}_input"
        # The channel of the sum of shunt voltages isn't a rail.
        if "shunt" not in _text(label) and current.exists():
            # mV times mA are microwatts.
            yield (
                _text(label),
                lambda v=voltage, c=current: _number(v) * _number(c) / 1e6,
            )


def _text(path):
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _number(path):
    return int(path.read_text(encoding="utf-8"))
