"""Essentia's own pipeline on a file: MonoLoader at 16 kHz, TensorflowPredictMusiCNN. Needs essentia-tensorflow only.

PYTHON -I peer_essentia.py FILE GRAPH.pb PATCH_FRAMES BATCH

A patch of 250 frames is genred's window of 4 s, 125 frames are its hop of 2 s (16 kHz, frames of 256 samples).
Writes CSV: a row a patch, the columns numbered, for a graph does not know its labels' names.
"""

import csv
import sys

import essentia

essentia.log.infoActive = False

from essentia.standard import MonoLoader, TensorflowPredictMusiCNN  # noqa: E402 - the settings above come first

RATE_HZ = 16_000
HOP_FRAMES = 125
# The fastest; it costs accuracy where there is much treble.
RESAMPLE_QUALITY = 4


def main() -> None:
    """Score every patch of the file."""
    path, graph, patch_frames, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    samples = MonoLoader(filename=path, sampleRate=RATE_HZ, resampleQuality=RESAMPLE_QUALITY)()
    predict = TensorflowPredictMusiCNN(
        graphFilename=graph, patchSize=patch_frames, patchHopSize=HOP_FRAMES, batchSize=batch
    )
    scores = predict(samples)
    writer = csv.writer(sys.stdout)
    writer.writerow(range(len(scores[0])))
    writer.writerows([f"{score:.6f}" for score in row] for row in scores)


if __name__ == "__main__":
    main()
