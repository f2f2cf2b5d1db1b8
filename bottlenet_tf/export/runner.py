"""A complete export: runs in, one checked deployment folder out."""

import dataclasses

import tensorflow as tf

from bottlenet_tf.common.run_folders import (
    find_runs,
    load_report,
    model_name,
)
from bottlenet_tf.common.validation import check
from bottlenet_tf.export import segments, staging
from bottlenet_tf.export.deployment import Deployment
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.export.manifest import parity_table
from bottlenet_tf.export.pack import load_pack, swap
from bottlenet_tf.export.run_files import RunFiles
from bottlenet_tf.export.whole import Wholes


def run(config):
    """Exports finished runs to one deployment folder.

    One run becomes `edge/` and `cloud/`; several become a folder each, with
    one `cloud/serving`, one model in `cloud/triton` and one network without a
    split for all. Layers that several share on the device are written once, to
    `edge/segments`. The folder appears once all files have been run in their
    own runtimes and agreed with the Keras model.
    """
    staging.check_free(config.out, config.overwrite)
    workdirs = find_runs(config.workdir)
    packs = _load_packs(config.pack, workdirs)
    with staging.staged(config.out, config.overwrite) as folder:
        models = []
        names = [model_name(workdir) for workdir in workdirs]
        deployment = Deployment(config, folder, names)
        wholes = Wholes(config, folder, deployment.repository)
        chains = segments.find_shared(workdirs)
        sources = {chain.source for chain in chains.values()}
        # A run whose network contains the others' goes first.
        order = sorted(workdirs, key=lambda w: model_name(w) not in sources)
        for i, workdir in enumerate(order, 1):
            print(f"[{i}/{len(workdirs)}] {workdir}", flush=True)
            finished = load_run(workdir)
            if workdir in packs:
                pack = packs[workdir]
                model = swap(finished.model, pack)
                finished = dataclasses.replace(
                    finished, model=model, adapted=pack.adapted
                )
            deployment.add(finished)
            chain = chains.get(finished.name)
            files = RunFiles(config, finished, folder, len(workdirs), chain)
            models.append(files.write(wholes, deployment.repository))
            tf.keras.backend.clear_session()
        models.sort(key=lambda model: names.index(model["name"]))
        manifest = deployment.finish(models, wholes)
    print(f"\n{parity_table(models, wholes.entries)}\n")
    print(f"Deployment: {config.out}")
    return manifest


def _load_packs(paths, workdirs):
    """Returns `{workdir: Pack}`: each pack, and the run it was made from."""
    if not paths:
        return {}
    runs = {}
    for workdir in workdirs:
        runs.setdefault(load_report(workdir).get("unit_id"), []).append(workdir)
    packs = {}
    for path in paths:
        pack = load_pack(path)
        check(
            pack.adapted is not None,
            "--pack takes a pack of bottlenet-adapt; a sampled unit is "
            "exported from its own folder.",
            pack=path,
        )
        check(
            pack.base in runs,
            "A pack fits only the network and unit that it was made from: name "
            "the run that was adapted, or adapt this one.",
            pack=path,
            base=f"{pack.base:#010x}",
            runs=[str(workdir) for workdir in workdirs],
        )
        check(
            len(runs[pack.base]) == 1,
            "--pack needs one run that the pack was made from, but several "
            "have the same unit; export one of them.",
            pack=path,
            runs=[str(workdir) for workdir in runs[pack.base]],
        )
        (workdir,) = runs[pack.base]
        check(
            workdir not in packs,
            "--pack takes one pack for a run.",
            pack=path,
            run=str(workdir),
        )
        packs[workdir] = pack
    return packs
