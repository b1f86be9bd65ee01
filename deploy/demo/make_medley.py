"""Compose, render and encode the demo medley: writes medley.ogg and medley.json. See README.md beside this file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
from medley.programme import DEFAULT_SEED, midi_sha256, scores
from medley.smf import smf_bytes
from medley.sound import RATE_HZ, Sound, join, level, perform

HERE = Path(__file__).resolve().parent
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
RMS_DBFS = -17.0
TAIL_S = 0.6
BIT_RATE = 112_000


def encode(sound: Sound, path: Path) -> None:
    """Write Opus in Ogg; a temporary file first, then renamed."""
    temporary = path.with_name(path.name + ".tmp")
    pcm = np.round(np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16).reshape(1, -1)
    with av.open(str(temporary), "w", format="ogg", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="stereo", bit_rate=BIT_RATE)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    temporary.replace(path)


def segments(seed: int) -> list[dict[str, Any]]:
    """What medley.json says of each segment, in order."""
    found, start_s = [], 0.0
    for style, score in scores(seed):
        end_s = round(start_s + score.length_s, 3)
        found.append(
            {
                "style": style.name,
                "start_s": start_s,
                "end_s": end_s,
                "expect": list(style.expect),
                "midi_sha256": midi_sha256(score),
            }
        )
        start_s = end_s
    return found


def write_description(seed: int, path: Path) -> None:
    """Write medley.json; a temporary file first, then renamed."""
    description = {
        "seed": seed,
        "licence": "Apache-2.0 (composition), MIT (SoundFont, see LICENSE.soundfont)",
        "expect_of": "musicnn-msd",
        "segments": segments(seed),
    }
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def write_midi(seed: int, folder: Path) -> None:
    """Write one .mid a style, for listening with other instruments or reading in a notation program."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (style, score) in enumerate(scores(seed), start=1):
        (folder / f"{number}-{style.name.replace(' ', '-')}.mid").write_bytes(smf_bytes(score))


def make(seed: int, soundfont: Path, folder: Path) -> None:
    """The whole medley into `folder`."""
    parts = [level(perform(score, soundfont, TAIL_S), RMS_DBFS) for _, score in scores(seed)]
    encode(join(parts, TAIL_S), folder / "medley.ogg")
    write_description(seed, folder / "medley.json")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compose and render the demo medley.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT, help="FluidR3_GM.sf2, the one it is tuned for")
    parser.add_argument("--out", type=Path, default=HERE, help="where medley.ogg and medley.json go")
    parser.add_argument("--midi", type=Path, help="only write the MIDI files, into this folder")
    given = parser.parse_args()
    if given.midi:
        write_midi(given.seed, given.midi)
    elif not given.soundfont.is_file():
        sys.exit(f"no SoundFont at {given.soundfont}; on Debian: apt-get install fluidsynth fluid-soundfont-gm")
    else:
        make(given.seed, given.soundfont, given.out)


if __name__ == "__main__":
    main()
