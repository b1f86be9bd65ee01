"""One case of `genred bench engine`, in a process of its own.

python -m daemon.bench.engine_case '{"arrival": "live", "settings": {…}, "seconds": 5}'
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from daemon.assembly import make_rules
from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench.children import answer, asked, peak_mb
from daemon.bench.engine_run import run_engine
from daemon.bench.ready_windows import Arrival, ReadyWindows
from daemon.crew import load_models, make_crew
from daemon.settings import load_settings

RATE_HZ = 16_000
STREAMS = 80  # more than wait in the engine's queue: no two windows of one stream do
SKIPPED = {Arrival.LIVE: STREAMS, Arrival.BEHIND: 16, Arrival.FIRST: 4}  # first windows of streams, and a warm-up


async def measure(arrival: Arrival, flags: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What the engine took, and its memory's peak in MB."""
    settings = load_settings(None, flags)
    models = load_models(settings)
    grid = make_rules(models[0].card, settings).grid_for(RATE_HZ)
    windows = ReadyWindows(grid, AudioFormat(SampleFormat.S16LE, RATE_HZ, 1)).arriving(arrival, STREAMS)
    took = await run_engine(
        lambda metrics: make_crew(models, settings, metrics), settings, windows, SKIPPED[arrival], seconds
    )
    card = models[0].card
    return {
        **asdict(took),
        "peak_mb": peak_mb(),
        "model": card.name,
        "hop_s": settings.windows.hop_s or card.hop_s,
        "golden_deviation": models[0].golden_deviation,
    }


def main() -> None:
    """Answer."""
    question = asked()
    answer(asyncio.run(measure(Arrival(question["arrival"]), question["settings"], float(question["seconds"]))))


if __name__ == "__main__":
    main()
