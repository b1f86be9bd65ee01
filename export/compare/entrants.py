"""The models that are to be compared: opened, named apart, and of the same labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.evaluate.alignment import compared, listed
from export.evaluate.candidate import Candidate, candidate_of
from export.evaluate.onnx_scorer import OnnxScorer
from export.evaluate.scoring import Scorer, model_path, open_scorer
from export.evaluate.torch_scorer import TorchScorer


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A model under the name that the comparison calls it. given: as the user named it; path: what that means."""

    name: str
    given: str
    path: Path
    candidate: Candidate

    @property
    def scorer(self) -> Scorer:
        """The model itself."""
        return self.candidate.scorer


def open_entrants(given: Sequence[str], music: MusicSet, cache: Path, common_labels: bool) -> tuple[Entrant, ...]:
    """Two models or more, each an .onnx file, a shipped model's name, a checkpoint or a run folder.

    InputUnusable where one is named twice or there is but one, where one cannot be opened, or where labels differ.
    """
    if len(given) < 2:
        raise InputUnusable("name two models or more to compare; one alone is judged by genred export evaluate")
    paths = [model_path(each) for each in given]
    scorers = [open_scorer(path) for path in paths]
    _each_once(given, scorers)
    names = _names(given, scorers)
    _same_labels(names, scorers)
    return tuple(
        Entrant(name, each, path, candidate_of(scorer, music, cache, common_labels))
        for name, each, path, scorer in zip(names, given, paths, scorers, strict=True)
    )


def named(entrants: Sequence[Entrant], wanted: str) -> Entrant:
    """The entrant that is called or was given so; else the one whose file, folder or card is. InputUnusable."""
    found = [each for each in entrants if wanted in (each.name, each.given)]
    found = found or [each for each in entrants if wanted in (each.path.name, each.path.stem, _card_name(each.scorer))]
    if len(found) == 1:
        return found[0]
    what, among = ("several of the models", found) if found else ("none of the models", entrants)
    raise InputUnusable(f"--against {wanted}: {what}; they are {listed([each.name for each in among])}")


def _each_once(given: Sequence[str], scorers: Sequence[Scorer]) -> None:
    first: dict[Path, str] = {}
    for each, scorer in zip(given, scorers, strict=True):
        path = scorer.path.resolve()
        if path in first:
            raise InputUnusable(f"{first[path]} and {each} are the same model ({scorer.path}): name each one once")
        first[path] = each


def _names(given: Sequence[str], scorers: Sequence[Scorer]) -> list[str]:
    """What they call themselves; those of which several call themselves alike with what the user calls them."""
    own = [_own_name(scorer) for scorer in scorers]
    count = Counter(own)
    names = [name if count[name] == 1 else f"{name} of {each}" for name, each in zip(own, given, strict=True)]
    return [name.encode(errors="replace").decode() for name in names]  # a file's name may be no text


def _own_name(scorer: Scorer) -> str:
    """Of a checkpoint without its network, which stands beside it."""
    return scorer.name.removesuffix(f" ({scorer.spec.network})") if isinstance(scorer, TorchScorer) else scorer.name


def _card_name(scorer: Scorer) -> str | None:
    """Without the version."""
    return scorer.card.name if isinstance(scorer, OnnxScorer) else None


def _same_labels(names: Sequence[str], scorers: Sequence[Scorer]) -> None:
    labels = [[label.name for label in scorer.labels] for scorer in scorers]
    for (one, ours), (other, theirs) in pairwise(zip(names, labels, strict=True)):
        found = compared(ours, theirs)
        if not found.is_whole:
            parts = [
                f"only {name} has {listed(only)}"
                for name, only in ((one, found.only_model), (other, found.only_set))
                if only
            ]
            raise InputUnusable(
                f"{one} and {other} have different labels: {'; '.join(parts)}; compare models of the same ones"
            )
