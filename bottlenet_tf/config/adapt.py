"""Settings of one adaptation."""

import dataclasses
import pathlib

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.config.data import SKIP_CORRUPT

PACK = "adapted.pack"


@dataclasses.dataclass(frozen=True)
class AdaptConfig(Settings):
    """One adaptation. `bottlenet-adapt --help` explains every field."""

    workdir: str
    images: str = setting("", "Folder of photos, in subfolders or not.")
    out: str | None = setting(None, f"The pack to write; unset: RUN/{PACK}.")
    refit: str = setting(
        "auto",
        "What to recompute: the tables alone; the transform, too; or auto, the "
        "transform if there are enough photos and it takes fewer bytes at "
        "equal divergence than tables alone, on photos that neither was fitted "
        "to. Those held out choose nothing.",
        choices=("auto", "tables", "transform"),
    )
    steps: int = setting(
        0, "Steps of fine-tuning on the unsplit network's answers.", least=0
    )
    held_out: float = setting(
        0.2,
        "Share of the photos that is held out for measuring.",
        above=0,
        below=1,
        why="some photos are fitted to, others are measured on",
    )
    batch_size: int = setting(
        32, "Photos per step, and per batch otherwise.", least=1
    )
    skip_corrupt: bool = setting(**SKIP_CORRUPT)
    seed: int = setting(
        0, "Decides which photos are held out, and every random draw."
    )

    def rules(self):
        yield (
            self.path.suffix == ".pack",
            "--out must end in .pack; the figures are written next to it, as "
            ".json.",
        )

    @property
    def path(self):
        """`pathlib.Path` of the pack."""
        return pathlib.Path(self.out or pathlib.Path(self.workdir, PACK))
