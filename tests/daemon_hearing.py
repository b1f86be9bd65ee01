"""What the daemon hears of a file: the oracle of everything that is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.cuts import Window
from daemon.features import CpuFeatures
from daemon.grid import make_grid
from daemon.scoring import window_power
from daemon.sources.decode import Decoder, open_container
from daemon.sources.reading import Runs
from daemon.windows import Windower
from models.front_ends.spec import FrontEnd


@dataclass(frozen=True, slots=True)
class Heard:
    """A window's number, its frames (frames, n_mels) before normalisation, and its mean power."""

    index: int
    log_mel: npt.NDArray[np.float32]
    power: float


def daemon_windows(path: Path, front_end: FrontEnd, window_s: float = 4.0, hop_s: float = 2.0) -> list[Heard]:
    """The windows that `genred tag` scores or calls silent, of a file of one format."""
    features = CpuFeatures(front_end, lambda samples: None)
    runs, heard, windower = Runs("file", "epoch"), list[Heard](), None
    with open_container(f"file:{path}", str(path), protocols="file") as container:
        for piece in Decoder(container, str(path), 2.0).pieces():
            chunk = runs.chunk(piece)
            if windower is None:
                grid = make_grid(chunk.format.sample_rate_hz, front_end, window_s, hop_s, 0.05)
                windower = Windower(chunk.stream, chunk.epoch, chunk.format, grid)
            for cut in windower.push(chunk):
                if isinstance(cut, Window):
                    heard.append(Heard(cut.index, features.window(cut), window_power(cut)))
    assert windower is not None
    for cut in windower.flush():
        if isinstance(cut, Window):
            heard.append(Heard(cut.index, features.window(cut), window_power(cut)))
    return heard
