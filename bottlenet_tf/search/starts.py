"""The closed form of every split, from one pass over the images.

starts/SPLIT/      a network with its unit before any training step; the run
                   that measures its curve starts from it (--init_from)
"""

import dataclasses
import shutil

from bottlenet_tf.common.run_folders import MODEL_FILE

STARTS = "starts"


def clear(root, splits):
    """Removes starts that are no longer needed."""
    for name in splits:
        shutil.rmtree(root / STARTS / name, ignore_errors=True)
    if (root / STARTS).is_dir() and not any((root / STARTS).iterdir()):
        (root / STARTS).rmdir()


def make(config, root, splits):
    """Makes the missing starts, from training images without labels.

    Features and gradients of all splits come from the same two passes. One
    split's reduced patches at a time are in memory: `training.statistics`.
    """
    missing = [name for name in splits if not _file(root, name).is_file()]
    if not missing:
        return
    import keras
    from tqdm import tqdm

    from bottlenet_tf import training
    from bottlenet_tf.training import provenance, statistics, unit_start
    from bottlenet_tf.training.network import (
        build_backbone,
        build_network,
        with_labels_for,
    )

    base = config.base
    dataset = training.load_data(base)
    source = provenance.of(base, dataset)
    backbone = build_backbone(base, dataset.image_size, dataset.num_classes)
    dataset = with_labels_for(backbone.output, dataset, base)
    sizes = {}
    for name in missing:
        unit = base.unit.resolved(backbone.split_point(name).shape)
        sizes[name] = {"patch": unit.patch, "channels": unit.patch_channels}
        count = unit_start.count_images(base, dataset, unit.mixed_to)
    folder = root / STARTS
    folder.mkdir(parents=True, exist_ok=True)
    every = statistics.of_splits(
        backbone, sizes, dataset, count, base.seed, folder
    )
    for name, found in tqdm(every, "units", len(missing), unit="split"):
        keras.utils.set_random_seed(base.seed)
        own = dataclasses.replace(base, split=name)
        model = build_network(
            own, dataset.image_size, dataset.num_classes
        ).model
        unit_start.start_from(found, model, dataset, own)
        path = _file(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"tmp_{path.name}")
        model.save(temporary)
        provenance.write(path.parent, source, temporary)
        temporary.replace(path)


def _file(root, split):
    return root / STARTS / split / MODEL_FILE
