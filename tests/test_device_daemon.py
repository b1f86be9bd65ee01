"""The whole program on sound devices: what is played is tagged, counted to the frame; trouble is named and survived.

With the shipped model, the demo medley, and real PortAudio on a real sound server (virtual_sound.py).
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import numpy as np
import pytest

from tests.device_daemon import EXCERPT_S, Excerpt, Result, at_s, excerpts_of_medley, listening, settings_file
from tests.device_listening import NOTICED_S
from tests.process import genred
from tests.signals import write_wav
from tests.virtual_sound import RATE_HZ, SINKS, VirtualSound, missing

pytest_plugins = ["tests.sound_fixtures"]
pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.realtime,
    pytest.mark.timeout(300),  # most of it for waiting to be alone
]
log = logging.getLogger(__name__)
CLEAR_S = 0.5  # a window so far inside a style has heard nothing else, whatever the way to the device takes
Scores = dict[str, float]


@pytest.fixture(scope="module")
def excerpts() -> dict[str, Excerpt]:
    """What is played to each sink."""
    return excerpts_of_medley()


def best(scores: Scores) -> str:
    """The tag that scores most."""
    return max(scores, key=scores.__getitem__)


def mean(many: list[Scores]) -> Scores:
    """Tag by tag."""
    return {tag: sum(scores[tag] for scores in many) / len(many) for tag in many[0]}


def of_style(windows: list[Result], style: int, began_s: float = 0.0) -> list[Result]:
    """The windows that heard one style (0, 1) and nothing else; the excerpt began at `began_s` of their stream."""
    begin, end = began_s + style * EXCERPT_S + CLEAR_S, began_s + (style + 1) * EXCERPT_S - CLEAR_S
    return [window for window in windows if begin <= window["start_s"] and window["end_s"] <= end]


def test_what_is_played_into_two_devices_is_tagged_as_its_file_is(
    sound: VirtualSound, tmp_path: Path, excerpts: dict[str, Excerpt]
) -> None:
    with listening(tmp_path) as heard:
        for sink in SINKS:
            heard.until(sink, "running")
        began_s = {sink: (time.time(), sound.play(sink, excerpts[sink].samples))[0] for sink in SINKS}
        for sink in SINKS:
            heard.until_said(sink, began_s[sink] + 2 * EXCERPT_S)
        since_s = sum(time.time() - at_s(heard.source(sink)["transitions"][0]["time"]) for sink in SINKS)
        seconds, windows = heard.settled()
        top_at = {sink: {tags["window"]: tags["top"] for tags in heard.results(sink, "tags")} for sink in SINKS}
        heard.stop()
    # To the frame: every one since the first is in a window, windows lie on the grid, and the count keeps with time.
    for said in windows.values():
        assert [window["window"] for window in said] == list(range(len(said)))
        assert [(window["start_s"], window["gap_s"]) for window in said] == [(2.0 * k, 0.0) for k in range(len(said))]
        assert np.ptp([at_s(window["time"]) - window["end_s"] for window in said]) < 0.1
    assert seconds["tagged"] + seconds["silent"] == sum(said[-1]["end_s"] for said in windows.values())
    assert seconds["received"] == pytest.approx(seconds["tagged"] + seconds["silent"] + seconds["in_flight"], abs=0.002)
    assert seconds["received"] == pytest.approx(since_s, abs=0.5)
    assert seconds["missing"] == 0
    for sink, said in windows.items():
        wav = write_wav(tmp_path / f"{sink}.wav", excerpts[sink].samples, RATE_HZ)
        of_file = [json.loads(line) for line in genred("tag", "-o", "jsonl", str(wav)).stdout.splitlines()[:-1]]
        play_s = began_s[sink] - at_s(said[0]["epoch"])
        for style, expected in enumerate(excerpts[sink].expect):
            live, whole = of_style(said, style, play_s), of_style(of_file, style)
            assert {best(window["scores"]) for window in live} == {best(window["scores"]) for window in whole}
            live_mean, whole_mean = (mean([window["scores"] for window in each]) for each in (live, whole))
            apart = max(abs(live_mean[tag] - whole_mean[tag]) for tag in whole_mean)
            genre = best(live_mean)
            log.info(
                f"{sink}: {genre} {live_mean[genre]:.3f}, the file {whole_mean[genre]:.3f}; most apart {apart:.3f}"
            )
            assert apart < 0.15
            assert genre in expected
            assert top_at[sink][live[-1]["window"]] == genre


def test_trouble_is_named_and_survived(sound: VirtualSound, tmp_path: Path, excerpts: dict[str, Excerpt]) -> None:
    hall, bar = SINKS
    sound.unplug(bar)
    with listening(tmp_path) as heard:
        heard.until(hall, "running")
        heard.until(bar, "retrying")  # absent: the daemon serves, and tries again
        assert (heard.stalled_streams(), heard.codes()) == (1, (200, 200))
        sound.plug_in(bar)
        heard.until(bar, "running")
        assert heard.stalled_streams() == 0
        for sink in SINKS:
            sound.play(sink, excerpts[sink].samples)
        opened_again = heard.source(bar)["restarts"]
        assert opened_again >= 1

        heard.until_said(hall, time.time())
        away_s = time.time()
        sound.suspend(hall, on=True)
        noticed_s = heard.until(hall, "stalled", limit_s=NOTICED_S)
        assert f"{hall}-mon' has delivered nothing" in heard.source(hall)["last_error"]
        assert (heard.stalled_streams(), heard.codes()) == (1, (200, 200))
        sound.suspend(hall, on=False)
        recovered_s = heard.until(hall, "running")
        gap_s = heard.gap_of(hall, 0, away_s)
        log.info(f"suspended: noticed in {noticed_s:.2f} s, heard {recovered_s:.2f} s after resume, gap {gap_s:.2f} s")
        assert heard.source(bar)["restarts"] == opened_again and not heard.gaps(bar)
        heard.balanced()

        away_s = time.time()
        sound.kill()
        noticed_s = max(heard.until(sink, "retrying", limit_s=NOTICED_S) for sink in SINKS)
        assert all(f"{sink}-mon'" in heard.source(sink)["last_error"] for sink in SINKS)
        assert (heard.stalled_streams(), heard.codes()) == (2, (200, 503))
        sound.start()
        recovered_s = max(heard.until(sink, "running") for sink in SINKS)
        gaps_s = [heard.gap_of(hall, 1, away_s), heard.gap_of(bar, 0, away_s)]
        log.info(f"killed: noticed in {noticed_s:.2f} s, heard {recovered_s:.2f} s after, gaps {gaps_s} s")
        assert (heard.stalled_streams(), heard.codes()) == (0, (200, 200))
        seconds = heard.balanced()
        assert seconds["missing"] == pytest.approx(gap_s + sum(gaps_s), abs=0.2)
        heard.stop()


def test_a_required_device_that_is_absent_ends_the_daemon_though_others_are_there(
    sound: VirtualSound, tmp_path: Path
) -> None:
    present = f'device = "{SINKS[0]}-mon"\nstream = "present"'
    absent = 'device = "cellar"\nstream = "absent"\nrequired = true'
    done = genred("run", "-c", str(settings_file(tmp_path, present, absent)))
    assert done.returncode == 69
    assert names_devices(done.stderr.splitlines()[-1])


def test_a_device_that_is_no_device_is_one_line(sound: VirtualSound) -> None:
    done = genred("tag", "device:nonsense")
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (69, "")
    assert "'nonsense'" in line and names_devices(line)


def names_devices(line: str) -> bool:
    """Whether both virtual devices are listed."""
    return all(f"{sink}-mon (ALSA)" in line for sink in SINKS)


def test_devices_are_listed(sound: VirtualSound) -> None:
    done = genred("devices")
    assert done.returncode == 0
    assert names_devices(done.stdout)


@pytest.mark.parametrize("trouble", [None, "there is no sound device 'cellar'", f"'{SINKS[1]}-mon' does not open"])
def test_check_opens_the_devices(sound: VirtualSound, tmp_path: Path, trouble: str | None) -> None:
    device = "cellar" if trouble and "cellar" in trouble else f"{SINKS[1]}-mon"
    if trouble and "open" in trouble:
        sound.unplug(SINKS[1])
    done = genred("check", "-c", str(settings_file(tmp_path, f'device = "{device}"\nstream = "s"')))
    (verdict,) = (line for line in done.stdout.splitlines() if "devices:" in line)
    assert done.returncode == (69 if trouble else 0)
    assert verdict.startswith("FAIL" if trouble else "ok")
    assert (trouble or "Hz, 2 channels") in verdict
