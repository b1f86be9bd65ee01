"""The models that come with genred, and how a name on the command line becomes a file."""

from pathlib import Path
from typing import Final

PRETRAINED: Final = Path(__file__).resolve().parent / "pretrained"


class ModelNotFound(FileNotFoundError):
    """Neither a shipped model nor a file; the message lists the shipped names."""


def pretrained_models() -> list[Path]:
    """The shipped ONNX files, sorted by name."""
    return sorted(PRETRAINED.glob("*.onnx"))


def resolve_model(name_or_path: str) -> Path:
    """The file meant by a bare name ("musicnn-msd") or a path ("./my.onnx", "~/my.onnx").

    A bare name has neither a folder nor the suffix .onnx and always means a shipped model, so that what a
    setting means never depends on the working directory. Raises ModelNotFound.
    """
    bare = "/" not in name_or_path and not name_or_path.endswith(".onnx")
    path = PRETRAINED / f"{name_or_path}.onnx" if bare else Path(name_or_path).expanduser()
    if path.is_file():
        return path
    known = ", ".join(shipped.stem for shipped in pretrained_models()) or "none"
    where = "is not a model shipped with genred" if bare else "is not a file"
    raise ModelNotFound(f"model {name_or_path!r} {where}; shipped models: {known}; or give the path of an .onnx file")
