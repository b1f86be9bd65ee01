"""The same audio in several files: found by their fingerprints, whatever their names, encodings and cuts. Pure.

Files that share words at one offset are candidates; those whose aligned words then differ in few bits are the same.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from export.data.fingerprint import Fingerprint, bit_errors

# Measured on synthesised music (tests/test_export_duplicates.py): encodings and cuts of one recording differ in up
# to 0.13 of their bits, others at whatever offset in 0.4 and more.
MOST_BIT_ERRORS: Final = 0.25
_LEAST_FRAMES: Final = 32  # of the overlap, that say something: 2 s
_LEAST_VOTES: Final = 2  # words that two files share at one offset
_SHORT_FRAMES: Final = 160  # in 10 s and less one is enough, and may differ in doubtful bits
_OFFSETS: Final = 4  # that are tried of a pair
_POPULAR: Final = 64  # a word in more places than this says nothing

Integers = npt.NDArray[np.int64]


def same_audio(prints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of fingerprints that are of one recording. Two seconds of it must be common."""
    found = []
    for (left, right), offsets in _candidates(prints).items():
        near = (offset + shift for offset in offsets for shift in (0, -1, 1))
        if any(aligned_errors(prints[left], prints[right], offset) <= MOST_BIT_ERRORS for offset in near):
            found.append((left, right))
    return found


def aligned_errors(left: Fingerprint, right: Fingerprint, offset: int) -> float:
    """The share of differing bits where frame n of `right` lies on frame n + offset of `left`; 1 if too few do."""
    start, end = max(0, offset), min(len(left.words), offset + len(right.words))
    if end - start < _LEAST_FRAMES:
        return 1.0
    ours, theirs = slice(start, end), slice(start - offset, end - offset)
    both = left.moves[ours] & right.moves[theirs]
    if np.count_nonzero(both) < _LEAST_FRAMES:
        return 1.0
    return bit_errors(left.words[ours][both], right.words[theirs][both])


def _candidates(prints: Sequence[Fingerprint]) -> dict[tuple[int, int], list[int]]:
    """The pairs (i, j) that share words, with the offsets at which they share most."""
    words, owners, frames = _places(prints)
    votes, counts = np.unique(_shared(words, owners, frames), axis=0, return_counts=True)
    lengths = np.array([len(one.words) for one in prints], np.int64)
    short = np.minimum(lengths[votes[:, 0]], lengths[votes[:, 1]]) < _SHORT_FRAMES
    enough = short | (counts >= _LEAST_VOTES)
    votes = votes[enough][np.argsort(-counts[enough], kind="stable")]
    best: dict[tuple[int, int], list[int]] = {}
    for left, right, offset in votes.tolist():
        offsets = best.setdefault((left, right), [])
        if len(offsets) < _OFFSETS:
            offsets.append(offset)
    return best


def _places(prints: Sequence[Fingerprint]) -> tuple[npt.NDArray[np.uint32], Integers, Integers]:
    """Every word that counts, whose it is, and at which frame; sorted by word, then owner."""
    words, owners, frames = [np.empty(0, np.uint32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for owner, one in enumerate(prints):
        at = np.flatnonzero(one.moves)
        for variant in _variants(one):
            words.append(variant[at])
            owners.append(np.full(len(at), owner, np.int64))
            frames.append(at)
    all_words, all_owners, all_frames = np.concatenate(words), np.concatenate(owners), np.concatenate(frames)
    order = np.lexsort((all_owners, all_words))
    return all_words[order], all_owners[order], all_frames[order]


def _variants(one: Fingerprint) -> list[npt.NDArray[np.uint32]]:
    """The words; of a short recording, which has few, also with each choice of the doubtful bits."""
    variants = [one.words]
    if len(one.words) < _SHORT_FRAMES:
        for column in one.doubtful.T:
            variants += [words ^ column for words in variants]
    return variants


def _shared(words: npt.NDArray[np.uint32], owners: Integers, frames: Integers) -> Integers:
    """(n, 3): first file, second file, offset of each occurrence of one word in two files."""
    _, inverse, counts = np.unique(words, return_inverse=True, return_counts=True)
    rare = counts[inverse] <= _POPULAR
    words, owners, frames = words[rare], owners[rare], frames[rare]
    votes = [np.empty((0, 3), np.int64)]
    for step in range(1, _POPULAR):
        same = words[step:] == words[:-step]
        if not same.any():
            break
        first = np.flatnonzero(same & (owners[step:] != owners[:-step]))
        second = first + step
        votes.append(np.stack([owners[first], owners[second], frames[first] - frames[second]], axis=1))
    return np.concatenate(votes)
