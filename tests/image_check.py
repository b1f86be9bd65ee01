# ruff: noqa: T201
"""Makes the CPU image's steps happen in a clean root, states its size, and runs it: `python -m tests.image_check`.

For machines without a container engine. Needs root, debootstrap and bubblewrap (installed when missing, on Debian).
Debian's Python 3.11 stands in for the base image's; what the Dockerfile's COPY and RUN do is what the Dockerfile says.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.dockerfile import Instruction, Stage, stages, whole_environment

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "deploy/docker/Dockerfile.cpu"
MEDLEY = ROOT / "deploy/demo/medley.ogg"
MOST_BYTES = 450_000_000
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSED_ON = ("PIP_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY", "http_", "https_", "no_proxy")
SLIMMED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")  # as slim images
SETTINGS = """\
tracing = { endpoint = "http://127.0.0.1:9/v1/traces", sample_share = 1.0 }  # nobody is there: it must not matter
[[sources]]
kind = "file"
path = "/demo/medley.ogg"
stream = "medley"
realtime = true
loop = true
[[sinks]]
kind = "jsonl"
"""
HEALTHY = """\
genred run -c /tmp/genred.toml >/tmp/tags.jsonl 2>/tmp/log & daemon=$!
for _ in $(seq 100); do genred health >/tmp/answer 2>&1 && break; sleep 0.3; done
cat /tmp/answer; kill -TERM $daemon; wait $daemon; echo "code $?"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, help="A root with Debian 12, python3 and python3-venv; default: made.")
    options = parser.parse_args()
    install_tools()
    with tempfile.TemporaryDirectory(prefix="genred-image-") as scratch:
        base = options.base or make_base()
        image = build(DOCKERFILE, base, Path(scratch))
        say_sizes(base, image)
        run_it(stages(DOCKERFILE)[-1], image)


def install_tools() -> None:
    """The programs that this needs."""
    packages = {"debootstrap": "debootstrap", "bwrap": "bubblewrap"}
    missing = [package for program, package in packages.items() if shutil.which(program, path=USUAL_PATH) is None]
    if missing:
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def make_base() -> Path:
    """A small Debian with Python, as a stand-in for the base image; kept for the next time."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "genred/image-base-bookworm"
    if not (base / "usr/local/bin/python").is_symlink():
        shutil.rmtree(base, ignore_errors=True)
        print("making a Debian 12 root: some minutes, once", flush=True)
        run("debootstrap", "--variant=minbase", "--include=ca-certificates,python3,python3-venv", "bookworm", str(base))
        for folder in SLIMMED:
            shutil.rmtree(base / folder, ignore_errors=True)
        (base / "usr/local/bin/python").symlink_to("/usr/bin/python3.11")
    return base


def build(dockerfile: Path, base: Path, scratch: Path) -> Path:
    """Every stage made; the last one's root."""
    made: dict[str, Path] = {}
    for number, stage in enumerate(stages(dockerfile)):
        root = scratch / str(number)
        run("cp", "-a", "--reflink=auto", str(made.get(stage.base, base)), str(root))
        make_stage(stage, root, made)
        made[stage.name or "last"] = root
    return made["last"]


def make_stage(stage: Stage, root: Path, made: Mapping[str, Path]) -> None:
    """What the instructions of a stage do to its root."""
    folder, environment = "/", {"PATH": USUAL_PATH, "HOME": "/root"}
    for instruction in stage.instructions:
        if instruction.word == "WORKDIR":
            folder = instruction.text
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif instruction.word == "ENV":
            environment |= {k: v.replace("$PATH", environment["PATH"]) for k, v in instruction.assignments.items()}
        elif instruction.word == "COPY":
            copy(instruction, made.get(instruction.flags.get("from", ""), ROOT), root, folder)
        elif instruction.word == "RUN":
            print(f"RUN {instruction.text[:100]}", flush=True)
            shell(root, folder, environment, instruction.text)


def copy(instruction: Instruction, source: Path, root: Path, folder: str) -> None:
    """COPY of files and folders; of the tree, without what .dockerignore leaves out below the folders named."""
    *names, to = instruction.arguments
    target = root / to.lstrip("/") if to.startswith("/") else root / folder.lstrip("/") / to
    for name in names:
        origin = source / name.lstrip("/")
        if origin.is_dir():
            ignored = shutil.ignore_patterns("__pycache__") if source == ROOT else None
            shutil.copytree(origin, target, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, target)


def shell(root: Path, folder: str, environment: Mapping[str, str], line: str) -> None:
    """RUN: in the root, as its root user, with the network and this machine's way to the packages."""
    passed = {key: value for key, value in os.environ.items() if key.startswith(PASSED_ON)}
    trusted = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs", "/etc/pip.conf")
    command = ["bwrap", "--bind", str(root), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--clearenv"]
    command += [
        word for path in trusted if Path(path).exists() for word in ("--ro-bind", str(Path(path).resolve()), path)
    ]
    command += [word for key, value in {**passed, **environment}.items() for word in ("--setenv", key, value)]
    run(*command, "--chdir", folder, "/bin/sh", "-c", line)


def say_sizes(base: Path, image: Path) -> None:
    """How much the image takes, and what of it is genred's."""
    whole, ours = size(image), size(image / "opt/genred")
    print(f"\nimage                {whole / 1e6:6.1f} MB  (at most {MOST_BYTES / 1e6:.0f})")
    print(f"  base (a stand-in)  {size(base) / 1e6:6.1f} MB")
    print(f"  /opt/genred        {ours / 1e6:6.1f} MB")
    packages = image / "opt/genred/lib/python3.11/site-packages"
    largest = sorted(((size(path), path.name) for path in packages.iterdir() if path.is_dir()), reverse=True)
    for bytes_, name in largest[:8]:
        print(f"    {name:<16} {bytes_ / 1e6:6.1f} MB")
    sys.stdout.flush()
    assert whole <= MOST_BYTES, "the image is too large"
    assert not any((packages / name).exists() for name in ("torch", "pip", "setuptools", "pytest"))


def size(root: Path) -> int:
    """Bytes of all files below, each once."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            facts = (Path(folder) / name).lstat()
            seen[facts.st_dev, facts.st_ino] = facts.st_size
    return sum(seen.values())


def run_it(stage: Stage, image: Path) -> None:
    """As an operator's engine would: root read-only, its user, no capability, no network; /tmp in memory."""
    user, group = stage.all("USER")[-1].text.split(":")
    environment = {"PATH": USUAL_PATH, **whole_environment(stage)}
    environment["PATH"] = environment["PATH"].replace("$PATH", USUAL_PATH)
    command = ["bwrap", "--ro-bind", str(image), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    command += ["--tmpfs", "/mnt", "--ro-bind", str(MEDLEY), "/mnt/medley.ogg", "--unshare-all", "--clearenv"]
    command += ["--uid", user, "--gid", group, "--cap-drop", "ALL", "--chdir", stage.all("WORKDIR")[-1].text]
    command += [word for key, value in environment.items() for word in ("--setenv", key, value)]
    assert run(*command, "/bin/sh", "-c", "id -u; touch /opt/x 2>&1 || echo read-only").splitlines()[0] == user
    tagged = run(*command, *stage.all("ENTRYPOINT")[-1].json_words, "tag", "/mnt/medley.ogg")
    print("\n".join(["", "$ genred tag medley.ogg", *tagged.splitlines()[:3], "…", tagged.splitlines()[-1]]))
    assert "jazz" in tagged.splitlines()[0]
    assert len(tagged.splitlines()) == 40
    settings = SETTINGS.replace("/demo", "/mnt")
    answer = run(*command, "/bin/sh", "-c", f"cat >/tmp/genred.toml <<'END'\n{settings}END\n{HEALTHY}")
    print(f"\n$ genred health\n{answer}")
    assert answer == "ok\ncode 0\n"


def run(*command: str) -> str:
    """What it printed; its error is shown and ends the check."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed with {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
