"""deploy/systemd: systemd takes the units, they expose little, and what install.sh brings uninstall.sh takes away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import errors
from daemon.reporter import MORE_TIME_S
from daemon.service import ENGINE_END_S
from daemon.settings import Settings, load_settings

SYSTEMD = Path(__file__).resolve().parent.parent / "deploy" / "systemd"
UNITS = ("genred.service", "genred@.service")
DROP_INS = ("sound-device", "gpu", "openvino")
MOST_EXPOSURE = 20  # 2.0, as systemd-analyze takes it
Files = dict[str, tuple[int, bytes]]


def unit(name: str = "genred.service") -> dict[str, list[str]]:
    """The values of each key of a unit."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def script(name: str, root: Path, *arguments: str) -> str:
    """Runs install.sh or uninstall.sh on a root; what it said."""
    done = run(SYSTEMD / name, *arguments, DESTDIR=str(root))
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(root: Path) -> Files:
    """Every file below, with mode and content."""
    return {
        str(path.relative_to(root)): (path.stat().st_mode & 0o777, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }


def seconds(text: str) -> float:
    """`45s` or `5min`."""
    number, word = re.fullmatch(r"(\d+)(s|min)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"s": 1, "min": 60}[word]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit_without_a_word(name: str, tmp_path: Path) -> None:
    """The program is not installed here: another stands in its place."""
    shown = name.replace("@.", "@radio.")
    text = (SYSTEMD / name).read_text().replace("/opt/genred/bin/genred", sys.executable)
    (tmp_path / shown).write_text(text)
    done = run("systemd-analyze", "verify", tmp_path / shown)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", DROP_INS)
def test_systemd_takes_each_drop_in(name: str, tmp_path: Path) -> None:
    (tmp_path / "genred.service").write_text(
        (SYSTEMD / "genred.service").read_text().replace("/opt/genred/bin/genred", sys.executable)
    )
    folder = tmp_path / "genred.service.d"
    folder.mkdir()
    shutil.copy(SYSTEMD / "drop-ins" / f"{name}.conf", folder)
    done = run("systemd-analyze", "verify", tmp_path / "genred.service")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("drop_ins", [(), *((name,) for name in DROP_INS), ("sound-device", "gpu")])
def test_the_unit_exposes_little(name: str, drop_ins: tuple[str, ...], tmp_path: Path) -> None:
    wanted = [word for drop_in in drop_ins for word in ("--with", drop_in)]
    script("install.sh", tmp_path, *wanted)
    analyze = ("systemd-analyze", "security", f"--root={tmp_path}", "--offline=true", "--no-pager")
    done = run(*analyze, f"--threshold={MOST_EXPOSURE}", name.replace("@.", "@radio."))
    assert done.returncode == 0, done.stdout[-400:] + done.stderr
    assert "Overall exposure level" in done.stdout


def test_a_drop_in_counts_in_the_exposure(tmp_path: Path) -> None:
    """Else the test above would say nothing about them."""
    exposures = []
    for number, wanted in enumerate([(), ("--with", "gpu")]):
        root = tmp_path / str(number)
        script("install.sh", root, *wanted)
        done = run("systemd-analyze", "security", f"--root={root}", "--offline=true", "--no-pager", "genred.service")
        exposures.append(float(re.findall(r"genred\.service: ([\d.]+)", done.stdout)[-1]))
    assert exposures[0] < exposures[1]


def test_the_template_is_the_unit_with_other_names() -> None:
    expected = {key: list(values) for key, values in unit().items() if key != "User"}
    for key in ("ExecStartPre", "ExecStart", "ExecReload"):
        expected[key] = [value.replace("/etc/genred/genred.toml", "/etc/genred/%i.toml") for value in expected[key]]
    expected["StateDirectory"], expected["WorkingDirectory"] = ["genred-%i"], ["/var/lib/genred-%i"]
    expected["Description"] = [expected["Description"][0].replace("genred:", "genred %i:")]
    assert unit("genred@.service") == expected


def test_what_a_restart_cannot_mend_is_not_restarted() -> None:
    assert unit()["Restart"] == ["on-failure"]
    prevented = {int(code) for code in unit()["RestartPreventExitStatus"][0].split()}
    assert prevented == {errors.EXIT_USAGE, errors.EXIT_SETTINGS}
    clean = {int(code) for code in unit()["SuccessExitStatus"][0].split()}
    assert clean == {errors.EXIT_CLEAN}
    assert seconds(unit()["RestartSec"][0]) >= 1


def test_systemd_waits_longer_than_a_drain_takes() -> None:
    assert seconds(unit()["TimeoutStopSec"][0]) >= Settings().drain_timeout_s + ENGINE_END_S + 10


def test_systemd_waits_for_a_start_as_long_as_genred_asks_it_to() -> None:
    """Reading a model takes less than the first limit; the extensions come well within the time that they give."""
    assert MORE_TIME_S < seconds(unit()["TimeoutStartSec"][0]) < 600
    assert seconds(unit("drop-ins/gpu.conf")["TimeoutStartSec"][0]) > seconds(unit()["TimeoutStartSec"][0])


def test_the_check_of_the_start_is_a_command_that_there_is() -> None:
    from daemon.cli import app

    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    for line in [*unit()["ExecStartPre"], *unit()["ExecStart"], *unit()["ExecReload"]]:
        for word in re.findall(r"/genred (\w+)", line):
            assert word in commands


def test_the_settings_that_are_installed_are_settings() -> None:
    settings = load_settings(SYSTEMD / "genred.toml", {})
    assert settings.http.host == "127.0.0.1"


def test_the_examples_in_the_installed_settings_are_settings_too(tmp_path: Path) -> None:
    text = (SYSTEMD / "genred.toml").read_text()
    head, _, examples = text.partition("# Where audio comes from.")
    commented = [line.removeprefix("# ").removeprefix("#") for line in examples.splitlines()[1:]]
    path = tmp_path / "genred.toml"
    path.write_text(head + "\n".join(line for line in commented if not line.startswith("Where results go")))
    settings = load_settings(path, {})
    assert [source.kind for source in settings.sources] == ["url", "device", "kafka"]
    sasl = settings.kafka.sasl
    assert sasl is not None
    credential = unit()["LoadCredential"][0].partition(":")[0]
    assert str(sasl.password_file) == f"/run/credentials/genred.service/{credential}_kafka-password"


def test_installing_says_what_it_did_and_twice_is_once(tmp_path: Path) -> None:
    first = script("install.sh", tmp_path, "--with", "sound-device")
    there = files(tmp_path)
    assert {name for name in there if "50-backoff" not in name} == {
        "etc/genred/genred.toml",
        "etc/systemd/system/genred.service",
        "etc/systemd/system/genred@.service",
        "etc/systemd/system/genred.service.d/50-sound-device.conf",
        "etc/systemd/system/genred@.service.d/50-sound-device.conf",
    }
    assert all(f"written: /{name}" in first for name in there)
    assert (tmp_path / "etc/genred/credentials").stat().st_mode & 0o777 == 0o700
    second = script("install.sh", tmp_path, "--with", "sound-device")
    assert files(tmp_path) == there
    assert "written" not in second


def test_settings_and_credentials_are_never_written_over(tmp_path: Path) -> None:
    script("install.sh", tmp_path)
    settings, secret = tmp_path / "etc/genred/genred.toml", tmp_path / "etc/genred/credentials/kafka-password"
    settings.write_text('model = "mine"\n')
    secret.write_text("secret\n")
    said = script("install.sh", tmp_path, "--with", "gpu")
    assert "left alone: /etc/genred/genred.toml" in said
    assert settings.read_text() == 'model = "mine"\n'
    assert secret.read_text() == "secret\n"


def test_an_older_unit_is_brought_up_to_date(tmp_path: Path) -> None:
    script("install.sh", tmp_path)
    installed = tmp_path / "etc/systemd/system/genred.service"
    installed.write_text("[Service]\nExecStart=/bin/true\n")
    assert "written: /etc/systemd/system/genred.service" in script("install.sh", tmp_path)
    assert installed.read_bytes() == (SYSTEMD / "genred.service").read_bytes()


def test_an_upgrade_keeps_what_was_asked_for_before(tmp_path: Path) -> None:
    script("install.sh", tmp_path, "--with", "gpu")
    drop_in = tmp_path / "etc/systemd/system/genred@.service.d/50-gpu.conf"
    drop_in.write_text("[Service]\n")
    assert "as before: --with gpu" in script("install.sh", tmp_path)
    assert drop_in.read_bytes() == (SYSTEMD / "drop-ins" / "gpu.conf").read_bytes()
    done = run(SYSTEMD / "install.sh", "--with", "openvino", DESTDIR=str(tmp_path))
    assert done.returncode == errors.EXIT_USAGE
    assert "uninstall.sh" in done.stderr
    assert "as before" not in script("install.sh", tmp_path / "another")


@pytest.mark.parametrize("name", ["install.sh", "uninstall.sh"])
def test_help_is_said_and_nothing_done(name: str, tmp_path: Path) -> None:
    said = script(name, tmp_path, "--help")
    assert f"usage: {name}" in said
    assert "DESTDIR" in said
    assert "set -eu" not in said
    assert files(tmp_path) == {}


def test_uninstalling_leaves_settings_and_what_is_the_operators(tmp_path: Path) -> None:
    script("install.sh", tmp_path, "--with", "sound-device", "--with", "gpu")
    theirs = tmp_path / "etc/systemd/system/genred.service.d/override.conf"
    theirs.write_text("[Service]\nMemoryMax=2G\n")
    script("uninstall.sh", tmp_path)
    assert set(files(tmp_path)) == {"etc/genred/genred.toml", str(theirs.relative_to(tmp_path))}
    theirs.unlink()
    theirs.parent.rmdir()
    script("uninstall.sh", tmp_path)
    assert set(files(tmp_path)) == {"etc/genred/genred.toml"}
    assert list((tmp_path / "etc/systemd/system").iterdir()) == []


def test_purging_leaves_nothing(tmp_path: Path) -> None:
    script("install.sh", tmp_path, "--with", "gpu")
    for folder in ("lib/genred", "lib/private/genred-radio", "cache/genred@radio"):
        (tmp_path / "var" / folder).mkdir(parents=True)
        (tmp_path / "var" / folder / "file").touch()
    said = script("uninstall.sh", tmp_path, "--purge")
    assert "removed: /etc/genred" in said
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    "arguments", [("--with", "backoff"), ("--with", "../x"), ("--with",), ("--now",), ("--extras",)]
)
def test_a_wrong_argument_writes_nothing(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(SYSTEMD / "install.sh", *arguments, DESTDIR=str(tmp_path))
    assert done.returncode == errors.EXIT_USAGE
    assert files(tmp_path) == {}


def test_two_kinds_of_onnxruntime_are_refused(tmp_path: Path) -> None:
    done = run(SYSTEMD / "install.sh", "--with", "gpu", "--with", "openvino", DESTDIR=str(tmp_path))
    assert done.returncode == errors.EXIT_USAGE
    assert files(tmp_path) == {}


@pytest.mark.parametrize("path", sorted(SYSTEMD.glob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_are_clean(path: Path) -> None:
    done = run(Path(sys.executable).parent / "shellcheck", path)
    assert done.returncode == 0, done.stdout
