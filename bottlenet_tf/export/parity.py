"""Whether an artefact agrees with the Keras model, on real images."""

import dataclasses
from typing import NamedTuple

import numpy as np

from bottlenet_tf import tasks
from bottlenet_tf.evaluation import WirePath
from bottlenet_tf.runtime import outputs

BATCH = 32  # Bounds what the first layers of a large network hold.
# Of more operating points, the first, the last and the default are compared.
MOST_POINTS = 4


class Tolerance(NamedTuple):
    """How far an artefact may be from the Keras model.

    differing_codes: Share of codes that may differ, in percent; where some
        may, one image's may (its range may be rounded the other way). A
        network without a split has no codes.
    code_difference: By how much one may, in steps of the quantizer.
    top1_agreement: Images that must keep their class, or all their labels, in
        percent, but for one image.
    logit_difference: Largest, as a share of the largest logit; None where
        codes may differ, since one other code may move a logit by any amount.
    why: Why not less.
    """

    differing_codes: float | None
    code_difference: float | None
    top1_agreement: float
    logit_difference: float | None
    why: str


TOLERANCES = {
    "onnx": Tolerance(
        0.1,
        1,
        98.0,
        None,
        "sums in another order: a value on the edge between two codes may "
        "fall to either side",
    ),
    "float32": Tolerance(0.1, 1, 98.0, None, "as for ONNX"),
    "float16": Tolerance(
        20.0,
        8,
        90.0,
        None,
        "weights keep 11 bits: a few codes in a hundred move by one, which "
        "may move a coarse codec's coefficients by a step; more where a "
        "barely trained unit's output is small beside what it sums",
    ),
    "int8": Tolerance(
        100.0,
        255,
        80.0,
        None,
        "256 steps for each tensor: another range moves all codes of an "
        "image, so the decision is what counts",
    ),
    "tail": Tolerance(
        0.0, 0, 99.5, 1e-3, "the same codes; only sums in another order"
    ),
    "whole": Tolerance(
        None, None, 99.5, 1e-3, "the same pixels; only sums in another order"
    ),
    "whole_float16": Tolerance(None, None, 98.0, 0.05, "weights keep 11 bits"),
    "whole_int8": Tolerance(
        None,
        None,
        80.0,
        None,
        "256 steps for each tensor, the logits too, so that the decision is "
        "what counts",
    ),
}


@dataclasses.dataclass(frozen=True)
class Parity:
    """How an artefact compared; fields as in `Tolerance`.

    `point` is the index of the operating point. `same_payloads` is the share
    of images, in percent, whose payload is the Keras model's to the byte.
    `accuracy` is in percent, on these images; `keras_accuracy` that of the
    Keras model on the same. A network without a split has neither codes,
    payloads nor operating points: their figures are None.
    """

    artefact: str
    images: int
    differing_codes: float | None
    code_difference: float | None
    top1_agreement: float
    logit_difference: float
    same_payloads: float | None
    accuracy: float
    keras_accuracy: float
    tolerance: Tolerance
    point: int | None = None

    def values(self):
        """Returns all fields as a dictionary, the tolerance's by name."""
        # `asdict` leaves a named tuple's names out.
        tolerance = self.tolerance._asdict()
        return dataclasses.asdict(self) | {"tolerance": tolerance}


class ParityError(ValueError):
    """An artefact that doesn't agree with the model it was made of."""


class Reference:
    """What the Keras model does with some images, through real payloads.

    At each of some operating points; payloads, codes and logits come image by
    image, so that a batch mixes the points.

    Args:
        model: Built `BottleNet`.
        images: uint8 `(n, S, S, 3)`.
        labels: NumPy, as the task has them.
        task: What the outputs are; see `tasks`.

    Attributes:
        images, labels, task: The same.
        points: Indices of the p operating points.
        codes: `(n * p, *code_shape)`.
        payloads: List of n * p payloads.
        logits: float32 `(n * p, classes)`, computed from the payloads.
    """

    def __init__(self, model, images, labels, task=tasks.ONE_CLASS):
        self._path = WirePath(model)
        self._step = model.unit.code_step
        self.images, self.labels, self.task = images, labels, task
        count = len(model.unit.points)
        self.points = list(range(count))
        if count > MOST_POINTS:
            ends = {0, model.unit.default_point, count - 1}
            self.points = sorted(ends)

        codes, self.payloads = zip(*in_batches(self._encode, images))
        self.codes, self.payloads = np.stack(codes), list(self.payloads)
        self.logits = in_batches(self._path.decode, self.payloads)

    def _encode(self, images):
        """Returns `(codes, payload)` of every image at every point."""
        made = []
        coded = self._path.codes_at(images, self.points)
        for codes, point in zip(coded, self.points, strict=True):
            payloads = self._path.pack(*codes, point)
            made.append(list(zip(codes[0], payloads, strict=True)))
        return [pair for image in zip(*made) for pair in image]

    def compare_head(self, artefact, kind, head):
        """Compares a head, its payloads seen by Keras's tail.

        Args:
            artefact: Its file's name.
            kind: Which tolerance, a key of `TOLERANCES`.
            head: `runtime.edge.Head`.

        Returns:
            List of `Parity`, one for each of `points`.
        """
        codes, payloads = [], []
        for image in self.images:
            for point in self.points:
                made = head.codes(image, point)
                codes.append(made[0])
                payloads.append(head.pack(*made, point))
        logits = in_batches(self._path.decode, payloads)
        return self._parities(artefact, kind, np.stack(codes), payloads, logits)

    def compare_served(self, artefact, serve, class_names):
        """Compares a served tail, all its outputs looked at.

        Args:
            artefact: Its file's name.
            serve: Callable, list of payloads -> dictionary of arrays as
                `runtime.cloud.Tail.answer` returns them.
            class_names: In the order of the logits.

        Returns:
            List of `Parity`, one for each of `points`.

        Raises:
            ParityError: if another output isn't what the logits say, or a
                corrupt payload changes more than its own answer.
        """
        corrupt = self.payloads[0][:-1] + bytes([self.payloads[0][-1] ^ 1])
        sent = [*self.payloads, corrupt]
        parts = [
            serve(sent[start : start + BATCH])
            for start in range(0, len(sent), BATCH)
        ]
        answers = {
            name: np.concatenate([part[name] for part in parts])
            for name in parts[0]
        }
        logits = answers["logits"][:-1]
        output = self.task.output
        odds = outputs.probabilities(output, logits)
        classes = logits.argmax(-1)
        labels = [_text(label) for label in answers["labels"]]
        status = [_text(status) for status in answers["status"]]
        wrong = [
            name
            for name, is_right in (
                (
                    "probabilities",
                    np.allclose(answers["probabilities"][:-1], odds, atol=1e-5),
                ),
                ("classes", np.array_equal(answers["classes"][:-1], classes)),
                (
                    "labels",
                    labels[:-1]
                    == [
                        outputs.label(output, row, class_names)
                        for row in logits
                    ],
                ),
                ("status", set(status[:-1]) == {"ok"} and status[-1] != "ok"),
            )
            if not is_right
        ]
        if wrong:
            raise ParityError(
                f"{artefact} must answer what its logits say, and a corrupt "
                "payload by its status alone. Received: wrong "
                f"{', '.join(wrong)} for {len(logits)} payloads and one more "
                f"that is corrupt, status {status[-1]!r}"
            )
        return self.compare_tail(artefact, logits)

    def compare_tail(self, artefact, logits):
        """Compares a tail.

        Args:
            artefact: Its file's name.
            logits: float32 `(n * p, classes)` that it made of `payloads`.

        Returns:
            List of `Parity`, one for each of `points`.
        """
        return self._parities(
            artefact, "tail", self.codes, self.payloads, logits
        )

    def _parities(self, artefact, kind, codes, payloads, logits):
        apart = np.abs(self._level(codes) - self._level(self.codes))
        pairs = zip(payloads, self.payloads, strict=True)
        same = np.array([a == b for a, b in pairs])
        parities = []
        for i, point in enumerate(self.points):
            mine = slice(i, None, len(self.points))
            compared = compare_logits(
                artefact,
                kind,
                logits[mine],
                self.logits[mine],
                self.labels,
                self.task,
            )
            parities.append(
                dataclasses.replace(
                    compared,
                    differing_codes=_percent(apart[mine] > 0),
                    code_difference=float(apart[mine].max()),
                    same_payloads=_percent(same[mine]),
                    point=point,
                )
            )
        return parities

    def _level(self, codes):
        """Returns each code in steps of the unit's; see `Unit.code_step`."""
        return np.rint(codes / self._step).astype(int)


def compare_logits(
    artefact, kind, logits, wanted, labels, task=tasks.ONE_CLASS
):
    """Returns the `Parity` of logits, of a network without codes.

    Args:
        artefact: Its file's name.
        kind: Which tolerance, a key of `TOLERANCES`.
        logits: float32 `(n, classes)` that it made.
        wanted: The same, of the Keras model.
        labels: NumPy, as the task has them.
        task: What the outputs are; see `tasks`.
    """
    answers, wanted_answers = task.decisions(logits), task.decisions(wanted)
    apart = np.abs(logits - wanted).max() / np.abs(wanted).max()
    return Parity(
        artefact=artefact,
        images=len(labels),
        differing_codes=None,
        code_difference=None,
        top1_agreement=_percent(tasks.agree(answers, wanted_answers)),
        logit_difference=float(apart),
        same_payloads=None,
        accuracy=_percent(tasks.agree(answers, labels)),
        keras_accuracy=_percent(tasks.agree(wanted_answers, labels)),
        tolerance=TOLERANCES[kind],
    )


def in_batches(function, items):
    """Returns what `function` makes of `items`, `BATCH` at a time."""
    parts = [
        function(items[start : start + BATCH])
        for start in range(0, len(items), BATCH)
    ]
    if isinstance(parts[0], list):
        return [item for part in parts for item in part]
    return np.concatenate(parts)


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


def _percent(flags):
    return 100.0 * float(np.mean(flags))


def require(parity):
    """Raises `ParityError` if an artefact is beyond its tolerance."""
    limit = parity.tolerance
    # Of few images, one is more than the share that may differ.
    one_image = 100.0 / parity.images
    least_agreement = 100.0 - max(100.0 - limit.top1_agreement, one_image)
    most_codes = limit.differing_codes
    if most_codes:
        most_codes = max(most_codes, one_image)
    beyond = [
        f"{name}={value:.4g} (at most {most:g})"
        for name, value, most in (
            ("differing_codes", parity.differing_codes, most_codes),
            (
                "code_difference",
                parity.code_difference,
                limit.code_difference,
            ),
            (
                "logit_difference",
                parity.logit_difference,
                limit.logit_difference,
            ),
        )
        if most is not None and not value <= most
    ]
    if not parity.top1_agreement >= least_agreement - 1e-9:
        beyond.append(
            f"top1_agreement={parity.top1_agreement:.4g} "
            f"(at least {least_agreement:g})"
        )
    if beyond:
        at = f" at operating point {parity.point}" if parity.point else ""
        is_litert = parity.artefact.endswith(".tflite")
        raise ParityError(
            f"{parity.artefact} must agree with the Keras model on real "
            f"images, within what is its nature ({limit.why}). "
            f"{'--litert can leave it out. ' if is_litert else ''}"
            f"Received: {', '.join(beyond)} on {parity.images} images{at}"
        )
