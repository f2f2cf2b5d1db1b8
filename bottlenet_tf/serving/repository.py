"""The Triton repository of one deployment, or of several side by side."""

import os
import pathlib
import shutil

from bottlenet_tf.runtime import served, unit_file
from bottlenet_tf.validation import check

_CONFIG = "config.pbtxt"


def identity(deploy):
    """Returns a deployment's `Served` and its folder `cloud`.

    Args:
        deploy: The deployment folder or its `cloud` folder.

    Raises:
        FileNotFoundError: if it is none, or of an export before this.
        ValueError: if its served.json is damaged.
    """
    cloud = pathlib.Path(unit_file.find_folder(deploy, "cloud", served.NAME))
    if not (cloud / "triton").is_dir():
        raise FileNotFoundError(
            "A deployment folder must hold cloud/triton, as export.py writes "
            f"it. Received: deploy={os.fspath(deploy)!r}"
        )
    return served.read(cloud), cloud


def assemble(deploys, folder):
    """Returns the repository that holds all of some deployments.

    One alone is served where it lies. Versions of several are linked side by
    side, under the configuration of the first.

    Args:
        deploys: Deployment folders.
        folder: Empty folder, for several.

    Returns:
        `pathlib.Path` of the repository, and the list of `Served`.

    Raises:
        FileNotFoundError, ValueError: see `identity`; if two have other
            model names, or are one and the same.
    """
    found = [identity(deploy) for deploy in deploys]
    names = [each.model for each, _ in found]
    versions = [each.version for each, _ in found]
    check(
        len(set(names)) == 1,
        "Deployments that are served side by side must have one name; export "
        "them with the same --served_name.",
        served_names=names,
    )
    check(
        len(set(versions)) == len(versions),
        "Deployments that are served side by side must be of different units; "
        "leave one out.",
        versions=versions,
    )
    for each, cloud in found:
        version = cloud / "triton" / each.model / str(each.version)
        check(
            (version / "model.py").is_file(),
            "A deployment's cloud/triton must hold the version of its "
            "served.json; copy the whole folder of one export.",
            missing=str(version),
        )
    identities = [each for each, _ in found]
    if len(found) == 1:
        return found[0][1] / "triton", identities
    model = pathlib.Path(folder) / names[0]
    model.mkdir(parents=True)
    shutil.copy(found[0][1] / "triton" / names[0] / _CONFIG, model / _CONFIG)
    for each, cloud in found:
        source = cloud / "triton" / each.model / str(each.version)
        (model / str(each.version)).symlink_to(source.resolve())
    return pathlib.Path(folder), identities


def described(identities):
    """Returns what is served, for messages."""
    return " and ".join(
        f"{each.model}, version {each.version} ("
        + ", ".join(f"{n} {i:08x}" for n, i in each.units.items())
        + ")"
        for each in identities
    )
