"""A student's speed beside its teachers', measured in one run."""

from collections.abc import Sequence
from dataclasses import dataclass

from export.convert.timing import hop_run, side_by_side_ms, window_run
from export.distil.teacher import Session, Teacher


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds a window on one thread: of the networks, and with the spectrograms that they listen to."""

    student_ms: float
    teachers_ms: float
    student_with_spectrogram_ms: float
    teachers_with_spectrogram_ms: float

    @property
    def ratio(self) -> float:
        """How many times as fast as all its teachers the student is."""
        return self.teachers_ms / self.student_ms

    @property
    def ratio_with_spectrogram(self) -> float:
        """The same, with the spectrograms."""
        return self.teachers_with_spectrogram_ms / self.student_with_spectrogram_ms


def measure(student: Teacher, teachers: Sequence[Teacher]) -> Speed:
    """All side by side, as the daemon runs them: a window after the one before it, each hop transformed once.

    The teachers' times add up; a spectrogram that several listen to counts once.
    """
    models = [student, *teachers]
    networks = [window_run(Session(model).onnx, model.card) for model in models]
    front_ends = [student.card.front_end, *dict.fromkeys(teacher.card.front_end for teacher in teachers)]
    spectrograms = [hop_run(front_end, student.card.hop_s) for front_end in front_ends]
    took = side_by_side_ms([*networks, *spectrograms])
    network, mel = took[: len(models)], took[len(models) :]
    return Speed(network[0], sum(network[1:]), network[0] + mel[0], sum(network[1:]) + sum(mel[1:]))
