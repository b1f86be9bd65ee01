"""The straightforward peer: librosa reads, resamples and makes mels; the plain network scores window by window.

python -m daemon.bench.librosa_loop FILE PLAIN_MODEL
"""

from __future__ import annotations

import csv
import sys

import librosa
import numpy as np
import onnxruntime as ort

from models.card import card_from_metadata


def main() -> None:
    """Score every window of a file as most would write it; writes CSV, a row a window."""
    path, model = sys.argv[1], sys.argv[2]
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    card = card_from_metadata(session.get_modelmeta().custom_metadata_map)
    front = card.front_end
    samples, _ = librosa.load(path, sr=front.sample_rate_hz, mono=True)
    hop, window = round(card.hop_s * front.sample_rate_hz), round(card.window_s * front.sample_rate_hz)
    writer = csv.writer(sys.stdout)
    writer.writerow(card.label_names)
    for start in range(0, len(samples) - window + 1, hop):
        mel = librosa.feature.melspectrogram(
            y=samples[start : start + window],
            sr=front.sample_rate_hz,
            n_fft=front.n_fft,
            hop_length=front.frame_hop,
            n_mels=front.n_mels,
            fmin=front.f_min_hz,
            fmax=front.f_max_hz,
        )
        log_mel = np.log10(10000 * mel + 1).T[: card.frames_per_window].astype(np.float32)
        scores = session.run([card.output_name], {card.input_name: log_mel[np.newaxis]})[0][0]
        writer.writerow([f"{score:.6f}" for score in scores])


if __name__ == "__main__":
    main()
