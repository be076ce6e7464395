"""Runs the steps of an image's Dockerfile in a clean root: ``python .ci/clean_root.py docker/Dockerfile.cpu FOLDER``, where no Docker is.

The root is a Debian of debootstrap's, with its Python in place of the base image's. Each COPY, RUN, ENV, WORKDIR and USER is done in it as
Docker would, then the image's command, a run of a pipeline, and compose.yaml's scheduler, worker and submit, in a network of their own.
It needs root, debootstrap, and what pip is set to.
"""

# ruff: noqa: S607, S108  (debootstrap, ip, chroot and unshare are the system's; its folders are the root's)

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = "ca-certificates,python3,python3-venv,python-is-python3"
FLOW = """
import gpupipe as gp, polars as pl


def pipeline(n: int = 3) -> gp.Pipeline:
    return gp.Pipeline("p", out=gp.WriteParquet("/tmp/out.parquet")(gp.FromFrame(pl.DataFrame({"a": range(n)})).node()))
"""


def make_root(folder: Path) -> None:
    """Make a Debian in a folder, unless it is there, with this machine's way to the package index."""
    if not (folder / "usr/bin/python3").exists():
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", folder], check=True)
    for path in map(Path, ("/etc/resolv.conf", "/etc/hosts", os.environ.get("PIP_CERT", "/etc/hosts"))):
        (folder / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / path.relative_to("/"))


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip() and not line.startswith("#")]


class Image:
    """What the instructions so far have made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp"}
        self.environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_") and name != "PIP_FIND_LINKS"}
        self.workdir, self.user = "/", "0"
        self.entrypoint: list[str] = []

    def command(self, words: list[str]) -> list[str]:
        """Return the command that does one in the root."""
        inner = f"cd {shlex.quote(self.workdir)} && exec {shlex.join(words)}"
        return ["chroot", f"--userspec={self.user}", str(self.folder), "/usr/bin/env", "-i", *self.variables(), "/bin/sh", "-c", inner]

    def variables(self) -> list[str]:
        """Return the environment as words of a command."""
        return [f"{name}={value}" for name, value in self.environment.items()]

    def do(self, instruction: str, arguments: str) -> None:
        """Do one instruction."""
        if instruction == "ENV":
            for word in shlex.split(arguments):
                name, _, value = word.partition("=")
                self.environment[name] = value.replace("$PATH", self.environment["PATH"])
        elif instruction == "WORKDIR":
            self.workdir = arguments
            (self.folder / arguments.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY":
            *sources, _ = arguments.split()
            for source in sources:
                to = self.folder / self.workdir.lstrip("/") / source.removeprefix("./")
                (shutil.copytree if (ROOT / source).is_dir() else shutil.copyfile)(ROOT / source, to)
        elif instruction == "RUN":
            subprocess.run(self.command(["/bin/sh", "-c", arguments]), check=True)
        elif instruction == "USER":
            self.user = f"{arguments}:{arguments}"
        elif instruction == "ENTRYPOINT":
            self.entrypoint = yaml.safe_load(arguments)
        elif instruction == "CMD":
            subprocess.run(self.command([*self.entrypoint, *yaml.safe_load(arguments)]), check=True)


def compose(image: Image) -> None:
    """Start what compose.yaml starts, by its entrypoints, and send a pipeline to it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))["services"]
    with (image.folder / "etc/hosts").open("a", encoding="utf-8") as hosts:
        hosts.write("\n127.0.0.1 scheduler\n")
    running = []
    try:
        for name in ("scheduler", "worker"):
            running.append(subprocess.Popen(image.command(services[name]["entrypoint"])))
            time.sleep(5)
        image.environment |= services["submit"]["environment"]
        submit = image.command([*services["submit"]["entrypoint"], "submit", "flow.py", "--quiet"])
        job = subprocess.run(submit, check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(image.command(["gpupipe", "logs", job, "--follow"]), check=True)
        subprocess.run(image.command(["gpupipe", "status", job]), check=True)
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


def main(dockerfile: Path, folder: Path, *, composing: bool) -> None:
    """Make the root, do the steps, run; then compose, in a network that has nothing but itself."""
    image = Image(folder)
    if not composing:
        make_root(folder)
        for gone in ("opt/gpupipe", "opt/venv"):
            shutil.rmtree(folder / gone, ignore_errors=True)
        subprocess.run(["chroot", folder, "userdel", "--remove", "gpupipe"], check=False, capture_output=True)  # of a run before
    for instruction, arguments in instructions(dockerfile):
        if not composing or instruction in ("ENV", "WORKDIR", "USER", "ENTRYPOINT"):
            print(f"== {instruction} {' '.join(arguments.split())[:100]}", flush=True)
            image.do(instruction, arguments)
    (folder / image.workdir.lstrip("/") / "flow.py").write_text(FLOW, encoding="utf-8")
    if composing:
        compose(image)
    else:
        subprocess.run(image.command([*image.entrypoint, "run", "flow.py", "-p", "n=5"]), check=True)
        subprocess.run(["unshare", "--net", sys.executable, __file__, str(dockerfile), str(folder), "compose"], check=True)
        print("all steps were done")


if __name__ == "__main__":
    if len(sys.argv) == 3:  # what a container has is mounted for these processes alone
        proc, shm = shlex.quote(f"{sys.argv[2]}/proc"), shlex.quote(f"{sys.argv[2]}/dev/shm")
        made = f"mkdir -p {proc} {shm} && mount -t proc proc {proc} && mount -t tmpfs tmpfs {shm}"
        inner = f"{made} && exec {shlex.join([sys.executable, __file__, *sys.argv[1:], 'steps'])}"
        sys.exit(subprocess.run(["unshare", "--mount", "sh", "-c", inner], check=False).returncode)
    main(Path(sys.argv[1]), Path(sys.argv[2]), composing=sys.argv[3] == "compose")
