"""Drives a link through phases while a device answers images over it.

phases -> link         device program's JSON lines -> `Answered`s
"""

import collections
import dataclasses
import json
import statistics
import threading
import time

from bottlenet_tf.emulation import phases as phases_of_time

_STEP_S = 0.05
_FIRST_ANSWER_S = 60.0


@dataclasses.dataclass(frozen=True)
class Answered:
    """One line of the device program.

    Attributes:
        time_s: Time of reading, since the first phase began.
        where: "split", "device" or "cloud"; None without an answer.
        latency_ms: From prepared pixels to the answer; None without one.
        problem: Why the server's answer wasn't used, or None.
    """

    time_s: float
    where: str | None
    choice: str | None
    payload_bytes: int
    latency_ms: float | None
    right: bool
    problem: str | None

    @property
    def begun_s(self):
        """When its image was started."""
        return self.time_s - 1e-3 * (self.latency_ms or 0.0)


class Device:
    """The device program's answers, read as they come.

    Args:
        process: `subprocess.Popen` whose standard output is its lines.
        label_of: Function of an image's path that returns its label.

    Attributes:
        answers: List of `Answered`, `time_s` being the clock's.
    """

    def __init__(self, process, label_of, clock=time.monotonic):
        self._process, self._label_of, self._clock = process, label_of, clock
        self.answers = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for text in self._process.stdout:
            line = json.loads(text)
            self.answers.append(
                Answered(
                    self._clock(),
                    line["where"],
                    line["choice"],
                    line["payload_bytes"],
                    line["latency_ms"],
                    line["label"] == self._label_of(line["image"]),
                    line["problem"],
                )
            )

    def check(self):
        """Raises RuntimeError if the program has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(
                "The device program must run until it is stopped; its own "
                "messages are above. "
                f"Received: exit code {self._process.returncode}"
            )

    def stop(self):
        """Terminates it, and waits for the end of its output."""
        self._process.terminate()
        self._thread.join(_FIRST_ANSWER_S)


def drive(
    link,
    phases,
    device,
    crowd,
    say,
    every_s=1.0,
    clock=time.monotonic,
    sleep=time.sleep,
):
    """Takes a link through phases.

    Args:
        phases: List of `Phase`; the link already has the first.
        crowd: Function that starts the other devices, and returns a function
            that stops them and returns their measurements, a dictionary with
            `median_ms`.
        clock, sleep: For tests.

    Returns:
        List of `Phase` with the actual seconds of each, list of `Answered`
        since the first of them began, and the crowd's measurements in each busy
        phase, by index.
    """
    _wait_for_first(device, clock, sleep)
    begun_s, number = clock(), len(device.answers)
    found, measured = [], {}
    for i, phase in enumerate(phases):
        phase_s = clock()
        link.set(**phase.changes)
        stop = crowd() if phase.busy_ms is not None else None
        end_s, next_s = phase_s + phase.seconds, phase_s + every_s
        while clock() < end_s:
            sleep(min(_STEP_S, every_s))
            device.check()
            if clock() >= next_s:
                next_s += every_s
                say(_told(phase, clock() - begun_s, device.answers[number:]))
        if stop is not None:
            measured[i] = stop()
            phase = dataclasses.replace(
                phase, busy_ms=measured[i]["median_ms"] or 0.0
            )
        found.append(dataclasses.replace(phase, seconds=clock() - phase_s))
    device.stop()
    answers = [
        dataclasses.replace(a, time_s=a.time_s - begun_s)
        for a in device.answers[number:]
    ]
    total_s = phases_of_time.starts_s(found)[-1]
    return found, [a for a in answers if a.begun_s < total_s], measured


def _wait_for_first(device, clock, sleep):
    until_s = clock() + _FIRST_ANSWER_S
    while not device.answers:
        device.check()
        if clock() > until_s:
            raise RuntimeError(
                f"The device program must answer within {_FIRST_ANSWER_S:g} s. "
                "Received: no answer"
            )
        sleep(_STEP_S)


def _told(phase, time_s, answers):
    """Returns the terminal's line: link, choice, bytes, latency, accuracy."""
    link = "cut" if phase.outage else f"{phase.mbps:g} Mbit/s"
    parts = [f"{time_s:5.1f} s", f"{phase.name:<12}", f"{link:<12}"]
    if not answers:
        return "  ".join([*parts, "no answer yet"])
    last = answers[-1].time_s - 1.0
    recent = [a for a in answers[-200:] if a.time_s > last]
    choices = collections.Counter(a.choice for a in recent)
    latencies = [a.latency_ms for a in recent if a.latency_ms is not None]
    sent = statistics.fmean(a.payload_bytes for a in recent)
    right = statistics.fmean(a.right for a in answers)
    local = sum(a.where == "device" for a in recent)
    parts += [
        f"{choices.most_common(1)[0][0] or '–':<16}",
        f"{sent:6.0f} B",
        f"{statistics.median(latencies):6.1f} ms" if latencies else "–",
        f"{local}/{len(recent)} here",
        f"{100 * right:.2f} % of {len(answers)} right",
    ]
    return "  ".join(parts)
