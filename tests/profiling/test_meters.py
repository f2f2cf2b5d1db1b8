"""Energy meters on fake sysfs trees and a stand-in for NVML.

They check what is read and how it is added up. They cannot show that a real
board shows its counters in this way.
"""

import sys
import time
import types

import pytest

from bottlenet_tf.profiling import meters
from bottlenet_tf.profiling.meters import MeterError, base, ina3221, rapl


class Clock:
    """Replaces `time.perf_counter`: stands until it is moved."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(base.time, "perf_counter", clock)
    return clock


def write(root, files):
    for path, value in files.items():
        path = root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


@pytest.fixture
def jetpack4(tmp_path):
    """A TX2's: two monitors, whose drivers name themselves ina3221x."""
    first = "sys/bus/i2c/devices/0-0040"
    second = "sys/bus/i2c/devices/0-0041"
    write(
        tmp_path,
        {
            "sys/bus/i2c/devices/0-0050/name": "24c02",
            f"{first}/name": "ina3221x",
            f"{first}/iio:device0/rail_name_0": "VDD_SYS_GPU",
            f"{first}/iio:device0/in_power0_input": "190",
            f"{first}/iio:device0/rail_name_1": "VDD_SYS_SOC",
            f"{first}/iio:device0/in_power1_input": "570",
            f"{second}/name": "ina3221x",
            f"{second}/iio:device1/rail_name_0": "VDD_IN",
            f"{second}/iio:device1/in_power0_input": "4200",
        },
    )
    return tmp_path


@pytest.fixture
def jetpack5(tmp_path):
    """An Orin's: millivolts and milliamperes, and a sum that is no rail."""
    folder = "sys/bus/i2c/devices/1-0040"
    hwmon = f"{folder}/hwmon/hwmon3"
    write(
        tmp_path,
        {
            f"{folder}/name": "ina3221",
            f"{hwmon}/in1_label": "VDD_IN",
            f"{hwmon}/in1_input": "5000",
            f"{hwmon}/curr1_input": "800",
            f"{hwmon}/in2_label": "VDD_SOC",
            f"{hwmon}/in2_input": "5000",
            f"{hwmon}/curr2_input": "200",
            f"{hwmon}/in7_label": "sum of shunt voltages",
            f"{hwmon}/in7_input": "12",
            f"{hwmon}/curr7_input": "12",
        },
    )
    return tmp_path


def test_jetpack_4_shows_milliwatts(jetpack4):
    rails = ina3221.find_rails(jetpack4)
    assert {name: read() for name, read in rails.items()} == {
        "VDD_SYS_GPU": 0.19,
        "VDD_SYS_SOC": 0.57,
        "VDD_IN": 4.2,
    }


def test_jetpack_5_shows_millivolts_and_milliamperes(jetpack5):
    rails = ina3221.find_rails(jetpack5)
    assert {name: read() for name, read in rails.items()} == {
        "VDD_IN": 4.0,
        "VDD_SOC": 1.0,
    }


@pytest.mark.parametrize("board, watts", [("jetpack4", 4.2), ("jetpack5", 4.0)])
def test_the_rail_that_feeds_all_is_taken(board, watts, clock, request):
    meter = ina3221.open_meter(request.getfixturevalue(board))

    def work():
        clock.now += 2.0
        return "done"

    result, reading = meter.measure(work)
    assert result == "done"
    assert reading.joules == pytest.approx(2 * watts)
    assert reading.seconds == 2.0
    assert reading.power_mw == pytest.approx(1e3 * watts)
    assert "INA3221, rail VDD_IN" in meter.name


def test_rails_are_added_as_asked(jetpack4, clock):
    meter = ina3221.open_meter(jetpack4, "VDD_SYS_GPU+VDD_SYS_SOC")
    _, reading = meter.measure(lambda: setattr(clock, "now", 101.0))
    assert reading.joules == pytest.approx(0.76)
    assert "VDD_SYS_GPU+VDD_SYS_SOC" in meter.name


def test_an_unknown_rail_is_answered_with_those_there_are(jetpack5):
    with pytest.raises(MeterError, match="rail='GPU', of VDD_IN, VDD_SOC"):
        ina3221.open_meter(jetpack5, "GPU")


def test_a_board_without_a_total_needs_a_rail(jetpack5):
    label = jetpack5 / "sys/bus/i2c/devices/1-0040/hwmon/hwmon3/in1_label"
    label.write_text("VDD_GPU_SOC\n")
    with pytest.raises(MeterError, match="rail=None, of VDD_GPU_SOC, VDD_SOC"):
        ina3221.open_meter(jetpack5)


def test_a_rail_that_stops_answering_is_an_error(jetpack5):
    folder = jetpack5 / "sys/bus/i2c/devices/1-0040/hwmon/hwmon3"
    meter = ina3221.open_meter(jetpack5)
    with pytest.raises(MeterError, match="must answer.*VDD_IN"):
        meter.measure((folder / "curr1_input").unlink)


def test_power_in_between_counts_by_the_trapezoid():
    readings = iter([(100.0, 2.0), (101.0, 6.0), (105.0, 4.0)])
    last = []

    def read():
        last[:] = next(readings, last)
        return tuple(last)

    meter = base.Sampled("test", None, period_s=1e-3)
    meter._read = read
    # (2 + 6) / 2 * 1 + (6 + 4) / 2 * 4 = 24 J.
    _, reading = meter.measure(lambda: wait_for(lambda: last[0] == 105.0))
    assert reading.joules == pytest.approx(24.0)
    assert reading.seconds == pytest.approx(5.0)


@pytest.fixture
def packages(tmp_path):
    """Two processors; domains within and around them, which don't count."""
    folder = "sys/class/powercap"
    names = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
        "intel-rapl-mmio:0": "package-0",
    }
    for domain, name in names.items():
        write(
            tmp_path,
            {
                f"{folder}/{domain}/name": name,
                f"{folder}/{domain}/energy_uj": 900_000,
                f"{folder}/{domain}/max_energy_range_uj": 1_000_000,
            },
        )
    return tmp_path


def _count(root, package, microjoules):
    folder = root / f"sys/class/powercap/intel-rapl:{package}"
    # At once, as sysfs does: a reader must not see an empty file.
    new = folder / "new"
    new.write_text(f"{microjoules}\n")
    new.replace(folder / "energy_uj")


def test_packages_are_added_and_nothing_within_them(packages, clock):
    meter = rapl.open_meter(packages)

    def work():
        clock.now += 0.5
        _count(packages, 0, 950_000)
        _count(packages, 1, 930_000)

    _, reading = meter.measure(work)
    assert reading.joules == pytest.approx(0.08)
    assert reading.power_mw == pytest.approx(160.0)
    assert meter.name == "RAPL, package-0 + package-1"


def test_a_counter_that_begins_again_is_followed(packages, clock):
    meter = rapl.open_meter(packages)
    # 900,000 to 1,000,000, then from 0 to 20,000: 120,000 microjoules.
    _, reading = meter.measure(lambda: _count(packages, 0, 20_000))
    assert reading.joules == pytest.approx(0.12)


def test_a_counter_that_begins_again_often_is_followed_by_the_thread(packages):
    meter = rapl.open_meter(packages)
    meter._period_s = 1e-3
    seen = []
    value = meter._value

    def spied():
        seen.append(value())
        return seen[-1]

    meter._value = spied

    def work():
        for microjoules in (100_000, 50_000, 10_000):
            _count(packages, 0, microjoules)
            wait_for(lambda: seen[-1][0] == microjoules)

    # 0.2, 0.95 and 0.96 J: three times past the range.
    _, reading = meter.measure(work)
    assert reading.joules == pytest.approx(0.2 + 0.95 + 0.96)


def test_a_counter_without_range_must_not_run_backwards():
    values = iter([5, 3])
    meter = base.Counted("test", [(lambda: next(values), 1.0, None)])
    with pytest.raises(MeterError, match="backwards.*5 before 3"):
        meter.measure(lambda: None)


def test_what_is_root_s_alone_says_what_to_do(packages, monkeypatch):
    real = rapl.pathlib.Path.read_text

    def read_text(path, *args, **kwargs):
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(rapl.pathlib.Path, "read_text", read_text)
    with pytest.raises(MeterError, match="run as root, or `sudo chmod"):
        rapl.open_meter(packages)


def test_a_failing_thread_stops_nothing_but_is_reported(packages):
    counter = packages / "sys/class/powercap/intel-rapl:0/energy_uj"
    meter = rapl.open_meter(packages)
    meter._period_s = 1e-3
    done = []

    def work():
        counter.unlink()
        wait_for(lambda: meter._error is not None)
        counter.write_text("950000")
        done.append(True)

    with pytest.raises(MeterError, match="must answer while it measures"):
        meter.measure(work)
    assert done


def test_work_that_fails_leaves_no_thread(packages):
    meter = rapl.open_meter(packages)

    def work():
        raise KeyError("work")

    before = base.threading.active_count()
    with pytest.raises(KeyError):
        meter.measure(work)
    assert base.threading.active_count() == before


class FakeNvml(types.ModuleType):
    """pynvml with one GPU, that has an energy counter or has none."""

    class NVMLError(Exception):
        """NVML's own."""

    def __init__(self, counts, gpus=1):
        super().__init__("pynvml")
        self.energy_mj = 5_000
        self._counts, self._gpus = counts, gpus

    def nvmlInit(self):
        if not self._gpus:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByIndex(self, index):
        return ("gpu", index)

    def nvmlDeviceGetHandleByUUID(self, uuid):
        return ("gpu", uuid)

    def nvmlDeviceGetName(self, gpu):
        return b"Test GPU"

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu):
        if not self._counts:
            raise self.NVMLError("Not Supported")
        return self.energy_mj

    def nvmlDeviceGetPowerUsage(self, gpu):
        return 70_000


def test_nvml_counts_millijoules(monkeypatch, clock):
    nvml = FakeNvml(counts=True)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    meter = meters.choose("nvml")

    def work():
        clock.now += 0.5
        nvml.energy_mj += 40_000

    _, reading = meter.measure(work)
    assert reading.joules == pytest.approx(40.0)
    assert reading.power_mw == pytest.approx(80_000.0)
    assert meter.name == "NVML, GPU 0 (Test GPU), energy counter"


def test_nvml_without_counter_is_sampled(monkeypatch, clock):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(counts=False))
    meter = meters.choose("nvml")
    _, reading = meter.measure(lambda: setattr(clock, "now", 103.0))
    assert reading.joules == pytest.approx(210.0)
    assert "power, read every" in meter.name


def test_nvml_without_gpu_or_library_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(True, gpus=0))
    with pytest.raises(MeterError, match="Driver Not Loaded"):
        meters.choose("nvml")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(MeterError, match="pip install nvidia-ml-py"):
        meters.choose("nvml")


def test_whatever_a_probe_raises_is_a_reason(monkeypatch, tmp_path):
    nvml = FakeNvml(True)
    # As pynvml decodes a name under WSL.
    nvml.nvmlDeviceGetName = lambda gpu: b"NVIDIA \xe9".decode()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    meter = meters.choose("auto", root=tmp_path)
    assert meter.name == "none"
    assert "nvml: " in meter.reason and "UnicodeDecodeError" in meter.reason
    with pytest.raises(MeterError, match="UnicodeDecodeError"):
        meters.choose("nvml")


@pytest.mark.parametrize(
    ("visible", "gpu"), [("2,0", 2), ("GPU-12ab", "GPU-12ab"), (None, 0)]
)
def test_nvml_measures_the_first_visible_gpu(monkeypatch, visible, gpu):
    nvml, asked = FakeNvml(True), []
    nvml.nvmlDeviceGetName = lambda handle: asked.append(handle) or b"Test"
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert f"GPU {gpu} " in meters.choose("nvml").name
    assert asked == [("gpu", gpu)]


def test_nvml_measures_no_hidden_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(True))
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        with pytest.raises(MeterError, match="names none"):
            meters.choose("nvml")


def test_a_counter_that_stands_still_is_unknown(packages, clock):
    meter = rapl.open_meter(packages)
    _, reading = meter.measure(lambda: setattr(clock, "now", 101.0))
    assert reading.joules is None and reading.power_mw is None


def test_a_constant_power_is_said_to_be_supposed(clock):
    meter = meters.choose("constant", power_w=7.5)
    _, reading = meter.measure(lambda: setattr(clock, "now", 102.0))
    assert reading == (15.0, 2.0)
    assert meter.name == "constant 7.5 W, assumed, not measured"


def test_no_meter_gives_no_power(clock):
    meter = meters.choose("none")
    result, reading = meter.measure(lambda: 3)
    assert (result, reading.power_mw, meter.name) == (3, None, "none")
    assert meter.reason == "not requested"


def test_auto_prefers_the_board_to_the_processor(jetpack5, packages):
    assert jetpack5 == packages  # One tree.
    assert "INA3221" in meters.choose("auto", root=packages).name


def test_auto_falls_back_in_order(packages, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(True))
    empty = tmp_path / "empty"
    assert "RAPL" in meters.choose("auto", root=packages).name
    assert "NVML" in meters.choose("auto", root=empty).name
    cpu = meters.choose("auto", root=empty, on_gpu=False)
    assert cpu.name == "none" and cpu.reason.startswith("ina3221: ")
    assert "rapl: " in cpu.reason and "nvml" not in cpu.reason
    supposed = meters.choose("auto", root=empty, on_gpu=False, power_w=3)
    assert supposed.name.startswith("constant 3 W")


def test_a_meter_that_was_asked_for_must_be_there(tmp_path):
    for name, message in (("ina3221", "Jetson"), ("rapl", "powercap")):
        with pytest.raises(MeterError, match=message):
            meters.choose(name, root=tmp_path)


def test_bad_choices_are_refused():
    with pytest.raises(ValueError, match="auto, ina3221.*'solar'"):
        meters.choose("solar")
    with pytest.raises(ValueError, match="--power_w"):
        meters.choose("constant")
