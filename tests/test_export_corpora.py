"""Music out of Debian packages: real packages, built here, from a repository on the disk, by the real apt."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import pytest
from typer.testing import CliRunner

from export.cli import app
from export.corpora.choosing import heard, may_be_music
from export.corpora.copyright import UNKNOWN, licence_of, paragraphs_of
from export.corpora.deb import NoSuchPackage, fields_of, members
from export.corpora.harvest import taken
from export.corpora.packages import PACKAGES
from export.rendered.sound import write_flac

needs_apt = pytest.mark.skipif(
    shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None, reason="no Debian: no packages"
)
RATE_HZ = 8000
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: game

Files: *
Copyright: 2010 Somebody
License: GPL-2+

Files: data/music/*
       data/extra/song.flac
Copyright: 2011 A Musician
License: CC-BY-SA-3.0
 The text of the licence.
 .
 In two paragraphs.

License: GPL-2+
 This is free software.
"""


def tone(path: Path, seconds: float) -> None:
    """A FLAC file with a tone."""
    wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    write_flac(path, wave.astype(np.int16), RATE_HZ)


def build(package: str, root: Path, repository: Path) -> None:
    """A .deb of what lies in `root`, and its entry in the repository's list."""
    (root / "DEBIAN").mkdir()
    control = (
        f"Package: {package}\nVersion: 1:2.0-3\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
        "Homepage: https://example.org/game\nDescription: a game\n"
    )
    (root / "DEBIAN" / "control").write_text(control)
    deb = repository / f"{package}_2.0-3_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(root), str(deb)], check=True, capture_output=True)
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    with (repository / "Packages").open("a") as index:
        index.write(f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n\n")


def game(root: Path) -> None:
    """A tree as a game installs it: two songs, one within an archive; effects, speech, a torn file, a stem."""
    share = root / "usr/share/games/game"
    tone(share / "music" / "battle.flac", 31)
    tone(share / "music" / "jingle.flac", 3)
    tone(share / "sfx" / "wind.flac", 31)
    tone(share / "voices" / "de" / "tale.flac", 31)
    (share / "music" / "torn.ogg").write_bytes(b"OggS" + bytes(100))
    inner = root.parent / "inner.flac"
    tone(inner, 32)
    with zipfile.ZipFile(share / "base.pk3", "w") as archive:
        archive.write(inner, "music/deep.flac")
        archive.write(inner, "sound/weapons/gun.flac")
        archive.writestr("../../outside.flac", inner.read_bytes())
    (share / "other.pk3").write_text("an archive of another kind")
    doc = root / "usr/share/doc/game-music"
    doc.mkdir(parents=True)
    (doc / "copyright").write_text(COPYRIGHT)


@dataclass
class Apt:
    """An apt of its own, that knows the packages built here and no other."""

    config: Path
    repository: Path


@pytest.fixture(scope="module")
def apt(tmp_path_factory: pytest.TempPathFactory) -> Apt:
    """Its list holds game-music, and quiet-game, which has none."""
    base = tmp_path_factory.mktemp("apt")
    for folder in ("repository", "lists/partial", "cache/archives/partial", "game", "quiet/usr/share/quiet"):
        (base / folder).mkdir(parents=True)
    game(base / "game")
    (base / "quiet/usr/share/quiet/readme").write_text("no sound")
    build("game-music", base / "game", base / "repository")
    build("quiet-game", base / "quiet", base / "repository")
    (base / "sources.list").write_text(f"deb [trusted=yes] file:{base}/repository ./\n")
    (base / "status").touch()
    config = base / "apt.conf"
    config.write_text(
        f'Dir::Etc::sourcelist "{base}/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::Cache "{base}/cache";\n'
        f'Dir::State::lists "{base}/lists"; Dir::State::status "{base}/status"; APT::Sandbox::User "root";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(config)}
    subprocess.run(["apt-get", "update", "-q"], env=environment, check=True, capture_output=True)
    return Apt(config, base / "repository")


def export(*arguments: str, **environment: str) -> tuple[int, str]:
    """(exit code, everything printed) of `genred export ARGUMENTS`."""
    result = CliRunner().invoke(app, list(arguments), env=environment)
    return result.exit_code, result.output


def rows(path: Path) -> list[dict[str, str]]:
    """A table's lines."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@needs_apt
def test_the_music_of_packages_with_its_licences(apt: Apt, tmp_path: Path) -> None:
    arguments = ("debian-music", "-o", str(tmp_path), "--package", "game-music", "--package", "quiet-game")
    code, output = export(*arguments, "--package", "no-such-game", APT_CONFIG=str(apt.config))
    assert code == 0, output
    assert "3 tracks, 0.03 h" in output
    assert "left out: no-such-game: Unable to locate package no-such-game" in output
    found = {row["path"]: row for row in rows(tmp_path / "music.csv")}
    assert set(found) == {
        "game-music/game/music/battle.flac",
        "game-music/game/base.pk3/music/deep.flac",
        "game-music/game/base.pk3/outside.flac",
    }
    assert set(found) == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.flac")}
    battle = found["game-music/game/music/battle.flac"]
    assert (battle["labels"], battle["artist"], battle["package"]) == ("", "game-music", "game-music")
    assert (battle["licence"], float(battle["duration_s"])) == ("CC-BY-SA-3.0", 31.0)
    assert found["game-music/game/base.pk3/outside.flac"]["licence"] == "GPL-2+"
    (source,) = rows(tmp_path / "SOURCES.csv")
    assert (source["package"], source["version"], source["tracks"]) == ("game-music", "1:2.0-3", "3")
    assert source["licences"] == "CC-BY-SA-3.0; GPL-2+"
    assert (tmp_path / source["copyright"]).read_text() == COPYRIGHT
    assert not list(tmp_path.rglob("*.deb"))


@needs_apt
def test_what_was_taken_is_not_taken_again_and_what_was_not_finished_is(apt: Apt, tmp_path: Path) -> None:
    arguments = ("debian-music", "-o", str(tmp_path / "a"), "--package", "game-music", "--shortest-s", "31.5")
    assert export(*arguments, "--downloads", str(tmp_path / "debs"), APT_CONFIG=str(apt.config))[0] == 0
    assert [path.name for path in (tmp_path / "debs").iterdir()] == ["game-music_1%3a2.0-3_all.deb"]
    folder = tmp_path / "a" / "game-music"
    first = taken(folder)
    assert first is not None
    assert [Path(track.path).name for track in first.tracks] == ["deep.flac", "outside.flac"]
    assert export(*arguments, APT_CONFIG="/dev/null/no-apt-at-all")[0] == 0  # nothing is asked of apt
    (folder / "source.json").write_text("{")  # as if torn
    assert export(*arguments, APT_CONFIG=str(apt.config))[0] == 0
    assert taken(folder) == first


@needs_apt
def test_a_damaged_package_is_named_and_not_taken_for_finished(apt: Apt, tmp_path: Path) -> None:
    whole = (apt.repository / "game-music_2.0-3_all.deb").read_bytes()
    torn = tmp_path / "game-music_2.0-3_all.deb"
    for size in (0, len(whole) // 2, len(whole) - 20):
        torn.write_bytes(whole[:size])
        with pytest.raises(NoSuchPackage, match=r"game-music_2\.0-3_all\.deb is damaged"):
            fields_of(torn, "Version")
            list(members(torn, lambda _: True))


@needs_apt
def test_midi_files_wait_for_fluidsynth(apt: Apt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"  # everything but fluidsynth
    tools.mkdir()
    for tool in ("apt-get", "dpkg-deb", "dpkg", "tar", "xz", "zstd", "gzip"):
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(tools))
    arguments = ("debian-music", "-o", str(tmp_path / "a"), "--package", "quiet-game", "--package", "openttd-openmsx")
    code, output = export(*arguments, APT_CONFIG=str(apt.config))
    assert code == 0, output
    assert "left out: openttd-openmsx: its MIDI files are played with fluidsynth" in output
    assert not (tmp_path / "a" / "openttd-openmsx").exists()


@needs_apt
def test_without_any_package_or_without_apt_it_says_so(
    apt: Apt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output = export(
        "debian-music", "-o", str(tmp_path / "a"), "--package", "no-such-game", APT_CONFIG=str(apt.config)
    )
    assert code == 69
    assert "no-such-game: Unable to locate package" in output
    monkeypatch.setenv("PATH", str(tmp_path))
    code, output = export("debian-music", "-o", str(tmp_path / "a"))
    assert code == 69
    assert "apt-get is not here: this needs Debian" in output
    assert not (tmp_path / "a").exists()


def test_licences_are_of_the_last_paragraph_that_means_the_file() -> None:
    paragraphs = paragraphs_of(COPYRIGHT)
    assert [paragraph.licence for paragraph in paragraphs] == ["GPL-2+", "CC-BY-SA-3.0"]
    assert licence_of("usr/share/games/game/music/a.ogg", paragraphs) == "CC-BY-SA-3.0"
    assert licence_of("usr/share/games/game/extra/song.ogg", paragraphs) == "CC-BY-SA-3.0"  # encoded anew
    assert licence_of("usr/share/games/game/extra/song2.ogg", paragraphs) == "GPL-2+"
    assert licence_of("usr/share/games/game/sound/a.ogg", paragraphs) == "GPL-2+"
    assert licence_of("a.ogg", paragraphs_of("This game is free software, all of it.\n")) == UNKNOWN


def test_places_and_kinds_tell_effects_from_music() -> None:
    music = ("usr/share/x/music/a.ogg", "usr/share/x/Music/A.OGG", "usr/share/x/sounds/a.opus", "x/data.pk3")
    other = ("x/sfx/a.ogg", "x/Voices/de/a.ogg", "x/song/guitar.ogg", "x/music/a.xm", "x/music/a.mid", "x/music/a")
    assert all(may_be_music(path, "game") for path in music)
    assert not any(may_be_music(path, "game") for path in other)
    assert may_be_music("x/baseset/a.mid", "openttd-openmsx")


def test_what_cannot_be_read_is_no_music(tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(b"OggS" + bytes(50))
    (tmp_path / "b.flac").touch()
    mido.MidiFile().save(str(tmp_path / "c.mid"))
    tone(tmp_path / "d.flac", 1.5)
    assert [heard(path) for path in sorted(tmp_path.iterdir())][:3] == [None, None, None]
    known = heard(tmp_path / "d.flac")
    assert known is not None
    assert (known.duration_s, known.artist, known.title) == (1.5, "", "")


def test_each_package_is_named_once() -> None:
    assert list(PACKAGES) == sorted(set(PACKAGES))
    assert len(PACKAGES) > 40
