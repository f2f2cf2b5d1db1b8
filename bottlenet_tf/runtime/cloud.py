"""The server's half: payloads in, class probabilities out."""

import os

import numpy as np

from bottlenet_tf.codec import PayloadError
from bottlenet_tf.runtime import outputs, unit_file
from bottlenet_tf.runtime.engines import code_shape, fits, open_engine

FILE = "tail.onnx"


class Tail:
    """Turns payloads into class probabilities; made by `Tail.load`.

    codes, range, point = unpack(payload)
    probabilities = softmax(tail(codes, range, point)), or sigmoid

    A batch may mix operating points. Use `Tails` for batches in which a bad
    payload must not fail the others.

    Attributes:
        unit: The deployment's `UnitFile`.
        name, unit_id: The unit's.
        classes: Class names, in the order of the logits.
        output: One of `outputs.OUTPUTS`.

    Args:
        unit: `UnitFile`.
        engine: Runs the tail, as `open_engine` returns it.
        max_batch: Most payloads that go through the network at once; more
            are taken in turns.

    Raises:
        ValueError: if the engine's inputs and outputs aren't the unit's, or
            `max_batch` is not positive.
    """

    def __init__(self, unit, engine, max_batch=64):
        if max_batch < 1:
            raise ValueError(
                "`max_batch` must be positive: it counts payloads. "
                f"Received: max_batch={max_batch}"
            )
        self.unit = unit
        self.name, self.unit_id = unit.name, unit.format.unit_id
        self.classes = unit.classes
        self.output = unit.output
        self._engine = engine
        self._max_batch = max_batch
        self._check_engine()

    @classmethod
    def load(cls, folder, device="cpu", threads=None, max_batch=64):
        """Opens the tail of a deployment.

        Args:
            folder: The deployment folder or its `cloud` folder.
            device, threads: See `engines.open_engine`.
            max_batch: Most payloads that go through the network at once.

        Raises:
            FileNotFoundError: if unit.json or tail.onnx is missing.
            ImportError: if ONNX Runtime is missing.
            ValueError: if a file is damaged, or of another deployment.
        """
        folder = unit_file.find_folder(folder, "cloud")
        unit = unit_file.read(os.path.join(folder, unit_file.NAME))
        path = os.path.join(folder, FILE)
        unit_file.check_network(unit, path)
        engine = open_engine(path, threads, device)
        return cls(unit, engine, max_batch)

    def predict(self, payloads):
        """Returns the float32 probabilities `(N, classes)` of N payloads.

        Args:
            payloads: List of bytes, may be empty.

        Raises:
            TypeError: if `payloads` is one payload rather than a list.
            PayloadError: if a payload is corrupt or of another deployment;
                the message names its index.
        """
        return outputs.probabilities(self.output, self.logits(payloads))

    def logits(self, payloads):
        """Returns the float32 logits `(N, classes)`; see `predict`."""
        return self._answers(payloads, strict=True)[0]

    def try_logits(self, payloads):
        """Returns logits and statuses; a bad payload fails alone.

        Args:
            payloads: List of N bytes, may be empty.

        Returns:
            float32 `(N, classes)`, 0 where a payload is bad, and a list of N
            statuses, "ok" or a `PayloadError`'s.
        """
        return self._answers(payloads, strict=False)

    def run(self, batch):
        """Returns the float32 logits `(N, classes)` of a list of `Unpacked`."""
        if not batch:  # Not every engine takes an empty batch.
            return np.zeros((0, len(self.classes)), np.float32)
        codes, ranges, points = zip(*batch)
        codes = np.stack(codes).astype(np.float32)
        if codes.ndim == 4:  # Graphs have channels first.
            codes = np.ascontiguousarray(codes.transpose(0, 3, 1, 2))
        inputs = {"codes": codes}
        if self.unit.format.sends_range:
            inputs["range"] = np.array(ranges, np.float32)
        if self.unit.takes_point:
            values = [self.unit.points[point] for point in points]
            inputs["point"] = np.array(values, np.float32)
        return self._engine(inputs)["logits"]

    def _answers(self, payloads, strict):
        """Same as `try_logits`; if strict, the first bad payload raises."""
        if isinstance(payloads, (bytes, bytearray, memoryview)):
            raise TypeError(
                "Payloads must come in a list, even a single one. "
                f"Received: type={type(payloads).__name__}"
            )
        payloads = list(payloads)
        logits = np.zeros((len(payloads), len(self.classes)), np.float32)
        status = []
        for start in range(0, len(payloads), self._max_batch):
            batch, places = [], []
            for i, payload in enumerate(
                payloads[start : start + self._max_batch], start
            ):
                try:
                    batch.append(self.unit.format.unpack(payload))
                except PayloadError as error:
                    if strict:
                        raise PayloadError(
                            f"Payload {i}: {error}", error.status
                        ) from error
                    status.append(error.status)
                else:
                    places.append(i)
                    status.append("ok")
            logits[places] = self.run(batch)
        return logits, status

    def _check_engine(self):
        shape = code_shape(self._engine, self.unit.format)
        inputs = {"codes": (None, *shape)}
        if self.unit.format.sends_range:
            inputs["range"] = (None, 2)
        if self.unit.takes_point:
            inputs["point"] = (None,)
        self._check_tensors("inputs", self._engine.inputs, inputs)
        outputs = {"logits": (None, len(self.classes))}
        self._check_tensors("outputs", self._engine.outputs, outputs)

    def _check_tensors(self, kind, received, wanted):
        fit = received.keys() == wanted.keys() and all(
            received[name][:1] == (None,) and fits(received[name], shape)
            for name, shape in wanted.items()
        )
        if not fit:
            raise ValueError(
                f"The tail of {self.unit.name!r} ({FILE}) must have the "
                f"{kind} {wanted}, the batch open, by its unit.json; files of "
                f"different exports may have been mixed. Received: {received}"
            )
