"""musicnn's published weights as a checkpoint that training can start from.

The ONNX files will not do for that: their layers are folded into one another and rearranged.
"""

from pathlib import Path

from export.data.recipe import Recipe
from export.musicnn.labels import MUSICNN_LABELS
from export.musicnn.package import PACKAGE_VERSION
from export.musicnn.weights import load_musicnn
from export.train.trained import NetworkSpec, save_network
from models.front_ends.spec import MUSICNN_FRONT_END


def import_weights(package: Path, model: str, folder: Path) -> Path:
    """Write `folder`/musicnn-{model}.safetensors from the checkpoint under `package`; model: "msd" or "mtt".

    Raises CheckpointError, OSError.
    """
    network = load_musicnn(package / f"{model.upper()}_musicnn")
    spec = NetworkSpec(
        network="musicnn",
        labels=MUSICNN_LABELS[model],
        recipe=Recipe(MUSICNN_FRONT_END),
        activation="sigmoid",
        notes={
            "licence": "ISC",
            "authors": "Jordi Pons and Xavier Serra, Music Technology Group, Universitat Pompeu Fabra",
            "source": "https://github.com/jordipons/musicnn",
            "package": f"musicnn {PACKAGE_VERSION} (PyPI)",
        },
    )
    path = folder / f"musicnn-{model}.safetensors"
    save_network(path, spec, network.state_dict())
    return path
