"""Package after package: downloaded, its music taken, the package thrown away. What was taken before is not again."""

import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from export.corpora.deb import NoSuchPackage, check_tools, download
from export.corpora.harvest import Source, harvest, taken
from export.corpora.packages import MIDI_PACKAGES
from export.errors import DependencyMissing
from export.progress import tracked
from export.rendered.synth import FLUID_R3, Synth, find_synth
from export.rendered.synth import PACKAGES as SYNTH_PACKAGES


@dataclass(frozen=True, slots=True)
class Corpus:
    """missing: why packages could not be had, a line each."""

    sources: tuple[Source, ...]
    missing: tuple[str, ...]


def collect(folder: Path, packages: Sequence[str], shortest_s: float, downloads: Path | None) -> Corpus:
    """The music of these packages in `folder`; DependencyMissing where none can be had, OSError."""
    check_tools()
    synth = _synth_if_there()
    sources, missing = [], []
    for package in tracked(packages, len(packages), "packages"):
        try:
            source = taken(folder / package)
            if source is None and synth is None and package in MIDI_PACKAGES:
                missing.append(f"{package}: its MIDI files are played with fluidsynth (Debian: {SYNTH_PACKAGES})")
                continue
            if source is None:
                with _place(downloads) as place:
                    source = harvest(package, download(package, place), folder / package, shortest_s, synth)
            sources.append(source)
        except NoSuchPackage as error:
            missing.append(str(error))
        except tarfile.TarError as error:  # in the middle of a file
            missing.append(f"{package}: what was downloaded is damaged ({error})")
    if not sources:
        raise DependencyMissing("\n".join(missing))
    return Corpus(tuple(source for source in sources if source.tracks), tuple(missing))


@contextmanager
def _place(downloads: Path | None) -> Iterator[Path]:
    if downloads is not None:
        yield downloads
        return
    with tempfile.TemporaryDirectory(prefix="genred-deb-") as place:
        yield Path(place)


def _synth_if_there() -> Synth | None:
    try:
        return find_synth(FLUID_R3)
    except DependencyMissing:
        return None
