"""Whether an artefact agrees with the Keras model, on real images."""

import dataclasses

import numpy as np

from bottlenet_tf import tasks
from bottlenet_tf.evaluation import WirePath
from bottlenet_tf.export.tolerances import TAIL, Tolerance
from bottlenet_tf.runtime import outputs

BATCH = 32  # Bounds the memory of the first layers of a large network.
# With more operating points, the first, the last and the default are compared.
MOST_POINTS = 4


@dataclasses.dataclass(frozen=True)
class Parity:
    """Result of comparing an artefact; fields as in `Tolerance`.

    `point` is the index of the operating point. `same_payloads` is the share
    of images, in percent, whose payload is byte for byte the Keras model's.
    `accuracy` and `keras_accuracy` are in percent, on the same images. A
    network without a split has neither codes, payloads nor operating points:
    their figures are None.
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


class ParityError(ValueError):
    """An artefact doesn't agree with the model it was made from."""


class Reference:
    """The Keras model's answers to images, through real payloads.

    At each of several operating points, image by image, so that a batch mixes
    the points. A comparison returns a list of `Parity`, one for each of
    `points`.

    Args:
        images: uint8 `(n, S, S, 3)`.

    Attributes:
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

    def compare_head(self, artefact, tolerance, head):
        """Compares a `runtime.edge.Head`, with Keras' tail on its payloads."""
        codes, payloads = [], []
        for image in self.images:
            for point in self.points:
                made = head.codes(image, point)
                codes.append(made[0])
                payloads.append(head.pack(*made, point))
        logits = in_batches(self._path.decode, payloads)
        return self._parities(
            artefact, tolerance, np.stack(codes), payloads, logits
        )

    def compare_tail(self, artefact, logits):
        """Compares a tail by the logits `(n * p, classes)` of `payloads`."""
        return self._parities(artefact, TAIL, self.codes, self.payloads, logits)

    def compare_served(self, artefact, serve, class_names):
        """Compares a served tail, with all its outputs.

        Args:
            serve: Callable, list of payloads -> dictionary of arrays as in
                `runtime.answers.Answers`.
            class_names: Names in the order of the logits.
        """
        first = self.payloads[0]
        sent = [*self.payloads, first[:-1] + bytes([first[-1] ^ 1])]
        parts = [
            serve(sent[start : start + BATCH])
            for start in range(0, len(sent), BATCH)
        ]
        answers = {
            name: np.concatenate([part[name] for part in parts])
            for name in parts[0]
        }
        *status, corrupt = map(_text, answers.pop("status"))
        found = {name: values[:-1] for name, values in answers.items()}
        logits, output = found["logits"], self.task.output
        labels = [outputs.label(output, row, class_names) for row in logits]
        odds = outputs.probabilities(output, logits)
        right = {
            "probabilities": np.allclose(
                found["probabilities"], odds, atol=1e-5
            ),
            "classes": np.array_equal(found["classes"], logits.argmax(-1)),
            "labels": [*map(_text, found["labels"])] == labels,
            "status": set(status) == {"ok"} and corrupt != "ok",
        }
        wrong = [name for name, is_right in right.items() if not is_right]
        if wrong:
            raise ParityError(
                f"{artefact} must answer as its logits say, and a corrupt "
                "payload by its status alone. Received: wrong "
                f"{', '.join(wrong)} for {len(logits)} payloads and one more "
                f"that is corrupt, status {corrupt!r}"
            )
        return self.compare_tail(artefact, logits)

    def _parities(self, artefact, tolerance, codes, payloads, logits):
        apart = np.abs(self._level(codes) - self._level(self.codes))
        pairs = zip(payloads, self.payloads, strict=True)
        same = np.array([a == b for a, b in pairs])
        parities = []
        for i, point in enumerate(self.points):
            mine = slice(i, None, len(self.points))
            compared = compare_logits(
                artefact,
                tolerance,
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


def compare_logits(artefact, tolerance, logits, wanted, labels, task):
    """Returns the `Parity` of a network without codes.

    Args:
        logits: Its float32 `(n, classes)`.
        wanted: The same from the Keras model.
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
        tolerance=tolerance,
    )


def in_batches(function, items):
    """Returns the results of `function`, given `BATCH` items at a time."""
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
    # With few images, one is more than the share that may differ.
    one_image = 100.0 / parity.images
    most = {
        "differing_codes": limit.differing_codes,
        "code_difference": limit.code_difference,
        "logit_difference": limit.logit_difference,
    }
    if limit.differing_codes:
        most["differing_codes"] = max(limit.differing_codes, one_image)
    # Not `>`: a NaN is beyond any limit.
    beyond = [
        f"{name}={getattr(parity, name):.4g} (at most {largest:g})"
        for name, largest in most.items()
        if largest is not None and not getattr(parity, name) <= largest
    ]
    least = min(limit.top1_agreement, 100.0 - one_image)
    if not parity.top1_agreement >= least - 1e-9:
        beyond.append(
            f"top1_agreement={parity.top1_agreement:.4g} (at least {least:g})"
        )
    if beyond:
        at = f" at operating point {parity.point}" if parity.point else ""
        is_litert = parity.artefact.endswith(".tflite")
        raise ParityError(
            f"{parity.artefact} must agree with the Keras model on real "
            f"images, within its tolerance ({limit.why}). "
            f"{'--litert can leave it out. ' if is_litert else ''}"
            f"Received: {', '.join(beyond)} on {parity.images} images{at}"
        )
