"""The device's network, written once for all units that share it.

```
image ─ segment_0 ─┬─ segment_1 ─┬─ ...
                   └─ encoder    └─ encoder
```

Units that were trained on a frozen prefix share the network up to their cuts.
Each part between two cuts is written once, and each unit is an encoder behind
its cut. A unit whose prefix was trained with it shares nothing.
"""

import dataclasses

import keras
import numpy as np

from bottlenet_tf.backbones.split_points import separating_tensors
from bottlenet_tf.evaluation.identity import model_digest
from bottlenet_tf.export import litert, onnx_file, onnx_graphs, trtexec
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.export.parity import in_batches
from bottlenet_tf.export.tensorflow_files import written
from bottlenet_tf.runtime import runtimes, unit_file
from bottlenet_tf.runtime.edge import SEGMENTS


@dataclasses.dataclass(frozen=True)
class Prefix:
    """What decides whether a run's network is another one's beginning.

    Attributes:
        name: The run's.
        digests: `{digest: layer}` of the network up to each layer at which it
            can be cut, the run's own cut the last.
    """

    name: str
    digests: dict

    @property
    def own(self):
        """Digest of all of it."""
        return list(self.digests)[-1]


@dataclasses.dataclass(frozen=True)
class Chain:
    """Runs whose networks are the same up to their cuts.

    Attributes:
        source: Name of the run that has the longest.
        layers: Names of the cuts' layers in that run's network, in order.
        cuts: `{run: index of its cut}`.
        first: Number of the first segment.
    """

    source: str
    layers: tuple
    cuts: dict
    first: int

    def segments(self, name):
        """Returns the names of the segments before a run's encoder."""
        return [f"segment_{self.first + i}" for i in range(self.cuts[name] + 1)]


def prefix_of(name, prefix):
    """Returns the `Prefix` of a run's Keras model, image -> feature."""
    digests = {}
    for layer, feature in separating_tensors(prefix).items():
        part = keras.Model(prefix.inputs[0], feature)
        digests[model_digest(part)] = layer
    digests[model_digest(prefix)] = prefix.operations[-1].name
    return Prefix(name, digests)


def find_shared(workdirs):
    """Returns `{run: Chain}` of finished runs that share a network.

    Args:
        workdirs: Their work directories.

    Raises:
        ValueError: see `load_run`.
    """
    if len(workdirs) == 1:
        return {}
    prefixes = []
    for workdir in workdirs:
        run = load_run(workdir)
        prefixes.append(prefix_of(run.name, run.model.prefix))
        keras.backend.clear_session()
    return {
        name: chain for chain in find_chains(prefixes) for name in chain.cuts
    }


def find_chains(prefixes):
    """Returns the `Chain`s of runs that share a beginning of their networks.

    Args:
        prefixes: List of `Prefix`. A run that shares none is in no chain.
    """
    chains, first = [], 0
    left = sorted(prefixes, key=lambda prefix: -len(prefix.digests))
    while left:
        longest = left[0]
        members = [each for each in left if each.own in longest.digests]
        left = [each for each in left if each not in members]
        if len(members) == 1:
            continue
        owns = {each.own for each in members}
        order = [digest for digest in longest.digests if digest in owns]
        chain = Chain(
            longest.name,
            tuple(longest.digests[digest] for digest in order),
            {each.name: order.index(each.own) for each in members},
            first,
        )
        chains.append(chain)
        first += len(order)
    return chains


def write(chain, prefix, folder, config, training_images):
    """Writes the segments of a chain.

    Args:
        chain: `Chain`.
        prefix: Keras model of its source, image -> feature, in float32.
        folder: `pathlib.Path` of the deployment's `edge`.
        config: `ExportConfig`.
        training_images: Function that returns some, uint8 `(n, S, S, 3)`.

    Raises:
        UnsupportedGraphError: if the target would refuse a graph.
        OSError: if something can't be written.
    """
    folder = folder / SEGMENTS
    folder.mkdir(parents=True, exist_ok=True)
    samples = training_images() if "int8" in config.litert else None
    parts = _parts(prefix, chain.layers)
    for name, part in zip(chain.segments(chain.source), parts, strict=True):
        start = "image" if part.inputs[0] is prefix.inputs[0] else "before"
        onnx_file.write(
            folder,
            name,
            lambda part=part, start=start: onnx_graphs.segment_graph(
                part, start
            ),
            config,
        )
        for kind in config.litert:
            file = runtimes.file_of(litert.KINDS[kind], name)
            with written(f"{file}'s temporary files"):
                content = litert.whole_file(part, kind, samples)
            (folder / file).write_bytes(content)
        if config.tensorrt is not None:
            _, height, width, channels = part.input_shape
            inputs = {start: (1, channels, height, width)}
            trtexec.write(
                folder, trtexec.image_scripts(config.tensorrt, name, inputs)
            )
        if samples is not None:
            samples = in_batches(
                lambda batch, part=part: np.asarray(
                    part(batch.astype(np.float32), training=False)
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
    """Returns the Keras models between the cuts, the image's the first."""
    tensors = separating_tensors(prefix)
    ends = [tensors.get(layer, prefix.outputs[0]) for layer in layers]
    starts = [prefix.inputs[0], *ends[:-1]]
    return [
        keras.Model(start, end, name=f"{SEGMENTS}_{i}")
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
