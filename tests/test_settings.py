"""Settings: file, environment, flags; unknown keys and wrong types are refused by name; secrets are masked."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import tomli_w

from daemon.errors import SettingsError
from daemon.settings import Settings, load_settings, masked
from daemon.show_config import _without_unset, settings_schema


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_flags_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "g.toml", 'model = "a"\n[engine]\nthreads = 1\nmax_batch = 3\nqueue_windows = 9\n')
    monkeypatch.setenv("GENRED_ENGINE__THREADS", "2")
    monkeypatch.setenv("GENRED_ENGINE__MAX_BATCH", "5")
    settings = load_settings(file, {"engine": {"max_batch": 7}})
    assert (settings.model, settings.engine.threads, settings.engine.max_batch) == ("a", 2, 7)
    assert settings.engine.queue_windows == 9
    assert settings.engine.device == "auto"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense = 1", "nonsense: unknown setting"),
        ("[engine]\nthreds = 1", "engine.threds: unknown setting"),
        ('[engine]\nthreads = "many"', "engine.threads: "),
        ("[engine]\nmax_batch = -1", "engine.max_batch: "),
        ('[engine]\ndevice = "gpu"', "engine.device: "),
        ("[http]\nport = 99999", "http.port: "),
        ('[[sources]]\nkind = "cassette"', "sources.0: "),
        ('[[sources]]\nkind = "file"', "sources.0.file.path: "),
        ('[[sources]]\nkind = "file"\npath = "a"\nloop = true', "loop = true needs realtime = true"),
        ('[[sources]]\nkind = "stdin"\n[[sources]]\nkind = "stdin"', "stream 'stdin' is named twice"),
        ("model = ", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, problem: str) -> None:
    file = write(tmp_path / "g.toml", text)
    with pytest.raises(SettingsError) as refusal:
        load_settings(file, {})
    assert problem in str(refusal.value)
    assert str(file) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "g.toml", "a = 1\n[engine]\nmax_batch = -1\n")
    with pytest.raises(SettingsError) as refusal:
        load_settings(file, {})
    assert len(str(refusal.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read: No such file"):
        load_settings(tmp_path / "nowhere.toml", {})


@pytest.mark.parametrize("name", ["GENRED_MODELL", "GENRED_ENGIN__THREADS"])
def test_a_misspelt_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=name):
        load_settings(None, {})


def test_passwords_in_urls_are_masked() -> None:
    source = {"kind": "url", "url": "https://me:secret@radio.example/live?token=abc", "stream": "r"}
    settings = load_settings(None, {"sources": [source]})
    for text in (str(masked(settings)), repr(settings), tomli_w.dumps(_without_unset(masked(settings)))):
        assert "secret" not in text
        assert "abc" not in text


def test_the_printed_settings_are_settings(tmp_path: Path) -> None:
    settings = load_settings(None, {"sources": [{"kind": "file", "path": "x"}], "sinks": [{"kind": "jsonl"}]})
    file = write(tmp_path / "g.toml", tomli_w.dumps(_without_unset(masked(settings))))
    assert load_settings(file, {}) == settings
    assert tomllib.loads(file.read_text())["http"]["host"] == "127.0.0.1"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(None, {}).engine.threads = 3


def test_the_schema_describes_every_setting() -> None:
    schema = json.loads(json.dumps(settings_schema()))
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Settings.model_fields)
    for name, definition in schema["$defs"].items():
        if "properties" not in definition:
            continue
        assert definition["additionalProperties"] is False, name
