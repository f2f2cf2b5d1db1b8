"""The splits of a deployment or of finished runs, to profile."""

import dataclasses
import pathlib

from bottlenet_tf.common import json_file
from bottlenet_tf.runtime import intact
from bottlenet_tf.runtime.unit_file import MANIFEST, MANIFEST_FORMAT

_FACTS = ("layer", "feature_shape", "head_macs", "tail_macs", "whole_macs")


@dataclasses.dataclass(frozen=True)
class Target:
    """One split, exported or as Keras model.

    Attributes:
        network: The backbone's name; that of a file without its folders.
        resize: Length of the shorter side before the centre crop.
        flags: `TrainConfig` as a dictionary.
        layer, feature_shape, head_macs, tail_macs, whole_macs: As in
            `profiles`.
        folder: Folder of its `edge` and `cloud`; None for a Keras model.
        whole: Folder of its network without a split; None for a Keras model.
    """

    name: str
    point: str
    network: str
    image_size: int
    resize: int
    flags: dict
    layer: str
    feature_shape: list
    head_macs: int
    tail_macs: int
    whole_macs: int
    folder: str | None = None
    whole: str | None = None
    workdir: str | None = None

    def has(self, side):
        """Whether a deployment has the folder of a side, "edge" or "cloud"."""
        return (pathlib.Path(self.folder) / side).is_dir()


def network_name(backbone):
    """Returns the backbone's name, or its file's without the folders."""
    return pathlib.PurePath(backbone).name


def in_deployment(folder):
    """Returns the `Target` of every split of a deployment.

    The folder may be a copy of `manifest.json` and the folders to profile.
    """
    root = pathlib.Path(folder)
    path = root / MANIFEST
    if not path.is_file():
        raise ValueError(
            f"--deploy must be a deployment folder, with {MANIFEST} next to "
            "the folders edge and cloud, because it identifies their network. "
            f"Received: deploy={str(folder)!r}"
        )
    content = json_file.load(path, "Copy it again.")
    found = content.get("format") if isinstance(content, dict) else None
    if found != MANIFEST_FORMAT:
        raise ValueError(
            f"{path}: field 'format' must be {MANIFEST_FORMAT!r}, the one "
            f"that this version reads. Received: format={found!r}"
        )
    intact.check(path)
    try:
        models = content["models"]
        wholes = {
            name: str(root / whole["folder"])
            for whole in content["whole"]
            for name in whole["models"]
        }
        return [
            _exported(
                model,
                root / model["name"] if len(models) > 1 else root,
                wholes[model["name"]],
            )
            for model in models
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: fields 'models' and 'whole' must be as export.py writes "
            "them: export the runs again. "
            f"Received: {type(error).__name__}: {error}"
        ) from error


def check_one_network(targets):
    """Raises ValueError unless all splits are of one network."""
    for field in ("network", "image_size"):
        found = {getattr(target, field): target.name for target in targets}
        if len(found) > 1:
            raise ValueError(
                "A profile is of one network, whose splits are compared: "
                f"profile others separately. Received: {field} "
                + ", ".join(
                    f"{value!r} of {of!r}" for value, of in found.items()
                )
            )


def _exported(model, folder, whole):
    return Target(
        name=model["name"],
        point=model["run"]["split"],
        network=network_name(model["run"]["backbone"]),
        image_size=model["unit"]["image_size"],
        resize=model["unit"]["resize"],
        flags=model["run"]["flags"],
        folder=str(folder),
        whole=whole,
        **{name: model["network"][name] for name in _FACTS},
    )
