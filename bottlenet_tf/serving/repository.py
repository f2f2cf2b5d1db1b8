"""A deployment's Triton repository, alone or side by side, and SavedModels."""

import os
import pathlib
import shutil

from bottlenet_tf.common.validation import check
from bottlenet_tf.runtime import intact, served, unit_file

_CONFIG = "config.pbtxt"


def identity(deploy):
    """Returns the `Served` and folder `cloud` of a deployment or `cloud`."""
    cloud = pathlib.Path(unit_file.find_folder(deploy, "cloud", served.NAME))
    if not (cloud / "triton").is_dir():
        raise FileNotFoundError(
            "A deployment folder must contain cloud/triton, as export.py "
            "writes it; one of --noonnx is served by --engine=tf_serving. "
            f"Received: deploy={os.fspath(deploy)!r}"
        )
    return served.read(cloud), cloud


# Files that users edit.
SETTINGS = (_CONFIG, "models.config", "batching.config")


def check_files(folder, edited_config):
    """Raises ValueError unless the files below a folder are those exported.

    With `edited_config`, `SETTINGS` may differ.
    """
    try:
        intact.check_tree(folder, passed_over=SETTINGS if edited_config else ())
    except ValueError as error:
        if not any(str(error).startswith(name) for name in SETTINGS):
            raise
        raise ValueError(
            f"{error} If it was edited on purpose, use --edited_config."
        ) from None


def saved_models(deploy):
    """Returns a folder of SavedModels, and `{model: folder of a version}`.

    Args:
        deploy: The deployment folder, its `cloud` or its `cloud/serving`.
    """
    for inside in ("cloud/serving", "serving", "."):
        folder, found = pathlib.Path(deploy, inside), {}
        for path in folder.glob("*/*/saved_model.pb"):
            version, model = path.parent, path.parent.parent.name
            # Not isdigit(), which also takes superscripts.
            if version.name.isdecimal() and (
                model not in found or int(version.name) > int(found[model].name)
            ):
                found[model] = version
        if found:
            return folder, dict(sorted(found.items()))
    raise FileNotFoundError(
        "A deployment folder must contain "
        "cloud/serving/<model>/<version>/saved_model.pb, as export.py writes "
        f"it. Received: deploy={os.fspath(deploy)!r}"
    )


def assemble(deploys, folder, edited_config=False):
    """Returns the repository of all deployments, and their list of `Served`.

    A single one is served in place. Versions of several are linked side by side
    in `folder`, with the configuration of the first that has a model.
    """
    found = [identity(deploy) for deploy in deploys]
    names = [each.model for each, _ in found]
    versions = [each.version for each, _ in found]
    check(
        len(set(names)) == 1
        and not set(names) & {each.image_model for each, _ in found},
        "Deployments served side by side must have one name; export them with "
        "the same --served_name.",
        served_names=names,
    )
    check(
        len(set(versions)) == len(versions),
        "Deployments served side by side must be of different units; leave one "
        "out.",
        versions=versions,
    )
    for each, cloud in found:
        for model, version in each.models.items():
            place = cloud / "triton" / model / str(version)
            check(
                (place / "model.py").is_file(),
                "A deployment's cloud/triton must contain the versions of its "
                "served.json; copy the complete folder of one export.",
                missing=str(place),
            )
        check_files(cloud / "triton", edited_config)
    identities = [each for each, _ in found]
    if len(found) == 1:
        return found[0][1] / "triton", identities
    for each, cloud in found:
        for model, version in each.models.items():
            _link(cloud / "triton" / model, version, pathlib.Path(folder))
    return pathlib.Path(folder), identities


def _link(source, version, folder):
    """Adds a version of a model to a repository, unless it exists.

    Exports of one unsplit network share the model of images.
    """
    model = folder / source.name
    if not model.exists():
        model.mkdir(parents=True)
        shutil.copy(source / _CONFIG, model / _CONFIG)
    place = model / str(version)
    if not place.exists():
        place.symlink_to((source / str(version)).resolve())


def described(identities):
    """Returns the served models, for messages."""
    parts = []
    for each in identities:
        units = ", ".join(f"{n} {i:08x}" for n, i in each.units.items())
        parts.append(f"{each.model}, version {each.version} ({units})")
        if each.image_model is not None:
            parts.append(
                f"{each.image_model}, version {each.image_version} (images)"
            )
    return " and ".join(dict.fromkeys(parts))
