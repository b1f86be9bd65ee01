"""Find the checkpoints of the PyPI package musicnn without importing it (it would import TensorFlow)."""

import importlib.util
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from export.errors import DependencyMissing

PACKAGE_VERSION: Final = "0.1.0"
_INSTALL: Final = f"pip install --no-deps musicnn=={PACKAGE_VERSION}"


class PackageMissingError(DependencyMissing):
    """The package is not where it was said to be, or not installed; the message says what to do."""


@contextmanager
def musicnn_package(source: Path | None) -> Iterator[Path]:
    """The folder with `MSD_musicnn/` and `MTT_musicnn/`: of the installed package, a folder, or a wheel.

    A wheel is unpacked into a temporary folder that lasts as long as the context. Raises PackageMissingError.
    """
    if source is None:
        yield _with_checkpoints(_installed(), "the installed package musicnn")
    elif source.is_dir():
        yield _with_checkpoints(source, str(source))
    elif zipfile.is_zipfile(source):
        with tempfile.TemporaryDirectory(prefix="genred-musicnn-") as folder:
            with zipfile.ZipFile(source) as wheel:
                wheel.extractall(folder, [name for name in wheel.namelist() if "_musicnn/" in name])
            yield _with_checkpoints(Path(folder), str(source))
    else:
        raise PackageMissingError(f"{source} is neither a folder nor a wheel of musicnn; get one with: {_INSTALL}")


def _installed() -> Path:
    """The installed package's folder."""
    spec = importlib.util.find_spec("musicnn")
    if spec is None or not spec.submodule_search_locations:
        raise PackageMissingError(f"the package musicnn is not installed; install it with: {_INSTALL}")
    return Path(next(iter(spec.submodule_search_locations)))


def _with_checkpoints(folder: Path, what: str) -> Path:
    """`folder`, or the folder musicnn in it, whichever holds the checkpoints."""
    for candidate in (folder, folder / "musicnn"):
        if (candidate / "MSD_musicnn" / ".index").is_file():
            return candidate
    raise PackageMissingError(f"{what} holds no MSD_musicnn checkpoint; get musicnn with: {_INSTALL}")
