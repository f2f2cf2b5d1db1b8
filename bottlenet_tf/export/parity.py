"""Whether an artefact agrees with the Keras model, on real images."""

import dataclasses
from typing import NamedTuple

import numpy as np

from bottlenet_tf.evaluation import WirePath

BATCH = 32  # Bounds what the first layers of a large network hold.


class Tolerance(NamedTuple):
    """How far an artefact may be from the Keras model.

    differing_codes: Share of codes that may differ, in percent; where some
        may, one image's may (its range may be rounded the other way). A
        network without a split has no codes.
    code_difference: By how much one may, in steps of the quantizer.
    top1_agreement: Images that must keep their class, in percent, but for
        one image.
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

    `same_payloads` is the share of images, in percent, whose payload is the
    Keras model's to the byte. `accuracy` is in percent, on these images;
    `keras_accuracy` that of the Keras model on the same. A network without a
    split has neither codes nor payloads: their figures are None.
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

    def values(self):
        """Returns all fields as a dictionary, the tolerance's by name."""
        # `asdict` leaves a named tuple's names out.
        tolerance = self.tolerance._asdict()
        return dataclasses.asdict(self) | {"tolerance": tolerance}


class ParityError(ValueError):
    """An artefact that doesn't agree with the model it was made of."""


class Reference:
    """What the Keras model does with some images, through real payloads.

    Args:
        model: Built `BottleNet`.
        images: uint8 `(n, S, S, 3)`.
        labels: Whole numbers `(n,)`.

    Attributes:
        images, labels: The same.
        codes: uint8 `(n, h, w, c')`.
        payloads: List of n payloads.
        logits: float32 `(n, classes)`, computed from the payloads.
    """

    def __init__(self, model, images, labels):
        self._path = WirePath(model)
        self._levels = model.unit.quantizer.levels
        self.images, self.labels = images, labels
        self.codes = in_batches(lambda part: self._path.codes(part)[0], images)
        self.payloads = in_batches(self._path.encode, images)
        self.logits = in_batches(self._path.decode, self.payloads)

    def compare_head(self, artefact, kind, head):
        """Returns the `Parity` of a head, its payloads seen by Keras's tail.

        Args:
            artefact: Its file's name.
            kind: Which tolerance, a key of `TOLERANCES`.
            head: `runtime.edge.Head`.
        """
        made = [head.codes(image) for image in self.images]
        codes = np.stack([image_codes for image_codes, _ in made])
        payloads = [head.pack(*what) for what in made]
        logits = in_batches(self._path.decode, payloads)
        return self._parity(artefact, kind, codes, payloads, logits)

    def compare_served(self, artefact, serve, class_names):
        """Returns the `Parity` of a served tail, all its outputs looked at.

        Args:
            artefact: Its file's name.
            serve: Callable, list of payloads -> dictionary of arrays as
                `runtime.cloud.Tail.answer` returns them.
            class_names: In the order of the logits.

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
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        odds /= odds.sum(-1, keepdims=True)
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
                ("labels", labels[:-1] == [class_names[i] for i in classes]),
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
        """Returns the `Parity` of a tail.

        Args:
            artefact: Its file's name.
            logits: float32 `(n, classes)` that it made of `payloads`.
        """
        return self._parity(artefact, "tail", self.codes, self.payloads, logits)

    def _parity(self, artefact, kind, codes, payloads, logits):
        apart = np.abs(self._level(codes) - self._level(self.codes))
        same = [a == b for a, b in zip(payloads, self.payloads, strict=True)]
        return dataclasses.replace(
            compare_logits(artefact, kind, logits, self.logits, self.labels),
            differing_codes=_percent(apart > 0),
            code_difference=float(apart.max()),
            same_payloads=_percent(same),
        )

    def _level(self, codes):
        """Returns the quantizer's level of each code; see `Quantizer`."""
        return np.rint(codes * (self._levels / 255)).astype(int)


def compare_logits(artefact, kind, logits, wanted, labels):
    """Returns the `Parity` of logits, of a network without codes.

    Args:
        artefact: Its file's name.
        kind: Which tolerance, a key of `TOLERANCES`.
        logits: float32 `(n, classes)` that it made.
        wanted: The same, of the Keras model.
        labels: Whole numbers `(n,)`.
    """
    classes, wanted_classes = logits.argmax(-1), wanted.argmax(-1)
    apart = np.abs(logits - wanted).max() / np.abs(wanted).max()
    return Parity(
        artefact=artefact,
        images=len(labels),
        differing_codes=None,
        code_difference=None,
        top1_agreement=_percent(classes == wanted_classes),
        logit_difference=float(apart),
        same_payloads=None,
        accuracy=_percent(classes == labels),
        keras_accuracy=_percent(wanted_classes == labels),
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
        is_litert = parity.artefact.endswith(".tflite")
        raise ParityError(
            f"{parity.artefact} must agree with the Keras model on real "
            f"images, within what is its nature ({limit.why}). "
            f"{'--litert can leave it out. ' if is_litert else ''}"
            f"Received: {', '.join(beyond)} on {parity.images} images"
        )
