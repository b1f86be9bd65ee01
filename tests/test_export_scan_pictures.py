"""Spectrogram pictures in place of music: their tags, what is in them, and damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from export.data.images import UnreadablePicture, grey_pixels, image_blocks
from export.data.recipe import Recipe
from tests.made_music import write_tune
from tests.scanning import refused, scan

RECIPE = Recipe()
FRAMES, MELS = RECIPE.window_shape


def write_picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 200), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_pictures_with_tags_beside_them(tmp_path: Path) -> None:
    source = tmp_path / "pictures"
    for n, tags in enumerate(("rock indie", "rock", "jazz", "jazz  rock\n", "indie", "jazz")):
        write_picture(source / "x" / f"{n}.png", n).with_suffix(".txt").write_text(tags)
    write_picture(source / "bare.png", 20)
    write_picture(source / "empty.png", 21).with_suffix(".txt").write_text("\n")
    (source / "broken.png").write_bytes((source / "x" / "0.png").read_bytes()[:700])
    (source / "broken.txt").write_text("rock")
    Image.open(source / "x" / "1.png").save(source / "copy.bmp")
    (source / "copy.txt").write_text("rock")
    done = scan(source, tmp_path / "set")
    assert done.code == 0, done.said
    assert done.music.multi_label
    assert done.music.label_names == ("indie", "jazz", "rock")
    assert done.clips["3.png"].labels == ("jazz", "rock")
    assert done.clips["3.png"].duration_s is None
    assert done.skipped == {
        "bare.png": "bare.txt with its tags is missing",
        "empty.png": "empty.txt is empty",
        "broken.png": "not a picture, or a damaged one",
    }
    (group,) = done.report["duplicates"]
    assert {Path(one["path"]).name for one in group} == {"1.png", "copy.bmp"}


def test_pictures_in_a_table_and_in_folders(tmp_path: Path) -> None:
    for n in range(8):
        write_picture(tmp_path / "p" / ("a", "b")[n % 2] / f"{n}.png", n)
    table = tmp_path / "clips.csv"
    table.write_text("path,tags\n" + "".join(f"p/{'ab'[n % 2]}/{n}.png,{'x y' if n % 2 else 'x'}\n" for n in range(8)))
    assert scan(table, tmp_path / "a").clips["1.png"].labels == ("x", "y")
    folders = scan(tmp_path / "p", tmp_path / "b")
    assert folders.music.label_names == ("a", "b")
    write_tune(tmp_path / "p" / "a" / "m.wav", 1, 4.5)
    table.write_text(table.read_text() + "p/a/m.wav,x\n")
    assert "names both audio files and pictures" in refused(table, tmp_path / "c")
    assert "no usable clip has the label 'b'" in refused(
        tmp_path / "p", tmp_path / "d"
    )  # music, with pictures beside it


def test_a_picture_is_what_a_front_end_would_give(tmp_path: Path) -> None:
    """Columns are frames, the top row is the highest mel, black is -80 dB and white 0 dB."""
    blocks = RECIPE.frames_per_hop
    pixels: npt.NDArray[np.uint8] = np.zeros((MELS, 3 * blocks + 5), np.uint8)
    pixels[0, :blocks] = 255
    pixels[-1, blocks : 2 * blocks] = 204
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    made = image_blocks(path, RECIPE)
    assert made.frames.shape == (3, blocks, MELS)
    assert made.frames.dtype == np.float32
    assert np.all(made.frames[0, :, -1] == 0)
    assert np.all(made.frames[0, :, :-1] == -80)
    assert made.frames[1, :, 0] == pytest.approx(-16)
    assert made.windows(RECIPE).shape == (2, FRAMES, MELS)
    assert made.silent(RECIPE).tolist() == [False, False]
    Image.fromarray(np.zeros_like(pixels)).save(path)
    assert image_blocks(path, RECIPE).silent(RECIPE).tolist() == [True, True]


@pytest.mark.parametrize("shape", [(64, 40), (300, FRAMES), (1, 1), (MELS, FRAMES), (513, 1000)])
def test_pictures_of_any_size_fit(tmp_path: Path, shape: tuple[int, int]) -> None:
    """A gradient from black (low) to white (high) stays one, whatever is stretched or shrunk."""
    rows = np.linspace(65_535, 0, shape[0])[:, np.newaxis] * np.ones(shape[1])
    path = tmp_path / "a.png"
    Image.fromarray(rows.astype(np.uint16)).save(path)
    made = image_blocks(path, RECIPE)
    assert len(made.windows(RECIPE)) >= 1
    mels = made.frames[0, 0]
    assert np.all(np.diff(mels) >= -1e-4)
    assert mels.mean() == pytest.approx(grey_pixels(path).mean() * 80 - 80, abs=0.5)


def test_colours_become_brightness_and_damage_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((4, 4, 3), 255, np.uint8)).save(path)
    assert np.all(grey_pixels(path) == 1)
    whole = write_picture(path, 1).read_bytes()
    for content in (b"", b"\x89PNG", whole[:60], whole[:5_000]):
        path.write_bytes(content)
        with pytest.raises(UnreadablePicture, match=r"a\.png: not a picture, or a damaged one"):
            image_blocks(path, RECIPE)
    with pytest.raises(UnreadablePicture, match="No such file"):
        image_blocks(tmp_path / "none.png", RECIPE)
