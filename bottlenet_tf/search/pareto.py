"""Samples units of one frozen network and keeps their Pareto set.

samples/000/ ...    a run each, measured on validation images, and its
                    unit alone, unit.pack
pareto.json         all samples, and their membership in the Pareto set
pareto.png          the same, drawn
"""

import contextlib
import dataclasses
import json
import pathlib

import numpy as np
from tqdm import tqdm

from bottlenet_tf.common import drawing, in_use, rate_curves
from bottlenet_tf.common.json_file import read_json, write_json
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check
from bottlenet_tf.config.run import TrainConfig, differing_flags

FORMAT = "bottlenet_tf.pareto.1"
FILE, PICTURE, PACK = "pareto.json", "pareto.png", "unit.pack"
_REMEDY = "Use another --workdir."
# Settings of the unit that are drawn, and of the run that may differ.
SAMPLED = ("channels", "stride", "latent_step", "task_weight")
_FREE = (*SAMPLED, "workdir", "checkpoint_minutes",
         "keep_checkpoints", "measure_on")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ParetoConfig(Settings):
    """One sampling. `bottlenet-pareto --help` explains every field.

    `base` is the `TrainConfig` of all samples, its unit a `DattaUnitConfig`;
    `base.seed` seeds the draws. More samples may be requested later: the first
    ones stay. Strides are drawn uniformly, all else log-uniformly.
    """

    base: TrainConfig
    samples: int = setting(16, "Units to sample.", least=1)
    strides: tuple[int, ...] = setting(
        (1, 2), "Strides to choose from.", least=1
    )
    channels: tuple[int, ...] = setting(
        (2, 16), "Least and most channels.", above=0, flag="channel_range"
    )
    task_weights: tuple[float, ...] = setting(
        (100.0, 10000.0),
        "Least and most --task_weight, log-uniform between.",
        above=0,
        flag="task_weight_range",
    )
    latent_steps: tuple[float, ...] = setting(
        (0.5, 2.0),
        "Least and most --latent_step, log-uniform between.",
        above=0,
        flag="latent_step_range",
    )

    def rules(self):
        yield (
            self.base.unit.kind == "datta" and self.base.has_unit,
            "Sampling needs --unit=datta, and a --mode with a unit.",
        )
        yield bool(self.strides), "--strides must name at least one."
        for flag, value in (
            ("channel_range", self.channels),
            ("task_weight_range", self.task_weights),
            ("latent_step_range", self.latent_steps),
        ):
            yield (
                len(value) == 2 and value[0] <= value[1],
                f"--{flag} must be two numbers, least and most.",
            )

    def sample(self, number):
        """Returns the `TrainConfig` of a sample."""
        generator = np.random.default_rng((self.base.seed, number))
        stride = self.strides[generator.integers(len(self.strides))]

        def between(least, most):
            drawn = generator.uniform(np.log(least), np.log(most))
            # Rounded, so that flags can reproduce it.
            return float(f"{np.exp(drawn):.4g}")

        unit = dataclasses.replace(
            self.base.unit,
            stride=int(stride),
            channels=round(between(*self.channels)),
            task_weight=between(*self.task_weights),
            latent_step=between(*self.latent_steps),
        )
        folder = pathlib.Path(self.base.workdir) / "samples" / f"{number:03d}"
        return dataclasses.replace(
            self.base, unit=unit, workdir=str(folder), measure_on="validation"
        )


def run(config):
    """Trains and measures all samples; returns the content of `pareto.json`.

    Killed, it resumes with the same flags: finished samples are kept, an
    unfinished one resumes from its checkpoint. A sample whose training diverges
    is noted and left out.
    """
    from bottlenet_tf import evaluation

    root = pathlib.Path(config.base.workdir)
    content = _begin(root, config.base)
    samples = content["samples"]
    bar = tqdm(
        total=config.samples,
        initial=min(len(samples), config.samples),
        desc="samples",
        unit="unit",
    )
    with in_use.alone(root), bar:
        for number in range(len(samples), config.samples):
            _add(content, config.sample(number), number)
            points = [
                None if s["error"] else (s["wire_bytes_mean"], s["accuracy"])
                for s in samples
            ]
            for sample, kept in zip(samples, pareto_set(points), strict=True):
                sample["kept"] = kept
            write_json(root / FILE, content)
            with drawing.optional(root / PICTURE):
                evaluation.plot_samples(
                    [s for s in samples if not s["error"]],
                    root / PICTURE,
                    network_accuracy=content["network_accuracy"],
                )
            bar.update()
            bar.set_postfix(kept=sum(s["kept"] for s in samples))
    return content


def pareto_set(points):
    """Returns whether each of the points is unbeaten, a list of bool.

    A point is beaten by one of at most its bytes and at least its accuracy
    that is better in one of the two, and by an earlier one equal in both.

    `points` are `(bytes, accuracy)`, or None for a failed sample.
    """
    left = rate_curves.front(point for point in points if point is not None)
    kept = []
    for point in points:
        kept.append(point in left)
        if kept[-1]:
            left.remove(point)
    return kept


def _begin(root, base):
    """Returns the content of the existing file, or of a new one."""
    path = root / FILE
    if not path.is_file():
        return {
            "format": FORMAT,
            "base": json.loads(base.to_json()),
            "network_accuracy": None,
            "samples": [],
        }
    content = read_json(path, FORMAT, ("base", "samples"), _REMEDY)
    before = TrainConfig.from_json(json.dumps(content["base"]))
    differing = differing_flags(before, base, _FREE)
    check(
        not differing,
        f"--workdir contains samples made with other flags. {_REMEDY}",
        workdir=str(root),
        differing=differing,
    )
    return content


def _add(content, config, number):
    """Trains one sample and adds it to the content."""
    import keras

    from bottlenet_tf import training
    from bottlenet_tf.export.pack import save_pack
    from bottlenet_tf.training.loop import TrainingDiverged

    unit, folder = config.unit, pathlib.Path(config.workdir)
    sample = {
        "number": number,
        **{name: getattr(unit, name) for name in SAMPLED},
        "wire_bytes_mean": None,
        "accuracy": None,
        "error": None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.clear_session()  # Otherwise the graphs of all samples remain.
    try:
        with (
            open(folder / "log.txt", "a") as log,
            contextlib.redirect_stdout(log),
        ):
            report = training.run(config)
    except TrainingDiverged as error:
        sample["error"] = str(error)
    else:
        sample["wire_bytes_mean"] = report["wire_bytes_mean"]
        sample["accuracy"] = report["accuracy"]
        content["network_accuracy"] = report["baseline_accuracy"]
        save_pack(folder / PACK, training.load_model(folder))
    content["samples"].append(sample)
