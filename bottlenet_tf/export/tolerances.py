"""How far each file may be from the Keras model, and the reason."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How far an artefact may be from the Keras model; None: unlimited.

    Attributes:
        differing_codes: Share of codes that may differ, in percent; unless 0,
            all of one image may (its range may be rounded the other way).
        code_difference: Largest difference, in steps of the quantizer.
        top1_agreement: Images that must keep their class, or all their labels,
            in percent, except one image.
        logit_difference: Largest difference, as a share of the largest logit.
            One other code may move a logit by any amount.
    """

    differing_codes: float | None
    code_difference: float | None
    top1_agreement: float
    logit_difference: float | None
    why: str


# For the device's files, by runtime.
HEAD = {
    "onnx": Tolerance(
        0.1,
        1,
        98.0,
        None,
        "sums in another order: a value on the edge between two codes may "
        "fall to either side",
    ),
    "litert": Tolerance(0.1, 1, 98.0, None, "as for ONNX"),
    "litert_float16": Tolerance(
        20.0,
        8,
        90.0,
        None,
        "weights keep 11 bits: a few codes in a hundred move by one, which may "
        "move a coarse codec's coefficients by a step; more where a barely "
        "trained unit's output is small against its summands",
    ),
    "litert_int8": Tolerance(
        100.0,
        255,
        80.0,
        None,
        "256 steps for each tensor: another range moves all codes of an "
        "image, so the decision is what counts",
    ),
}
TAIL = Tolerance(
    0.0, 0, 99.5, 1e-3, "the same codes; only sums in another order"
)
_SAME_PIXELS = Tolerance(
    None, None, 99.5, 1e-3, "the same pixels; only sums in another order"
)
# For networks without a split, by runtime.
WHOLE = {
    "onnx": _SAME_PIXELS,
    "litert": _SAME_PIXELS,
    "litert_float16": Tolerance(None, None, 98.0, 0.05, "weights keep 11 bits"),
    "litert_int8": Tolerance(
        None,
        None,
        80.0,
        None,
        "256 steps for each tensor, the logits too, so that the decision is "
        "what counts",
    ),
}
