"""The same audio in several files: found by their fingerprints, whatever their names, encodings and cuts. Pure.

Files that share words at one offset are candidates; those whose aligned words then differ in few bits are the same.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from export.data.fingerprint import FRAME_S, LONGEST_S, SHORT_FRAMES, Fingerprint, bit_errors

# Measured on synthesised music (tests/test_export_duplicates.py): encodings and cuts of one recording differ in up
# to 0.13 of their bits, others at whatever offset in 0.4 and more.
MOST_BIT_ERRORS: Final = 0.25
_LEAST_FRAMES: Final = 32  # of the overlap, that say something: 2 s
_LEAST_VOTES: Final = 2  # words that two files share at one offset; of a short one a single word is enough
_OFFSETS: Final = 4  # that are tried of a pair
_POPULAR: Final = 64  # a word in more places than this says nothing

_OFFSET_RANGE: Final = 1 << 13
assert 2 * LONGEST_S / FRAME_S < _OFFSET_RANGE

Words = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int32]  # a hundred thousand clips have fifty million words: half the memory of int64


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
    keys, counts = np.unique(_shared(*_places(prints), len(prints)), return_counts=True)
    pairs, offsets = keys // _OFFSET_RANGE, keys % _OFFSET_RANGE - _OFFSET_RANGE // 2
    lefts, rights = pairs // max(1, len(prints)), pairs % max(1, len(prints))
    lengths = np.array([len(one.words) for one in prints], np.int64)
    enough = (np.minimum(lengths[lefts], lengths[rights]) <= SHORT_FRAMES) | (counts >= _LEAST_VOTES)
    lefts, rights, offsets, counts = lefts[enough], rights[enough], offsets[enough], counts[enough]
    best: dict[tuple[int, int], list[int]] = {}
    for n in np.argsort(-counts, kind="stable").tolist():
        tried = best.setdefault((int(lefts[n]), int(rights[n])), [])
        if len(tried) < _OFFSETS:
            tried.append(int(offsets[n]))
    return best


def _places(prints: Sequence[Fingerprint]) -> tuple[Words, Integers, Integers]:
    """Every word that counts, whose it is, and at which frame; sorted by word, then owner."""
    words, owners, frames = [np.empty(0, np.uint32)], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for owner, one in enumerate(prints):
        at = np.flatnonzero(one.moves).astype(np.int32)
        for variant in _variants(one):
            words.append(variant[at])
            owners.append(np.full(len(at), owner, np.int32))
            frames.append(at)
    all_words = np.concatenate(words)
    order = np.argsort(all_words, kind="stable")
    return all_words[order], np.concatenate(owners)[order], np.concatenate(frames)[order]


def _variants(one: Fingerprint) -> list[Words]:
    """The words; of a short recording, which has few, also with each choice of the doubtful bits."""
    variants = [one.words]
    for column in one.doubtful.T:
        variants += [words ^ column for words in variants]
    return variants


def _shared(words: Words, owners: Integers, frames: Integers, n: int) -> npt.NDArray[np.int64]:
    """A number for each occurrence of one word in two files: (first file * n + second file) and their offset."""
    starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]]) if len(words) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[starts, len(words)])
    rare = np.repeat(lengths <= _POPULAR, lengths)
    words, owners, frames = words[rare], owners[rare], frames[rare]
    votes = [np.empty(0, np.int64)]
    for step in range(1, _POPULAR):
        same = words[step:] == words[:-step]
        if not same.any():
            break
        first = np.flatnonzero(same & (owners[step:] != owners[:-step]))
        second = first + step
        pairs = owners[first].astype(np.int64) * n + owners[second]
        votes.append(pairs * _OFFSET_RANGE + (frames[first] - frames[second] + _OFFSET_RANGE // 2))
    return np.concatenate(votes)
