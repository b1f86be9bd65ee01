"""librosa and PyTorch, a window at a time: what most would write first. Needs librosa, torch and genred's `models`.

python -m daemon.bench.peer_torch FILE

The network is musicnn as published, with weights as they are initialised: the values change nothing about its speed,
and the scores mean nothing. So its CSV has the windows' numbers alone.
"""

from __future__ import annotations

import csv
import sys

import librosa
import numpy as np
import torch

from models.musicnn.network import N_MELS, Musicnn

RATE_HZ = 16_000
WINDOW_FRAMES, HOP_FRAMES, FRAME_SAMPLES = 250, 125, 256


def main() -> None:
    """Score every window of the file."""
    torch.set_num_threads(1)
    network = Musicnn().eval()
    samples, _ = librosa.load(sys.argv[1], sr=RATE_HZ, mono=True)
    window, hop = WINDOW_FRAMES * FRAME_SAMPLES, HOP_FRAMES * FRAME_SAMPLES
    writer = csv.writer(sys.stdout)
    writer.writerow(["window"])
    with torch.inference_mode():
        for number, start in enumerate(range(0, len(samples) - window + 1, hop)):
            mel = librosa.feature.melspectrogram(
                y=samples[start : start + window], sr=RATE_HZ, n_fft=512, hop_length=FRAME_SAMPLES, n_mels=N_MELS
            )
            log_mel = np.log10(10000 * mel + 1).T[:WINDOW_FRAMES].astype(np.float32)
            network(torch.from_numpy(np.ascontiguousarray(log_mel))[np.newaxis]).numpy()
            writer.writerow([number])


if __name__ == "__main__":
    main()
