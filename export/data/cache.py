"""What has been heard once is kept: hop blocks in files that are named by what they were made from.

`<folder>/<features_id>/<sha[:2]>/<sha>.npz`: the front end and the hop (not the normalisation, nor the windows) and the
SHA-256 of the recording; of a picture, which is fitted to a window, `<sha>-<blocks a window>.npz`. A moved recording is
found again, another front end has entries of its own, and two processes that build the same entry write the same bytes
to the same place.
"""

import hashlib
import json
from math import prod
from pathlib import Path

from export.data.cache_entry import TornEntry, read_entry, read_power, write_entry
from export.data.clip import Clip
from export.data.decode import Floats, UnreadableAudio
from export.data.features import Blocks, blocks_of, check_recipe
from export.data.media import is_picture
from export.data.recipe import Recipe
from export.errors import CannotWrite
from models.whole_file import write_text


class FeatureCache:
    """The hop blocks of clips, read where they have been kept and made where they have not.

    InputUnusable for a recipe whose windows cannot be cut.
    """

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        check_recipe(recipe)
        self.folder, self.recipe = folder, recipe
        self.entries = folder / recipe.features_id

    @property
    def window_bytes(self) -> int:
        """How large a window is, float32."""
        return 4 * prod(self.recipe.window_shape)

    def blocks(self, clip: Clip) -> Blocks:
        """The clip's blocks. UnreadableAudio; CannotWrite when a new entry cannot be kept."""
        sha256 = clip.sha256 or sha256_of(clip.path)
        try:
            return read_entry(self._entry(clip, sha256), self.recipe)
        except (FileNotFoundError, TornEntry):
            self._build(clip, sha256)
            return read_entry(self._entry(clip, sha256), self.recipe)  # as every later reader will see it

    def power(self, clip: Clip) -> Floats:
        """The power of each of the clip's blocks alone, as `Blocks.power`; far quicker. Raises as `blocks` does."""
        sha256 = clip.sha256 or sha256_of(clip.path)
        try:
            return read_power(self._entry(clip, sha256))
        except (FileNotFoundError, TornEntry):
            return self._build(clip, sha256).power

    def kept_power(self, clip: Clip) -> Floats | None:
        """As `power`, or None where it would have to be made."""
        try:
            return read_power(self._entry(clip, clip.sha256 or sha256_of(clip.path)))
        except (FileNotFoundError, TornEntry):
            return None

    def _entry(self, clip: Clip, sha256: str) -> Path:
        fitted = f"-{self.recipe.blocks_per_window}" if is_picture(clip.path) else ""
        return self.entries / sha256[:2] / f"{sha256}{fitted}.npz"

    def _build(self, clip: Clip, sha256: str) -> Blocks:
        if clip.sha256 is not None and sha256_of(clip.path) != sha256:
            raise UnreadableAudio(f"{clip.path} is no longer what was scanned: run genred export scan again")
        blocks = _heard(clip.path, self.recipe)
        try:
            self._describe()
            write_entry(self._entry(clip, sha256), blocks, self.recipe)
        except OSError as error:
            raise CannotWrite(
                f"{self.folder}: the cache cannot be written ({error.strerror}); nothing was left half-written, "
                "and what is in it will be used again"
            ) from None
        return blocks

    def _describe(self) -> None:
        """For people: which front end these entries are of."""
        path = self.entries / "front_end.json"
        if not path.exists():
            front_end = self.recipe.front_end.as_fields()
            del front_end["normalisation"]
            write_text(path, json.dumps({"front_end": front_end, "hop_s": self.recipe.hop_s}, indent=2) + "\n")


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's bytes, hex; UnreadableAudio."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableAudio(f"{path} cannot be read: {error.strerror}") from None


def _heard(path: Path, recipe: Recipe) -> Blocks:
    if is_picture(path):
        from export.data.images import image_blocks

        return image_blocks(path, recipe)
    return blocks_of(path, recipe)
