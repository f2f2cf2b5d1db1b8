"""Measures the parts of splits on this machine and writes the profile.

For each split and side, a separate process runs the parts; for each load, as
many more processes run the same side meanwhile. This process only reads the
energy meter then.
"""

import dataclasses
import datetime
import importlib.metadata
import os
import pathlib
import platform
import sys
import tempfile

import numpy as np
from tqdm import tqdm

from bottlenet_tf.profiling import (
    jobs,
    meters,
    pictures,
    profile_file,
    targets,
)
from bottlenet_tf.profiling.config import PARTS, SIDES
from bottlenet_tf.profiling.jobs import Job
from bottlenet_tf.profiling.profiles import Profile, Row, Split
from bottlenet_tf.profiling.table import markdown_table
from bottlenet_tf.runtime import machine, runtimes, unit_file, whole
from bottlenet_tf.runtime.unit_file import find_folder

_LIBRARIES = (
    "bottlenet_tf", "numpy", "onnxruntime", "onnxruntime-gpu",
    "ai-edge-litert", "tensorrt", "tensorflow", "keras",
)  # fmt: skip


def run(config):
    """Measures and writes one profile; returns the `Profile`."""
    if os.path.lexists(config.out):
        raise ValueError(
            "--out must be a new file, because profiles are not overwritten. "
            f"Received: out={config.out!r}"
        )
    found = _find(config)
    runtime = _runtime(config, found)
    meter = meters.choose(
        config.meter,
        power_w=config.power_w,
        rail=config.rail,
        on_gpu=runtime in ("keras", "tensorrt") or config.tail_device != "cpu",
    )
    with tempfile.TemporaryDirectory() as folder:
        measurement = _Measurement(config, found, runtime, meter, folder)
        profile = measurement.run()
    profile_file.write(profile, config.out)
    print(f"\n{markdown_table(profile)}\n\nProfile: {config.out}")
    return profile


class _Measurement:
    """One profile, part by part."""

    def __init__(self, config, found, runtime, meter, folder):
        self.config = config
        self.targets = found
        self.runtime = runtime
        self.meter = meter
        self.folder = pathlib.Path(folder)
        self.splits, self.rows, self.reasons = [], [], {}
        self.whole_memory_mb = None

    def run(self):
        """Measures everything; returns the `Profile`."""
        config = self.config
        self._save_images()
        if self.meter.reason is not None:
            self.reasons["power_mw"] = self.meter.reason
        plan = [(target, self._sides(target)) for target in self.targets]
        sides = [side for _, found in plan for side in found]
        wholes = self._whole_jobs(set(sides))
        if not sides and not wholes:
            raise ValueError(
                "There must be something to measure. Received: sides="
                f"{config.sides}, {self.reasons}"
            )
        parts = sum(len(PARTS[side]) for side in sides) + len(wholes)
        with tqdm(
            total=parts * len(config.loads), unit="part", dynamic_ncols=True
        ) as self.bar:
            for target, found in plan:
                self._measure_split(target, found)
            for job in wholes:
                self._measure_whole(job)
        return self._profile()

    def _measure_split(self, target, sides):
        memory, payloads = {}, ()
        job = self._job(target, "device")
        if sides:
            with jobs.process() as pool:
                self.bar.set_description(f"{target.name} opens")
                payloads = pool.submit(jobs.payloads, job).result()
                if "device" in sides:
                    memory["device"] = self._measure(target.name, job, pool)
        if "server" in sides:
            job = dataclasses.replace(job, side="server", payloads=payloads)
            memory["server"] = self._measure(target.name, job)
        num_bytes = None
        if payloads and "payload_bytes" not in self.reasons:  # No noise.
            num_bytes = float(np.mean([len(payload) for payload in payloads]))
        self.splits.append(
            Split(
                name=target.name,
                point=target.point,
                layer=target.layer,
                feature_shape=tuple(target.feature_shape),
                head_macs=target.head_macs,
                tail_macs=target.tail_macs,
                head_memory_mb=memory.get("device"),
                tail_memory_mb=memory.get("server"),
                payload_bytes=num_bytes,
            )
        )

    def _measure_whole(self, job):
        """Measures the unsplit network, which may be too large for a device.

        An error is recorded as a reason, unless there is nothing else to write.
        """
        try:
            memory = self._measure("", job)
        except Exception as error:  # Each runtime has its own errors.
            if not self.rows:
                raise
            self.reasons[job.side] = (
                f"it failed here: {type(error).__name__}: {error}"
            )
            return
        if job.side == "whole":
            self.whole_memory_mb = memory

    def _measure(self, name, job, pool=None):
        """Adds the rows of a job; returns its process's memory in MB."""
        if pool is None:
            with jobs.process() as pool:
                return self._measure(name, job, pool)
        for load in self.config.loads:
            with jobs.competing(load, jobs.all_parts, job):
                for part in PARTS[job.side]:
                    what = f"{name} {part}, load {load}".strip()
                    self.bar.set_description(what)
                    self.rows.append(self._row(pool, job, name, part, load))
                    self.bar.update()
        return pool.submit(jobs.peak_memory_mb).result()

    def _row(self, pool, job, name, part, load):
        config = self.config
        pool.submit(jobs.warm_up, job, part, config.warmup).result()

        def work():
            return pool.submit(
                jobs.time_part, job, part, config.repeats, config.seconds
            ).result()

        times, reading = self.meter.measure(work)
        if reading.joules is None and self.meter.reason is None:
            self.reasons["power_mw"] = f"{self.meter.name} did not change"
        return Row(name, part, load, *times, reading.power_mw)

    def _sides(self, target):
        """Returns the sides of a split that can be measured."""
        sides = [s for s in self.config.sides if s != "whole"]
        for side, folder, reason in (
            ("device", "edge", "is missing"),
            ("server", "cloud", "is missing"),
            ("server", "edge", "is missing, whose head makes the payloads"),
        ):
            if target.folder and side in sides and not target.has(folder):
                sides.remove(side)
                self.reasons[f"{target.name}, {' and '.join(SIDES[side])}"] = (
                    f"the folder {folder!r} {reason}"
                )
        return sides

    def _whole_jobs(self, sides):
        """Returns the jobs of the unsplit network that can be run here.

        A device runs it like the head, a server like the tail: two jobs if
        these differ and `sides`, a set, has both or neither.
        """
        job = self._job(self.targets[0], "whole")
        if self.config.deploy is None:
            return [job]
        as_head = dataclasses.replace(job, device="cpu")
        as_tail = dataclasses.replace(job, runtime="onnx")
        wanted = [as_tail if sides == {"server"} else as_head]
        if len(sides) != 1 and as_tail != as_head:
            wanted.append(dataclasses.replace(as_tail, side="served"))
        found = []
        for each in wanted:
            try:
                whole.find(each.whole, each.runtime)
                found.append(each)
            except (FileNotFoundError, ImportError) as error:
                self.reasons[each.side] = str(error)
        return found

    def _job(self, target, side):
        return Job(
            side,
            str(self.folder / "images.npy"),
            folder=target.folder or "",
            workdir=target.workdir or "",
            whole=target.whole or "",
            runtime=self.runtime,
            device=self.config.tail_device,
            threads=self.config.threads,
        )

    def _save_images(self):
        config = self.config
        images, noise = pictures.load(
            self.targets[0], config.images, config.num_images
        )
        np.save(self.folder / "images.npy", images)
        if noise is not None:
            print(f"Warning: {noise}", file=sys.stderr)
            self.reasons["payload_bytes"] = noise

    def _profile(self):
        config, first = self.config, self.targets[0]
        return Profile(
            device=config.device or machine.name(),
            network=first.network,
            splits=tuple(self.splits),
            rows=tuple(self.rows),
            image_size=first.image_size,
            runtime=self.runtime,
            threads=config.threads,
            meter=self.meter.name,
            whole_macs=first.whole_macs,
            whole_memory_mb=self.whole_memory_mb,
            reasons=self.reasons,
            command=tuple(sys.argv),
            versions=_versions(),
            made=datetime.datetime.now(datetime.timezone.utc).isoformat(
                timespec="seconds"
            ),
            file=config.out,
        )


def _find(config):
    """Returns the list of `Target` to profile, all of one network."""
    if config.deploy is not None:
        found = targets.in_deployment(config.deploy)
    else:
        from bottlenet_tf.profiling import keras_halves

        found = keras_halves.find_targets(config.workdir)
    targets.check_one_network(found)
    return found


def _runtime(config, found):
    if config.deploy is None:
        return "keras"
    if config.runtime is not None:
        return config.runtime
    folder = find_folder(found[0].folder, "edge")
    unit = unit_file.read(os.path.join(folder, unit_file.NAME))
    return runtimes.choose(folder, unit.part)


def _versions():
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
