"""Live curves elsewhere: TensorBoard's events always, Weights & Biases if asked for."""

import json
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from export.errors import DependencyMissing
from export.train.outcome import EpochFigures
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings


class Live:
    """Sends every epoch's numbers; belongs to the leading process."""

    def __init__(self, folder: RunFolder, settings: TrainSettings, from_epoch: int) -> None:
        """from_epoch: what an earlier session has written of this epoch and later ones is void. DependencyMissing."""
        new_writer: Any = SummaryWriter  # has no annotations
        self._board = new_writer(str(folder.tensorboard), purge_step=from_epoch)
        self._wandb = _wandb_run(folder, settings) if settings.wandb != "off" else None

    def epoch(self, figures: EpochFigures) -> None:
        """One epoch's numbers, at once to where they are read."""
        numbers = {
            "loss/training": figures.train_loss,
            "loss/validation": figures.validation_loss,
            "recall_positives/training": figures.train_recall,
            "learning_rate": figures.learning_rate,
            "windows_per_second": figures.windows / max(figures.seconds, 1e-9),
            **{f"validation/{name}": value for name, value in figures.figures.items()},
        }
        for name, value in numbers.items():
            self._board.add_scalar(name, value, figures.epoch)
        self._board.flush()
        if self._wandb is not None:
            self._wandb.log(numbers, step=figures.epoch)

    def close(self) -> None:
        """Everything written."""
        self._board.close()
        if self._wandb is not None:
            self._wandb.finish()


def _wandb_run(folder: RunFolder, settings: TrainSettings) -> Any:
    """A run of Weights & Biases under the folder; a new one each time training goes on."""
    try:
        import wandb
    except ImportError:
        raise DependencyMissing("wandb is not installed: pip install 'genred[wandb]', or set wandb = 'off'") from None
    try:
        return wandb.init(
            project="genred",
            name=folder.path.resolve().name,
            dir=str(folder.path),
            mode="online" if settings.wandb == "online" else "offline",
            config=json.loads(settings.model_dump_json()),
            settings=wandb.Settings(silent=True, console="off"),
        )
    except (wandb.errors.Error, OSError) as error:
        raise DependencyMissing(f"wandb: {error}; wandb = 'offline' needs no account and no network") from None
