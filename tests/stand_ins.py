"""Interpreters of their own with stand-ins for the benchmark's peers: the real scripts run, their libraries do not."""

from __future__ import annotations

import venv
from collections.abc import Mapping
from pathlib import Path

ESSENTIA = {
    "essentia/__init__.py": "__version__ = '9.9'\nclass log:\n    infoActive = True\n",
    "essentia/standard.py": """
from pathlib import Path

def MonoLoader(filename, sampleRate, resampleQuality):
    assert sampleRate == 16000
    return lambda: Path(filename).read_bytes()

def TensorflowPredictMusiCNN(graphFilename, patchSize, patchHopSize, batchSize):
    assert Path(graphFilename).exists()
    return lambda samples: [[0.25] * 50 for _ in range(5)]
""",
}
MUSICNN = {
    "numpy.py": "__version__ = '1.26.4'\n",
    "tensorflow.py": "__version__ = '2.15.1'\n",
    "musicnn/__init__.py": "",
    "musicnn/extractor.py": """
def extractor(file_name, model, input_length, input_overlap, extract_features):
    print("Computing spectrogram (w/ librosa) and tags (w/ tensorflow)..")
    return [[0.5, 0.75]] * 5, ["rock", "pop"]
""",
}


def interpreter_with(folder: Path, modules: Mapping[str, str]) -> Path:
    """A virtual environment in `folder` whose packages are `modules` (path -> text); its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for path, text in modules.items():
        (site / path).parent.mkdir(exist_ok=True)
        (site / path).write_text(text)
    return folder / "bin" / "python"
