"""Put a card into an ONNX file, whole or not at all. Needs the `onnx` package; only exporters do this."""

from pathlib import Path

import onnx

from models.card import Card, card_from_metadata, card_to_metadata
from models.seal import BLANK, SEAL_KEY, sealed
from models.whole_file import whole_file


def write_model(model: onnx.ModelProto, card: Card, path: Path) -> None:
    """Write `model` with `card` and a checksum in its metadata to `path`: a temporary file, synced, then renamed.

    Metadata the model already has is kept, save for an older card. Readers of `path` see the old file or the
    new one, never a part. Raises OSError; the temporary file is removed on any error.
    """
    merged = {entry.key: entry.value for entry in model.metadata_props} | card_to_metadata(card) | {SEAL_KEY: BLANK}
    onnx.helper.set_model_props(model, merged)
    content = sealed(model.SerializeToString())
    with whole_file(path) as file:
        file.write(content)


def read_card(path: Path) -> Card:
    """The card of the ONNX file at `path`, without starting a session. CardError, OSError."""
    model = onnx.load(path, load_external_data=False)
    return card_from_metadata({entry.key: entry.value for entry in model.metadata_props})
