"""fluidsynth and its SoundFonts: found, and run on one MIDI file."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.errors import DependencyMissing, InputUnusable

RATE_HZ: Final = 22_050
FLUID_R3: Final = "FluidR3_GM.sf2"
TIM_GM: Final = "TimGM6mb.sf2"
FOLDERS: Final = (Path("/usr/share/sounds/sf2"), Path("/usr/share/soundfonts"), Path("/usr/local/share/soundfonts"))
PACKAGES: Final = "apt-get install fluidsynth fluid-soundfont-gm timgm6mb-soundfont"
LIMIT_S: Final = 300


@dataclass(frozen=True, slots=True)
class Synth:
    """program: fluidsynth. soundfont: the instruments."""

    program: str
    soundfont: Path

    def render(self, midi: bytes) -> npt.NDArray[np.float32]:
        """Float32 (frames, 2) at RATE_HZ, unscaled (may exceed 1); InputUnusable when fluidsynth fails."""
        with tempfile.TemporaryDirectory(prefix="genred-render-") as folder:
            source, target = Path(folder, "piece.mid"), Path(folder, "piece.raw")
            source.write_bytes(midi)
            command = [*self._command(target), str(self.soundfont), str(source)]
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False
                )
            except subprocess.TimeoutExpired:
                raise InputUnusable(f"fluidsynth with {self.soundfont} is not done after {LIMIT_S} s") from None
            if done.returncode or not target.is_file():
                said = (done.stderr or done.stdout).strip().splitlines()
                raise InputUnusable(f"fluidsynth with {self.soundfont} failed: {said[-1] if said else 'no word why'}")
            return np.fromfile(target, dtype="<f4").reshape(-1, 2)

    def _command(self, target: Path) -> list[str]:
        # Little-endian floats without a header: nothing clips, whatever the gain. Room and chorus as by default.
        shape = ["-r", str(RATE_HZ), "-O", "float", "-T", "raw", "-E", "little"]
        return [self.program, "-n", "-i", "-q", "-g", "0.5", *shape, "-F", str(target)]


def find_synth(soundfont: str | Path) -> Synth:
    """fluidsynth with a SoundFont by path, or by name in the usual folders; DependencyMissing names the packages."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise DependencyMissing(f"fluidsynth is not installed (Debian: {PACKAGES})")
    places = [Path(soundfont), *(folder / soundfont for folder in FOLDERS)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        looked = ", ".join(map(str, FOLDERS))
        raise DependencyMissing(f"no SoundFont {soundfont} here nor in {looked} (Debian: {PACKAGES})")
    return Synth(program, found)
