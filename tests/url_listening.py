"""For the tests of the URL source: a source with short waits, and where on the broadcast its positions lie."""

from __future__ import annotations

import numpy as np

from daemon.messages import AudioChunk
from daemon.sources.status import SourceState
from daemon.sources.url import UrlSource
from tests.audio_files import as_float, second_heard
from tests.device_listening import Heard
from tests.radio_server import AIR_S

STALL_S = 0.6
RETRY_S = (0.1, 0.3)
LOOK_S, STEP_S = 0.08, 0.01  # a pitch is looked for in so much audio, at every step


def no_drop(chunk: AudioChunk) -> None:
    """A listener that keeps up loses nothing."""
    raise AssertionError(f"{chunk.seconds} s were dropped")


def source_of(url: str, required: bool = False) -> UrlSource:
    """A source that loses patience soon."""
    return UrlSource(
        url, "s", no_drop, required=required, connect_timeout_s=1.0, stall_timeout_s=STALL_S, retry_s=RETRY_S
    )


def steps_heard(chunks: list[AudioChunk]) -> dict[int, float]:
    """When (by position, in seconds) each second of the broadcast begins in consecutive `chunks`."""
    mono = as_float(b"".join(chunk.audio for chunk in chunks), chunks[0].format).mean(axis=1)
    rate_hz, start = chunks[0].format.sample_rate_hz, chunks[0].position
    look, step = round(LOOK_S * rate_hz), round(STEP_S * rate_hz)
    skipped = round(0.1 * rate_hz)  # a decoder that enters in the middle needs some frames
    places = range(skipped, len(mono) - look, step)
    seconds = [second_heard(np.ascontiguousarray(mono[place : place + look]), rate_hz) for place in places]
    begins = {}
    for index in range(4, len(seconds) - 4):
        before, after = set(seconds[index - 4 : index]), set(seconds[index : index + 4])
        if len(before) == len(after) == 1 and after == {(min(before) + 1) % AIR_S}:
            begins[seconds[index]] = (start + places[index] + look / 2) / rate_hz
    return begins


def runs_of(chunks: list[AudioChunk]) -> list[list[AudioChunk]]:
    """The chunks, parted at each hole."""
    runs: list[list[AudioChunk]] = []
    for chunk in chunks:
        if not runs or runs[-1][-1].position + runs[-1][-1].frames != chunk.position:
            runs.append([])
        runs[-1].append(chunk)
    return runs


def offset_s(chunks: list[AudioChunk], lost_s: float = 0.0) -> float:
    """Broadcast time less position, by the steps heard in chunks; they all say the same, but for `lost_s`."""
    offsets = [second - at_s for second, at_s in steps_heard(chunks).items()]
    assert offsets, "no step of the broadcast was heard"
    assert max(offsets) - min(offsets) < 3 * STEP_S + lost_s, offsets
    return float(np.median(offsets))


def drift_s(heard: Heard) -> float:
    """How much the time line is off after the one hole, by the broadcast's own clock."""
    before, after = runs_of(heard.chunks)
    assert len({chunk.epoch for chunk in heard.chunks}) == 1
    return (offset_s(after) - offset_s(before) + AIR_S / 2) % AIR_S - AIR_S / 2


async def until_step(heard: Heard) -> None:
    """Wait until a step of the broadcast is surely within the audio after the last hole."""
    await heard.until(lambda: sum(chunk.seconds for run in runs_of(heard.chunks)[-1:] for chunk in run) > 1.6)
    assert heard.source.status.state is SourceState.RUNNING


def states(heard: Heard) -> list[SourceState]:
    """The states that the source went through."""
    return [state for _, state, _ in heard.source.status.transitions]
