"""The commands as users run them: what they print, and one line with its exit code for what cannot be."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import onnx
import pytest

from tests.process import genred
from tests.signals import tones, write_wav
from tests.tiny_model import tiny_card, tiny_graph, write_tiny_model


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("audio") / "tones.wav", tones(13, 22050, channels=2), 22050)


def one_line_error(*arguments: str, code: int, stdin: bytes = b"") -> str:
    """The error of a command that must fail: one line on standard error, nothing on standard output."""
    done = genred(*arguments, stdin=stdin)
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("genred: ")
    return lines[0]


def test_tag_prints_windows_and_the_files_tags(wav: Path, tiny_model: Path) -> None:
    done = genred("tag", str(wav), "--model", str(tiny_model))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [
        "00:00-00:04",
        "00:02-00:06",
        "00:04-00:08",
        "00:06-00:10",
        "00:08-00:12",
    ]
    assert "=>" in lines[-1]
    assert lines[-1].startswith("tones.wav  00:00-00:12")
    assert done.stderr == ""


def test_tag_as_json_lines(wav: Path, tiny_model: Path) -> None:
    done = genred("tag", str(wav), "--model", str(tiny_model), "-o", "jsonl", "--all-tags")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["type"] for result in results] == ["genred.window.v1"] * 5 + ["genred.tags.v1"]
    assert set(results[0]["scores"]) == {"low", "middle", "high", "bright"}
    assert results[-1]["final"] is True


def test_tag_as_csv(wav: Path, tiny_model: Path) -> None:
    done = genred("tag", str(wav), "--model", str(tiny_model), "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["window"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert all(0 <= float(row["low"]) <= 1 for row in rows)


def test_the_same_file_gives_the_same_ids_again(wav: Path, tiny_model: Path) -> None:
    twice = [genred("tag", str(wav), "--model", str(tiny_model), "-o", "csv").stdout for _ in range(2)]
    assert twice[0] == twice[1]


def test_a_folder_is_many_streams_and_a_bad_file_does_not_stop_the_rest(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for number in range(3):
        write_wav(tmp_path / "deep" / "er" / f"{number}.wav", tones(5, 16000), 16000)
    (tmp_path / "text.wav").write_text("no audio at all")
    done = genred("tag", str(tmp_path), "--model", str(tiny_model))
    assert done.returncode == 64
    assert sum("=>" in line for line in done.stdout.splitlines()) == 3
    (error,) = done.stderr.strip().splitlines()
    assert "text.wav" in error


def test_raw_pcm_from_standard_input(tiny_model: Path) -> None:
    audio = tones(5, 16000).tobytes()
    done = genred("tag", "-", "--pcm", "s16le:16000:1", "--model", str(tiny_model), "-o", "csv", stdin=audio)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_a_container_from_standard_input(wav: Path, tiny_model: Path) -> None:
    done = genred("tag", "-", "--model", str(tiny_model), "-o", "csv", stdin=wav.read_bytes())
    assert len(done.stdout.splitlines()) == 6, done.stderr


def test_the_taggram_is_a_picture(wav: Path, tiny_model: Path, tmp_path: Path) -> None:
    picture = tmp_path / "tags.png"
    assert genred("tag", str(wav), "--model", str(tiny_model), "--plot", str(picture)).returncode == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [picture]


def test_a_stream_too_short_for_a_window_is_said(tmp_path: Path, tiny_model: Path) -> None:
    short = write_wav(tmp_path / "short.wav", tones(3, 16000), 16000)
    done = genred("tag", str(short), "--model", str(tiny_model))
    assert done.returncode == 0
    assert "too short for a window" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/nowhere/at/all.wav"], "no such file"),
        (["http://"], "http"),
        (["gopher://host/x"], "gopher"),
        (["-", "--pcm", "s16le:44100"], "--pcm"),
        (["-", "--pcm", "s16le:4:2"], "sample_rate_hz"),
    ],
)
def test_inputs_that_cannot_be(arguments: list[str], says: str, tiny_model: Path) -> None:
    assert says in one_line_error("tag", *arguments, "--model", str(tiny_model), code=64)


@pytest.mark.parametrize("content", [b"", b"a text file called .wav\n", b"RIFF\x24\x00\x00\x00WAVE"])
def test_files_that_hold_no_audio(content: bytes, tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    assert "x.wav" in one_line_error("tag", str(path), "--model", str(tiny_model), code=64)


def test_a_folder_without_audio(tmp_path: Path, tiny_model: Path) -> None:
    assert "no audio files" in one_line_error("tag", str(tmp_path), "--model", str(tiny_model), code=64)


def test_a_picture_that_cannot_be_made(wav: Path, tmp_path: Path, tiny_model: Path) -> None:
    for picture in ("x.wav", str(tmp_path / "none" / "x.png")):
        assert "--plot" in one_line_error("tag", str(wav), "--plot", picture, "--model", str(tiny_model), code=64)


def test_models_that_cannot_be(wav: Path, tmp_path: Path) -> None:
    text, bare = tmp_path / "text.onnx", tmp_path / "bare.onnx"
    text.write_text("no network")
    onnx.save(tiny_graph(), bare)
    off = tiny_card().golden_output + 0.1
    wrong = write_tiny_model(tmp_path / "wrong.onnx", golden_output=off)
    for model, says in (
        ("nonsense", "shipped models: "),
        (str(tmp_path / "none.onnx"), "is not a file"),
        (str(text), "not a usable ONNX file"),
        (str(bare), "no genred card"),
        (str(wrong), "golden check failed"),
    ):
        assert says in one_line_error("tag", str(wav), "--model", model, code=78)
        done = genred("check", "--model", model)
        assert done.returncode == 78
        assert f"FAIL  model: {done.stderr.strip().removeprefix('genred: ')}" in done.stdout


def test_cuda_without_cuda(wav: Path, tiny_model: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has the CUDA provider")
    assert "no CUDA provider" in one_line_error(
        "tag", str(wav), "--device", "cuda", "--model", str(tiny_model), code=69
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("unknown = 1", "unknown: unknown setting"),
        ("[engine]\nmax_batch = 'x'", "engine.max_batch"),
        ("[windows]\nhop_s = 3.0", "window_s=4 is not a multiple of hop_s=3"),
        ("[[sources]]\nkind = 'file'\npath = '/nowhere.wav'", "sources.0.path: /nowhere.wav: no such file"),
    ],
)
def test_settings_that_cannot_be(text: str, says: str, tmp_path: Path, tiny_model: Path) -> None:
    settings = tmp_path / "genred.toml"
    settings.write_text(f"model = '{tiny_model}'\nhttp.enabled = false\n" + text)
    assert says in one_line_error("run", "-c", str(settings), code=78)
    done = genred("check", "-c", str(settings))
    assert done.returncode == 78
    assert says in done.stdout + done.stderr


def test_check_says_what_is_right(tmp_path: Path, tiny_model: Path, wav: Path) -> None:
    settings = tmp_path / "genred.toml"
    settings.write_text(f"model = '{tiny_model}'\nhttp.port = 0\n[[sources]]\nkind = 'file'\npath = '{wav}'\n")
    done = genred("check", "-c", str(settings))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(maxsplit=1)[0] for line in done.stdout.splitlines()] == ["ok"] * 7
    assert "1 stream" in done.stdout


def test_config_masks_secrets_and_prints_its_schema(tmp_path: Path) -> None:
    settings = tmp_path / "genred.toml"
    settings.write_text("[[sources]]\nkind = 'url'\nurl = 'http://me:secret@host/x'\nstream = 's'\n")
    done = genred("config", "-c", str(settings))
    assert "secret" not in done.stdout
    assert "[engine]" in done.stdout
    assert json.loads(genred("config", "--schema").stdout)["title"] == "genred settings"


def test_models_list_info_verify(tmp_path: Path, tiny_model: Path) -> None:
    assert "musicnn-msd" in genred("models", "list").stdout
    info = genred("models", "info", "musicnn-msd").stdout
    assert "labels: genre" in info
    assert "ISC" in info
    assert "log-mel 250x96, 4 s every 2 s at 16 kHz" in info
    assert "n_fft 512, hop 256, 96 mels within 0..8000 Hz" in info
    verified = genred("models", "verify", str(tiny_model))
    assert verified.stdout.startswith("ok   tiny")
    broken = write_tiny_model(tmp_path / "broken.onnx", golden_output=tiny_card().golden_output + 0.1)
    done = genred("models", "verify", str(tiny_model), str(broken))
    assert done.returncode == 78
    assert "FAIL broken" in done.stdout


def test_usage_errors_are_64() -> None:
    for arguments in (
        [],
        ["nonsense"],
        ["tag"],
        ["tag", "--nonsense", "x"],
        ["run", "extra"],
        ["tag", "x", "-o", "yaml"],
    ):
        done = genred(*arguments)
        assert done.returncode == 64, (arguments, done.returncode)


def test_help_is_zero() -> None:
    for arguments in (["--help"], ["tag", "--help"], ["models", "--help"], ["export", "--help"]):
        done = genred(*arguments)
        assert done.returncode == 0
        assert "Usage" in done.stdout


def test_the_daemon_never_imports_torch() -> None:
    """Nor does asking for help or tagging a file."""
    import subprocess

    code = (
        "import sys, pkgutil, importlib, daemon\n"
        "skip = {'daemon.__main__', 'daemon.bench.librosa_loop', 'daemon.sources.portaudio'}\n"
        "programs = ('daemon.bench.peer_', 'daemon.bench.freeze_', 'daemon.bench.gpu', 'daemon.gpu')\n"
        "for module in pkgutil.walk_packages(daemon.__path__, 'daemon.'):\n"
        "    module.name in skip or module.name.startswith(programs) or importlib.import_module(module.name)\n"
        "print([name for name in ('torch', 'torchaudio', 'onnx', 'librosa', 'export') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
