"""What devices send to the served tails, and what Keras makes of it."""

import json
from typing import NamedTuple

import numpy as np
import pytest

from bottlenet_tf.evaluation import WirePath
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.runtime.edge import Head

IMAGES = 8


class Sent(NamedTuple):
    """Payloads of one exported head, and how they must be answered.

    Attributes:
        payloads: List of bytes.
        logits: float32 `(n, classes)` of the Keras model.
        labels: Names of the classes.
        tolerance: Largest difference of a logit, by the manifest.
    """

    payloads: list
    logits: np.ndarray
    labels: list
    tolerance: float

    def corrupt(self):
        """Returns payloads 0, 1 and 2, the second with a bit turned."""
        first, second, third = self.payloads[:3]
        return [first, second[:-1] + bytes([second[-1] ^ 1]), third]

    def check(self, answer, rows):
        """Fails unless an answer is Keras's.

        Args:
            answer: Arrays by name; `labels` and `status` of strings.
            rows: Which payloads it is about.
        """
        wanted = self.logits[rows]
        np.testing.assert_allclose(
            answer["logits"], wanted, rtol=0, atol=self.tolerance
        )
        odds = np.exp(wanted.astype(np.float64))
        np.testing.assert_allclose(
            answer["probabilities"],
            odds / odds.sum(-1, keepdims=True),
            # A logit that is off by d changes an odd by the factor e^d.
            rtol=3 * self.tolerance,
        )
        classes = wanted.argmax(-1)
        np.testing.assert_array_equal(answer["classes"], classes)
        assert list(answer["labels"]) == [self.labels[i] for i in classes]
        assert list(answer["status"]) == ["ok"] * len(rows)


@pytest.fixture(scope="session")
def sent(both, sweep):
    """`{name: Sent}` of both runs' exported heads."""
    manifest = json.loads((both / "manifest.json").read_text())
    found = {}
    for model in manifest["models"]:
        name = model["name"]
        run = load_run(sweep / name)
        batches = run.dataset.development.batches(IMAGES)
        images = next(iter(batches))[0].numpy()
        payloads = [Head.load(both / name).encode(image) for image in images]
        logits = WirePath(run.model).decode(payloads)
        (parity,) = (
            p for p in model["parity"] if p["artefact"] == f"triton/{name}"
        )
        share = parity["tolerance"]["logit_difference"]
        found[name] = Sent(
            payloads,
            logits,
            list(run.dataset.class_names),
            share * float(np.abs(logits).max()),
        )
    return found
