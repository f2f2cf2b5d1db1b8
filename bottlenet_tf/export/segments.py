"""The device's network, written once for all units that share it.

```
image ─ segment_0 ─┬─ segment_1 ─┬─ ...
                   └─ encoder    └─ encoder
```

Units that were trained on a frozen prefix share the network up to their cuts.
Each part between two cuts is written once, and each unit is an encoder after
its cut. A unit whose prefix was trained with it shares nothing.
"""

import dataclasses

import keras
import numpy as np

from bottlenet_tf.backbones.split_points import separating_tensors
from bottlenet_tf.evaluation.identity import model_digest
from bottlenet_tf.export import frozen, part_files
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.export.parity import in_batches
from bottlenet_tf.runtime import unit_file
from bottlenet_tf.runtime.edge import SEGMENTS


@dataclasses.dataclass(frozen=True)
class Chain:
    """Runs whose networks are the same up to their cuts.

    Attributes:
        source: Name of the run with the longest prefix.
        layers: Names of the cuts' layers in that run's network, in order.
        cuts: `{run: index of its cut}`.
    """

    source: str
    layers: tuple
    cuts: dict
    first: int

    def segments(self, name):
        """Returns the names of the segments before a run's encoder."""
        return [f"segment_{self.first + i}" for i in range(self.cuts[name] + 1)]


def digests_of(prefix):
    """Returns `{digest: layer}` of a Keras model, image -> feature.

    The digests are of the network up to each layer at which it can be cut; the
    last one is that of the complete prefix.
    """
    digests = {}
    for layer, feature in separating_tensors(prefix).items():
        part = keras.Model(prefix.inputs[0], feature)
        digests[model_digest(part)] = layer
    digests[model_digest(prefix)] = prefix.operations[-1].name
    return digests


def find_shared(workdirs):
    """Returns `{run: Chain}` of finished runs that share a network."""
    if len(workdirs) == 1:
        return {}
    prefixes = {}
    for workdir in workdirs:
        run = load_run(workdir)
        prefixes[run.name] = digests_of(run.model.prefix)
        keras.backend.clear_session()
    return {
        name: chain for chain in find_chains(prefixes) for name in chain.cuts
    }


def find_chains(prefixes):
    """Returns the `Chain`s of runs whose networks begin with the same layers.

    Args:
        prefixes: `{run: digests_of its prefix}`. A run that shares nothing is
            in no chain.
    """
    chains, first = [], 0
    own = {name: list(digests)[-1] for name, digests in prefixes.items()}
    left = sorted(prefixes, key=lambda name: -len(prefixes[name]))
    while left:
        longest = prefixes[left[0]]
        members = [name for name in left if own[name] in longest]
        if len(members) > 1:
            owns = {own[name] for name in members}
            order = [digest for digest in longest if digest in owns]
            layers = tuple(longest[digest] for digest in order)
            cuts = {name: order.index(own[name]) for name in members}
            chains.append(Chain(left[0], layers, cuts, first))
            first += len(order)
        left = [name for name in left if name not in members]
    return chains


def write(chain, prefix, folder, config, training_images):
    """Writes the segments of a chain.

    Args:
        prefix: Keras model of its source, image -> feature, in float32.
    """
    folder = folder / SEGMENTS
    folder.mkdir(parents=True, exist_ok=True)
    samples = training_images() if "int8" in config.litert else None
    parts = _parts(prefix, chain.layers)
    for name, model in zip(chain.segments(chain.source), parts, strict=True):
        start = "image" if model.inputs[0] is prefix.inputs[0] else "before"
        part = frozen.network(model, start, "feature")
        list(part_files.write(folder, name, part, config, lambda: samples))
        if samples is not None:
            samples = in_batches(
                lambda batch, model=model: np.asarray(
                    model(batch.astype(np.float32), training=False)
                ),
                samples,
            )


def digests(folder, names):
    """Returns `{file: SHA-256}` of segments' files; `folder` is `edge`."""
    return {
        path.name: unit_file.file_sha256(path)
        for name in names
        for path in sorted((folder / SEGMENTS).glob(f"{name}[._]*"))
        if path.suffix in (".onnx", ".tflite")
    }


def _parts(prefix, layers):
    """Returns the Keras models between the cuts, the image's first."""
    tensors = separating_tensors(prefix)
    ends = [tensors.get(layer, prefix.outputs[0]) for layer in layers]
    starts = [prefix.inputs[0], *ends[:-1]]
    return [
        keras.Model(start, end, name=f"{SEGMENTS}_{i}")
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
