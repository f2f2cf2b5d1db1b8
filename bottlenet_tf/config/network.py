"""The network to train, its cut, and the weights that it starts from."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting

MODES = ("baseline", "cloud", "aware", "naive", "tail", "frozen")
_MODE = """What is trained:
baseline: the network without a unit;
cloud: the same, tuned on images that went through --image_codec: the rival \
that sends the image;
aware: unit and network with the codec in the loop (BottleNet);
naive: the same without the codec, which is switched on afterwards;
tail: unit and the blocks after it; the device's blocks are frozen;
frozen: the unit alone; the network is frozen."""


@dataclasses.dataclass(frozen=True)
class NetworkSettings(Settings):
    """The network of a `TrainConfig`."""

    workdir: str = setting(
        "runs/run",
        "Folder for checkpoints, logs, model.keras and report.json. Restarted "
        "with the same flags, a run resumes.",
    )
    mode: str = setting("aware", _MODE, choices=MODES)
    backbone: str = setting(
        "cifar_resnet20",
        "Network: resnet18 ... resnet152, cifar_resnet20 ... cifar_resnet110, "
        "any keras.applications model (mobilenet_v2, ...), or the path of a "
        "functional .keras model that takes raw RGB, or grey, which is the "
        "luma of RGB.",
    )
    backbone_weights: str | None = setting(
        None,
        "'imagenet', a weights file (.npz, .h5, .keras), or the workdir of a "
        "finished --mode=baseline run. Unset: random.",
    )
    split: str = setting(
        "RB1",
        "Where to cut: RB1, RB2, ... or the name of a layer whose output "
        "separates the network.",
    )
    freeze_prefix: bool = setting(
        False,
        "Freeze the network before the unit: faster training, and "
        "units of several rates can share one device network.",
    )
    init_from: str | None = setting(
        None,
        "Workdir of a run with the same backbone, split and unit to start "
        "from, e.g. of another quality or byte budget.",
    )
    preprocessing: str = setting(
        "auto",
        "auto, none, unit (0..1), signed (-1..1, the same as tf), torch or "
        "caffe: the network's scaling of raw RGB, which becomes part of the "
        "graph. auto: as a named network was trained, and none for a .keras "
        "file; a run that would do better with unit or signed says so and "
        "stops.",
    )
    output: str = setting(
        "auto",
        "The network's outputs: softmax, one class per image; sigmoid, any "
        "number of labels per image (accuracy is exact match; mean average "
        "precision is reported, too). auto: by the last layer of its .keras "
        "file, or else by the data set's labels. A single output tells two "
        "classes apart.",
        choices=("auto", "softmax", "sigmoid"),
    )
    allow_chance: bool = setting(
        False,
        "Continue although a trained network is no more accurate than "
        "guessing.",
    )
    imports: tuple[str, ...] = setting(
        (),
        "Modules or .py files, separated by commas, that define the custom "
        "layers of a .keras file.",
        flag="import",
    )
    new_head: bool = setting(
        False,
        "With --mode=baseline and a .keras file: replace its classifier by one "
        "for the data set's classes, for transfer learning.",
    )
    head_dropout: float = setting(
        0.2, "Dropout before the classifier of --new_head.", least=0, below=1
    )
    backbone_rate: float = setting(
        0.1,
        "With --new_head: learning rate of the layers before it, relative to "
        "--learning_rate, which is the classifier's. 0 leaves them as they "
        "are.",
        least=0,
    )
    train_frozen: bool = setting(
        False,
        "Train the layers, too, that the .keras file declares not trainable, "
        "as transfer learning does.",
    )

    @property
    def has_unit(self):
        """Whether the network is split; "baseline" and "cloud" are whole."""
        return self.mode not in ("baseline", "cloud")

    @property
    def starts_trained(self):
        """Whether the backbone comes with weights."""
        return is_trained(self.backbone, self.backbone_weights)


def is_trained(backbone, weights):
    """Whether a network comes with weights: given, or in its own file."""
    return weights is not None or (backbone or "").endswith(".keras")
