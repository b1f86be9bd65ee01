"""The limit: decode, resample, mel and ONNX Runtime in a bare loop over a whole file. One process, one thread.

Each window hands on to the next what they share, if the model can; windows of a file then go one by one, which is
fastest on a CPU anyway.

python -m daemon.bench.bare_loop FILE MODEL
"""

from __future__ import annotations

import sys
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import soxr

from models.card import card_from_metadata
from models.front_ends.frames import whole_frames


def decoded_mono(path: str) -> tuple[npt.NDArray[np.float32], int]:
    """The whole file as mono float32, and its rate in Hz."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        channels = stream.codec_context.channels
        pieces = [frame.to_ndarray() for frame in container.decode(stream)]
        rate_hz = stream.codec_context.sample_rate
    packed: npt.NDArray[Any] = np.concatenate(pieces, axis=1)
    frames = packed.reshape(-1, channels) if packed.shape[0] == 1 else packed.T
    mono = frames[:, 0].astype(np.float32)
    for channel in range(1, channels):
        mono += frames[:, channel]
    scale = 1 / 32768 if packed.dtype == np.int16 else 1.0
    mono *= np.float32(scale / channels)
    return mono, rate_hz


def main() -> None:
    """Score every window of a file; prints how many."""
    path, model = sys.argv[1], sys.argv[2]
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    card = card_from_metadata(session.get_modelmeta().custom_metadata_map)
    mono, rate_hz = decoded_mono(path)
    samples = soxr.resample(mono, rate_hz, card.front_end.sample_rate_hz)
    frames = whole_frames(samples, card.front_end)
    hop, window = card.frames_per_hop, card.frames_per_window
    outputs = [card.output_name] + ([card.carry.output_name] if card.carry else [])
    scored = 0
    carried: dict[str, npt.NDArray[np.float32]] = {}
    for start in range(0, len(frames) - window + 1, hop):
        given = {card.input_name: frames[np.newaxis, start : start + window], **carried}
        scores, *carry = session.run(outputs, given)
        if card.carry:
            carried = {card.carry.input_name: carry[0]}
        scored += len(scores)
    print(scored)  # noqa: T201


if __name__ == "__main__":
    main()
