"""Debian's packages: downloaded with apt-get, read as streams with dpkg-deb. Nothing is installed, no script is run."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from export.errors import DependencyMissing


class NoSuchPackage(DependencyMissing):
    """This Debian has no package of that name, it cannot be downloaded now, or what came is damaged."""


def check_tools() -> None:
    """DependencyMissing where there is no apt."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise DependencyMissing(f"{tool} is not here: this needs Debian, or a derivative with its packages")


def download(package: str, folder: Path) -> Path:
    """The package's .deb in `folder`, downloaded unless it is there already; NoSuchPackage, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = sorted(folder.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
    if done.returncode or not found:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["E: no word why"]
        raise NoSuchPackage(f"{package}: {said[0][2:].strip()} (is the list fresh? apt-get update)")
    return found[-1]


def fields_of(deb: Path, *names: str) -> tuple[str, ...]:
    """Control fields, empty where absent; NoSuchPackage for a damaged package."""
    try:
        return tuple(
            subprocess.run(
                ["dpkg-deb", "-f", str(deb), name], capture_output=True, text=True, check=True
            ).stdout.strip()
            for name in names
        )
    except subprocess.CalledProcessError:
        raise _damaged(deb) from None


@contextmanager
def _contents(deb: Path) -> Iterator[tarfile.TarFile]:
    """The package's files as they come; NoSuchPackage where they do not come to their end."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                yield tar
            while process.stdout.read(1 << 16):
                pass  # what pads the archive
            if process.wait():
                raise _damaged(deb)
        except tarfile.TarError:
            raise _damaged(deb) from None
        finally:
            process.kill()


def _damaged(deb: Path) -> NoSuchPackage:
    return NoSuchPackage(f"{deb.name} is damaged: remove it, and run the command again")


def members(deb: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, IO[bytes]]]:
    """Each regular file whose path (`usr/share/…`) is wanted, to be read before the next one; NoSuchPackage."""
    with _contents(deb) as tar:
        for member in tar:
            path = member.name.removeprefix("./")
            if member.isfile() and wanted(path):
                file = tar.extractfile(member)
                if file is not None:
                    yield path, file
