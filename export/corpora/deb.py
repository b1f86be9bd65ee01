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
    """This Debian has no package of that name, or it cannot be downloaded now."""


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
    """Control fields, empty where absent."""
    return tuple(
        subprocess.run(["dpkg-deb", "-f", str(deb), name], capture_output=True, text=True, check=True).stdout.strip()
        for name in names
    )


@contextmanager
def _contents(deb: Path) -> Iterator[tarfile.TarFile]:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                yield tar
        finally:
            process.kill()


def members(deb: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, IO[bytes]]]:
    """Each regular file whose path (`usr/share/…`) is wanted, to be read before the next one is asked for."""
    with _contents(deb) as tar:
        for member in tar:
            path = member.name.removeprefix("./")
            if member.isfile() and wanted(path):
                file = tar.extractfile(member)
                if file is not None:
                    yield path, file
