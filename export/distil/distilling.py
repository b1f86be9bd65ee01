"""Distillation: a network learns what its teachers say of music that nobody has labelled (Hinton et al., 2015)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import onnx

from export.convert.conversion import Wishes, convert
from export.convert.made_card import HELD_OUT, Naming
from export.convert.sources import DISTILLATION
from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.music_set import MusicSet
from export.distil.judgement import Judgement, judge
from export.distil.slim import with_start
from export.distil.speed import Speed, measure
from export.distil.student import student_settings
from export.distil.teacher import Teacher, open_teachers
from export.distil.teacher_targets import TeacherTargets
from export.errors import InputUnusable
from export.evaluate.onnx_scorer import OnnxScorer
from export.train.material import check_music
from export.train.outcome import Outcome
from export.train.run_folder import RunFolder, require_new
from export.train.settings import TrainSettings
from export.train.training import train
from models.card_file import read_card, write_model
from models.whole_file import write_text

STUDENT: Final = "student.onnx"


@dataclass(frozen=True, slots=True)
class Distilled:
    """What came of it. model: the student as the daemon serves it, in the run folder."""

    outcome: Outcome
    model: Path
    judged_on: str
    judgement: Judgement
    speed: Speed

    @property
    def figures(self) -> dict[str, Any]:
        """For JSON and the card."""
        return {
            "split": self.judged_on,
            **asdict(self.judgement),
            "speed": {**asdict(self.speed), "ratio": self.speed.ratio},
        }


def distil(
    music: MusicSet,
    teachers: Sequence[Teacher],
    settings: TrainSettings,
    run: Path,
    *,
    resume: bool = False,
    cache: Path | None = None,
    workers: int = 0,
    opset: int | None = None,
) -> Distilled:
    """Teach a network on the split "train" of `music`, convert it, and judge it on "test" (else "validation").

    The clips' own labels do not matter. cache: for features and for the teachers' scores. Raises as `train` and
    `convert` do.
    """
    cache = cache or music.folder / "cache"
    settings = student_settings(settings, teachers[0])
    noted = {"teachers": [_described(teacher) for teacher in teachers]}
    if resume:
        _require_same_teachers(run, noted)
    else:
        require_new(RunFolder(run))
    targets = TeacherTargets(tuple(teachers), cache / "teachers")
    taught, held_out = music.taught(targets.labels), held_out_clips(music)
    check_music(taught, settings, taught=True)
    heard = FeatureCache(cache, teachers[0].recipe)
    settings = with_start(settings, teachers, targets, run, taught.of("train"), heard, resume)
    targets.prepare(taught.clips, workers)
    _write(run / DISTILLATION, noted)
    outcome = train(taught, settings, run, targets=targets, resume=resume, cache=cache, workers=workers)
    model = run / STUDENT
    convert(RunFolder(run).best, model, taught, cache, Wishes(Naming(run.name), opset=opset, temperature=False))
    scorer = OnnxScorer(model)
    judgement = judge(scorer, targets, held_out, FeatureCache(cache, scorer.recipe))
    (student,) = open_teachers([str(model)])
    distilled = Distilled(outcome, model, held_out[0].split or "", judgement, measure(student, teachers))
    _write(run / DISTILLATION, {**noted, HELD_OUT: distilled.figures})
    _put_on_card(model, distilled.figures)
    return distilled


def held_out_clips(music: MusicSet) -> tuple[Clip, ...]:
    """The clips to judge on. InputUnusable when there are none."""
    found = music.of("test") or music.of("validation")
    if not found:
        raise InputUnusable(f"{music.folder} has no clips in the splits test and validation: scan it with splits")
    return found


def _described(teacher: Teacher) -> dict[str, str]:
    return {"name": teacher.name, "sha256": teacher.sha256, "licence": teacher.card.licence.splitlines()[0]}


def _require_same_teachers(run: Path, noted: dict[str, Any]) -> None:
    """InputUnusable when the run was begun with others, which may well have the same labels."""
    path = run / DISTILLATION
    before = json.loads(path.read_text(encoding="utf-8"))["teachers"] if path.is_file() else noted["teachers"]
    if [teacher["sha256"] for teacher in before] != [teacher["sha256"] for teacher in noted["teachers"]]:
        named = ", ".join(f"{teacher['name']} (SHA-256 {teacher['sha256'][:16]}...)" for teacher in before)
        raise InputUnusable(f"{run} was begun with other teachers: {named}; name them, or begin another run")


def _write(path: Path, fields: dict[str, Any]) -> None:
    write_text(path, json.dumps(fields, indent=2, ensure_ascii=False) + "\n")


def _put_on_card(model: Path, figures: dict[str, Any]) -> None:
    card = read_card(model)
    write_model(onnx.load(model), replace(card, training={**card.training, HELD_OUT: figures}), model)
