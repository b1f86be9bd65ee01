"""Put a card into an ONNX file, whole or not at all. Needs the `onnx` package; only exporters do this."""

import os
import tempfile
from pathlib import Path

import onnx

from models.card import Card, card_from_metadata, card_to_metadata


def write_model(model: onnx.ModelProto, card: Card, path: Path) -> None:
    """Write `model` with `card` in its metadata to `path`: a temporary file beside it, synced, then renamed.

    Metadata the model already has is kept, save for an older card. Readers of `path` see the old file or the
    new one, never a part. Raises OSError; the temporary file is removed on any error.
    """
    merged = {entry.key: entry.value for entry in model.metadata_props} | card_to_metadata(card)
    onnx.helper.set_model_props(model, merged)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(model.SerializeToString())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes it private; a model is for every user of the machine
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_card(path: Path) -> Card:
    """The card of the ONNX file at `path`, without starting a session. CardError, OSError."""
    model = onnx.load(path, load_external_data=False)
    return card_from_metadata({entry.key: entry.value for entry in model.metadata_props})
