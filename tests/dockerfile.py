"""Dockerfiles, read: stages and their instructions. Knows what ours use, and refuses the rest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {"COPY", "RUN", "ENV", "WORKDIR", "USER", "LABEL", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """`COPY a b`: word `COPY`, text `a b`."""

    word: str
    text: str

    @property
    def arguments(self) -> list[str]:
        """The words after the flags."""
        return [word for word in self.text.split() if not word.startswith("--")]

    @property
    def flags(self) -> dict[str, str]:
        """`--from=build` and the like."""
        return dict(re.findall(r"(?:^|\s)--([\w-]+)=(\S+)", self.text))

    @property
    def json_words(self) -> list[str]:
        """The words of the JSON form of ENTRYPOINT, CMD, HEALTHCHECK."""
        words: list[str] = json.loads(self.text[self.text.index("[") :])
        return words

    @property
    def assignments(self) -> dict[str, str]:
        """The pairs of ENV and LABEL."""
        return {key: value.strip('"') for key, value in re.findall(r'([\w.]+)=("[^"]*"|\S+)', self.text)}


@dataclass(slots=True)
class Stage:
    """From `FROM` to the next."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """The instructions of a kind."""
        return [each for each in self.instructions if each.word == word]


def stages(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, in order."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, text = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = text.partition(" AS ")
            found.append(Stage(base, name))
        elif word:
            assert word in KNOWN, f"{path}: {word} is not known here"
            found[-1].instructions.append(Instruction(word, text))
    return found


def whole_environment(stage: Stage) -> dict[str, str]:
    """What ENV leaves behind."""
    return {key: value for each in stage.all("ENV") for key, value in each.assignments.items()}
