"""The training loop."""

from pathlib import Path

from export.data.music_set import MusicSet
from export.data.targets import Targets
from export.train.outcome import OnEpoch, Outcome
from export.train.settings import TrainSettings


def train(
    music: MusicSet,
    settings: TrainSettings,
    run: Path,
    *,
    targets: Targets | None = None,
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
    cache: Path | None = None,
    workers: int = 0,
) -> Outcome:
    """Train on the set's split "train", judge every epoch on "validation", keep the best in `run`.

    targets: what windows should be called; None: the clips' labels. on_epoch: called after each epoch; may raise
    StopTraining (`export.train.outcome`). cache: default `music.folder`/cache. workers: processes that fill it; 0:
    one a processor. Raises InputUnusable, SettingsUnusable, CannotWrite.
    """
    raise NotImplementedError
