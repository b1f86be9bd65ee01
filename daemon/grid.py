"""The absolute grid of hop blocks on which a stream's windows lie. Pure arithmetic on frame counts.

Block b covers source frames [b * hop_frames, (b + 1) * hop_frames) of the epoch; window k is the blocks
k .. k + blocks_per_window - 1. What a block needs for its features is that range and a fixed margin on either side
(the reach of the resampler's filter and of the first and last spectral frame), so features are a function of an
absolute range of source frames and of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.errors import SettingsError
from models.front_ends.spec import FrontEnd
from models.resample import block_margins
from models.whole_times import whole_times


@dataclass(frozen=True, slots=True)
class Grid:
    """Where blocks and windows lie, in frames of the source."""

    sample_rate_hz: int
    hop_frames: int
    blocks_per_window: int
    left_frames: int
    right_frames: int
    max_fill_frames: int

    @property
    def hop_s(self) -> float:
        """Seconds from one window's start to the next one's."""
        return self.hop_frames / self.sample_rate_hz

    def needed_from(self, window: int) -> int:
        """First source frame that window `window` depends on: from here a new owner of the stream must read."""
        return max(0, window * self.hop_frames - self.left_frames)


def blocks_per_window(window_s: float, hop_s: float) -> int:
    """Hop blocks in a window; SettingsError unless the window is a whole multiple of the hop."""
    if hop_s <= 0 or window_s <= 0:
        raise SettingsError(f"windows: window_s={window_s:g} and hop_s={hop_s:g} must be positive")
    blocks = whole_times(window_s, hop_s)
    if blocks is None:
        raise SettingsError(
            f"windows: window_s={window_s:g} is not a multiple of hop_s={hop_s:g}; "
            f"try hop_s={window_s / max(1, round(window_s / hop_s)):g}"
        )
    return blocks


def frames_exactly(seconds: float, sample_rate_hz: int) -> int:
    """`seconds` as a whole number of frames; SettingsError when it is not one."""
    frames = whole_times(seconds * sample_rate_hz, 1)
    if frames is None:
        raise SettingsError(
            f"windows: hop_s={seconds:g} is not a whole number of frames at {sample_rate_hz} Hz; "
            "use a hop such as 2 or 0.5"
        )
    return frames


def make_grid(sample_rate_hz: int, front_end: FrontEnd, window_s: float, hop_s: float, max_fill_s: float) -> Grid:
    """The grid of a stream of `sample_rate_hz` for a front end; SettingsError when the hop does not fit the rates."""
    blocks = blocks_per_window(window_s, hop_s)
    if frames_exactly(hop_s, front_end.sample_rate_hz) % front_end.frame_hop:
        raise SettingsError(
            f"windows: hop_s={hop_s:g} is not a whole number of the model's frames "
            f"({front_end.frame_hop} samples at {front_end.sample_rate_hz} Hz)"
        )
    left, right = block_margins(sample_rate_hz, front_end)
    return Grid(
        sample_rate_hz=sample_rate_hz,
        hop_frames=frames_exactly(hop_s, sample_rate_hz),
        blocks_per_window=blocks,
        left_frames=left,
        right_frames=right,
        max_fill_frames=int(max_fill_s * sample_rate_hz),
    )
