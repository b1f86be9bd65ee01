"""What all players of a piece share: its time, its key, its sections; a leaf of the composer."""

from dataclasses import dataclass

from export.rendered.rhythm import STEPS_A_BEAT, beat_of


@dataclass(frozen=True, slots=True)
class Section:
    """A run of bars in which a player keeps to one pattern, or rests."""

    start: int
    bars: int


@dataclass(frozen=True, slots=True)
class Feel:
    """tempo: quarter notes a minute. key: 0 to 11. scale: semitones. metre: sixteenth steps a bar."""

    tempo: float
    key: int
    scale: tuple[int, ...]
    metre: int
    swing_eighths: float
    swing_sixteenths: float

    @property
    def bar_s(self) -> float:
        """Seconds a bar."""
        return self.metre / STEPS_A_BEAT * 60 / self.tempo

    def start_s(self, bar: int, step: int) -> float:
        """Seconds from the piece's start at which a step of a bar falls."""
        return bar * self.bar_s + beat_of(step, self.swing_eighths, self.swing_sixteenths) * 60 / self.tempo
