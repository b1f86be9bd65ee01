"""A result that tests change to their needs."""

from __future__ import annotations

from daemon.messages import ModelId, StreamTags, Tag

TAGS = StreamTags(
    stream="radio-1",
    epoch="2026-11-20T18:00:00Z",
    window=3,
    from_s=0.0,
    to_s=10.0,
    time_s=1_795_000_000.25,
    tags=(Tag("jazz", 0.66), Tag("blues", 0.22)),
    top="jazz",
    changed=True,
    final=False,
    model=ModelId("tiny", "1", "0" * 64),
)
