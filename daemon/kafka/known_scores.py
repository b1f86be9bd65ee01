"""Scores that are out already, taken back from the record that says them. Pure."""

from __future__ import annotations

import numpy as np

from daemon.cuts import Window
from daemon.messages import WindowTags
from daemon.roster import Roster
from daemon.scoring import ScoredWindow


def as_scored(window: Window, published: WindowTags, roster: Roster) -> ScoredWindow | None:
    """`window` as it was scored for `published`; None unless the very models of `roster` did, every label of theirs.

    Only published labels come back: the other places of the scores, which nobody reads, are zero.
    """
    said = published.voices
    if tuple(each.model for each in said) != tuple(voice.model for voice in roster.voices):
        return None
    if published.silent:
        return ScoredWindow(window, None, roster)
    scores = np.zeros(roster.n_scores, np.float32)
    for each, voice in zip(said, roster.voices, strict=True):
        if not each.scores.keys() >= set(voice.labels):
            return None
        scores[list(voice.picks)] = [each.scores[label] for label in voice.labels]
    return ScoredWindow(window, scores, roster)
