"""What a network's frozen body says of each window, heard once and kept.

`<folder>/embeddings/<id of body and recipe>/<clip's sha[:2]>/<clip's sha>.npz`: named by content, so that a moved clip
is not heard again, and other weights or windows have entries of their own. A body that never moves says the same in
every epoch; what learns on it then takes seconds where it would take hours.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn

from export.data.augment import ALL, AugmentSettings
from export.data.cache import FeatureCache, sha256_of
from export.data.clip import Clip
from export.data.decode import Floats
from export.data.features import SILENCE_DBFS, silent_windows
from export.data.kept_rows import read_rows, write_rows
from export.data.recipe import Recipe
from export.errors import SettingsUnusable
from export.progress import tracked
from export.train.parallel import Team
from models.front_ends.network_input_torch import network_input
from models.networks.embedding_mlp import EmbeddingMlp

_BATCH: Final = 16  # windows that go through the body at once


class OnEmbeddings(nn.Module):
    """The part of `network` that learns, as a network of its own whose inputs are embeddings."""

    def __init__(self, network: EmbeddingMlp) -> None:
        super().__init__()
        self.network = network

    def logits(self, embeddings: Tensor) -> Tensor:
        """float32 (batch, n_embedding) -> (batch, n_labels)."""
        return self.network.logits_of(embeddings)


@dataclass(frozen=True, slots=True, eq=False)
class ClipEmbeddings:
    """embeddings: float32 (n_windows, n_embedding), zeros where silent. power: of the clip's hop blocks."""

    embeddings: Floats
    power: Floats

    def n_windows(self, recipe: Recipe) -> int:
        """Windows of the clip, the silent ones included."""
        return len(self.embeddings)

    def windows(self, recipe: Recipe, which: npt.NDArray[np.intp]) -> Floats:
        """float32 (len(which), n_embedding)."""
        return self.embeddings[which]

    def silent(self, recipe: Recipe, silence_dbfs: float = SILENCE_DBFS) -> npt.NDArray[np.bool_]:
        """bool (n_windows,)."""
        return silent_windows(self.power, recipe, silence_dbfs)


class EmbeddingCache:
    """What the body of `network`, on `team.device`, says of windows; where `features` keeps what it hears."""

    def __init__(self, features: FeatureCache, network: EmbeddingMlp, team: Team) -> None:
        self.recipe = features.recipe
        self._features, self._network, self._team = features, network, team
        self.entries = features.folder / "embeddings" / _id(network.body, features.recipe)

    @property
    def window_bytes(self) -> int:
        """How large what is kept of a window is, float32."""
        return 4 * self._network.n_embedding

    def blocks(self, clip: Clip) -> ClipEmbeddings:
        """The clip's embeddings, made where they have not been kept. UnreadableAudio, CannotWrite."""
        power, entry = self._features.power(clip), self._entry(clip)
        kept = read_rows(entry, self._network.n_embedding)
        if kept is None or len(kept) != len(silent_windows(power, self.recipe)):
            kept = self._heard(clip)
            write_rows(entry, kept, "embeddings")
        return ClipEmbeddings(kept, power)

    def power(self, clip: Clip) -> Floats:
        """As `FeatureCache.power`."""
        return self._features.power(clip)

    def prepare(self, clips: Sequence[Clip]) -> None:
        """Let the body hear what it has not heard yet, each process of the team its share; begun again, it goes on."""
        missing = [clip for clip in clips if not self._entry(clip).is_file()]
        self._team.wait()  # until all have looked: what one writes must not shift the others' shares
        own = missing[self._team.rank :: self._team.size]
        for clip in tracked(own, len(own), "the frozen body listening"):
            self.blocks(clip)
        self._team.wait()

    def _entry(self, clip: Clip) -> Path:
        sha256 = clip.sha256 or sha256_of(clip.path)
        return self.entries / sha256[:2] / f"{sha256}.npz"

    def _heard(self, clip: Clip) -> Floats:
        blocks, recipe = self._features.blocks(clip), self.recipe
        found = np.zeros((blocks.n_windows(recipe), self._network.n_embedding), np.float32)
        loud = np.flatnonzero(~blocks.silent(recipe))
        body = self._network.body.eval()
        with torch.inference_mode():
            for start in range(0, len(loud), _BATCH):
                part = loud[start : start + _BATCH]
                frames = torch.from_numpy(blocks.windows(recipe, part)).to(self._team.device)
                found[part] = body(network_input(frames, recipe.front_end)).float().cpu().numpy()
        return found


def check_unaugmented(settings: AugmentSettings, network: str) -> None:
    """SettingsUnusable when windows were to be changed from epoch to epoch, which a frozen body does not hear."""
    asked = [name for name in ALL if getattr(settings, name)]  # probabilities; what they leave at 0 says nothing
    if asked:
        raise SettingsUnusable(
            f"augment.{asked[0]}: the body of {network} is frozen and hears each window once, so that windows cannot "
            f"differ from epoch to epoch; leave out {', '.join(asked)}, or train a network whose body learns"
        )


def unchanged(windows: Tensor, targets: Tensor, _generator: Generator) -> tuple[Tensor, Tensor]:
    """In place of an augmentation."""
    return windows, targets


def _id(body: nn.Module, recipe: Recipe) -> str:
    heard = [recipe.front_end.as_fields(), recipe.window_s, recipe.hop_s]
    digest = hashlib.sha256(json.dumps(heard, sort_keys=True).encode())
    for name, tensor in sorted(body.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
