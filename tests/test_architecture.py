"""The arrows of the design: who may import whom, no cycles, no heavy library where it must not be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("daemon", "export", "models")
FORBIDDEN = {
    "daemon": {"export", "torch", "torchaudio", "onnx"},
    "export": {"daemon"},
    "models": {"daemon", "export"},
}
GPU = ("daemon.gpu", "daemon.bench.gpu")  # these need genred[gpu]; all the rest of the daemon does without
LONGEST = 300
# What the benchmark runs as programs, some under other interpreters; no part of the daemon, which imports none of them.
PEERS = ("daemon.bench.peer_", "daemon.bench.freeze_")


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, everywhere: bool) -> Iterator[str]:
    """Modules that a file imports: at its top level, or `everywhere`, functions included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def for_gpu(name: str) -> bool:
    """Whether a module belongs to the GPU path."""
    return name.startswith(GPU)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_along_the_arrows_only(package: str) -> None:
    for name, path in modules(package).items():
        targets = set(imports(path, everywhere=True))
        wrong = {target.partition(".")[0] for target in targets} & FORBIDDEN[package]
        if name.startswith(PEERS) or for_gpu(name):
            wrong -= {"torch"}
        if name == "daemon.openvino_graph":
            wrong -= {"onnx"}
        wrong |= {target for target in targets if target.startswith(PEERS)}
        assert not wrong, f"{name} imports {sorted(wrong)}"


def test_what_needs_a_gpu_is_imported_only_when_asked_for() -> None:
    for name, path in modules("daemon").items():
        wrong = {target for target in imports(path, everywhere=False) if for_gpu(target) or target.endswith("_torch")}
        assert not wrong or for_gpu(name), f"{name} imports {sorted(wrong)} at its top"


def test_peers_of_the_benchmark_import_nothing_of_the_daemon() -> None:
    """They run where genred is not installed, but for the one that times its network in torch."""
    peers = {name: path for name, path in modules("daemon").items() if name.startswith(PEERS)}
    assert peers
    for name, path in peers.items():
        ours = {target for target in imports(path, everywhere=True) if target.partition(".")[0] in PACKAGES}
        assert ours <= ({"models.musicnn.network"} if name.endswith("peer_torch") else set()), name


def test_there_is_no_import_cycle() -> None:
    known = {name: path for package in PACKAGES for name, path in modules(package).items()}
    arrows = {name: {t for t in imports(path, everywhere=False) if t in known} for name, path in known.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name not in done:
            for target in sorted(arrows[name]):
                visit(target, (*way, name))
            done.add(name)

    for name in sorted(known):
        visit(name, ())


def test_nothing_is_called_utils_and_files_stay_readable() -> None:
    for package in PACKAGES:
        for name, path in modules(package).items():
            assert "util" not in path.stem, name
            assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST, name


def test_only_the_settings_read_the_environment() -> None:
    """Children's environments are handed on; that is not reading."""
    readers = {
        name
        for name, path in modules("daemon").items()
        if "os.environ" in path.read_text(encoding="utf-8") or "os.getenv" in path.read_text(encoding="utf-8")
    }
    assert readers <= {"daemon.settings", "daemon.bench.process", "daemon.sources.portaudio", "daemon.sources.capture"}
