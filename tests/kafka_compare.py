"""What came out beside what should have: what is missing, not wanted, repeated or different, and by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
SAME = 1e-4  # scores and aggregates
WINDOW_KEYS = ("window", "start_s", "end_s", "silent", "gap_s", "time")
TAG_KEYS = ("window", "from_s", "to_s", "top", "final", "changed")


@dataclass(frozen=True)
class Comparison:
    """Results of one topic by their ids. `different` says how; `deviation` is the worst of any score."""

    expected: int
    published: int  # ids, each counted once
    missing: Sequence[str]
    unwanted: Sequence[str]
    repeated: Sequence[str]  # ids that stand there more than once, the copies the same unless they are `different`
    repeats: int  # records beyond the first of each id
    different: Sequence[str]
    deviation: float

    def faults(self, exactly_once: bool) -> list[str]:
        """What may not be; empty when all holds."""
        kinds = {"missing": self.missing, "not wanted": self.unwanted, "different": self.different}
        if exactly_once:
            kinds["repeated"] = self.repeated
        return [f"{len(ids)} {kind}: {', '.join(ids[:5])}" for kind, ids in kinds.items() if ids]


def compare_windows(ids: Sequence[str], found: Sequence[Document], wanted: Mapping[str, Document]) -> Comparison:
    """Window results."""
    return _compare(ids, found, wanted, WINDOW_KEYS, _window_scores)


def compare_tags(ids: Sequence[str], found: Sequence[Document], wanted: Mapping[str, Document]) -> Comparison:
    """Aggregated tags."""
    return _compare(ids, found, wanted, TAG_KEYS, _tag_scores)


def _window_scores(window: Document) -> dict[str, float]:
    """Every model's scores, by model and label."""
    return {f"{_name(said)}/{label}": score for said in _voices(window) for label, score in said["scores"].items()}


def _tag_scores(tags: Document) -> dict[str, float]:
    """Every model's tags, and what it holds on top, by model and tag."""
    scores = {f"{_name(said)}/{tag['tag']}": tag["score"] for said in _voices(tags) for tag in said["tags"]}
    tops = {f"{_name(said)}: {said['top']}, changed {said['changed']}": 0.0 for said in _voices(tags)}
    return scores | tops


def _voices(document: Document) -> list[Document]:
    return [document, *document.get("others", [])]


def _name(said: Document) -> str:
    name: str = said["model"]["name"]
    return name


def _compare(
    ids: Sequence[str],
    found: Sequence[Document],
    wanted: Mapping[str, Document],
    keys: Sequence[str],
    scores_of: Callable[[Document], Mapping[str, float]],
) -> Comparison:
    different, deviation = [], 0.0
    for id_, document in zip(ids, found, strict=True):
        if id_ not in wanted:
            continue
        says = [
            f"{key} {document[key]!r}, not {wanted[id_][key]!r}" for key in keys if document[key] != wanted[id_][key]
        ]
        scores, right = scores_of(document), scores_of(wanted[id_])
        if scores.keys() != right.keys():
            says.append(f"scores of {sorted(scores)}, not of {sorted(right)}")
        else:
            worst = max((abs(scores[label] - right[label]) for label in right), default=0.0)
            deviation = max(deviation, worst)
            if worst > SAME:
                says.append(f"scores off by {worst:.6f}")
        if says:
            different.append(f"{id_} ({'; '.join(says)})")
    counts = Counter(ids)
    return Comparison(
        expected=len(wanted),
        published=len(counts),
        missing=[id_ for id_ in wanted if id_ not in counts],
        unwanted=[id_ for id_ in counts if id_ not in wanted],
        repeated=[id_ for id_, count in counts.items() if count > 1],
        repeats=len(ids) - len(counts),
        different=different,
        deviation=deviation,
    )
