"""Write the locks: the newest versions pyproject.toml allows, each pinned with the hashes of all its files.

requirements-dev.lock is the development environment; requirements.lock what the command is installed with (its
dependencies, the extras `sandbox` and `age`, what builds it), in the same versions. `--hashes` keeps the versions.
`--group NAME` only prints what a dependency group of pyproject.toml asks for.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "requirements-dev.lock"
COMMAND = ROOT / "requirements.lock"
HEADER = """\
# {what}, pinned, with hashes. Generated: do not edit.
# To refresh: change pyproject.toml if a new floor or ceiling is meant, then `make lock`, `make test`, `make check`.
"""


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if sys.argv[1:2] == ["--group"]:
        print(*project["dependency-groups"][sys.argv[2]])
        return
    extras = project["project"]["optional-dependencies"]
    command = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *extras["sandbox"],
        *extras["age"],
    ]
    # `editables` is what hatchling needs to install a project in place.
    development = [*command, *extras["dask"], *project["dependency-groups"]["dev"], "editables"]
    pins = [DEV] if "--hashes" in sys.argv[1:] else []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-qq", "uv"], check=True)
        locked(folder, development, DEV, "Every package the development environment holds", pins)
        locked(folder, command, COMMAND, "Every package that iamsync is installed with", [DEV])


def locked(folder: str, wanted: list[str], lock: Path, what: str, pins: list[Path]) -> None:
    """Resolve for every platform and Python that is supported, and write the lock."""
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header", "-q"]
    constraints = Path(folder, "pins.txt")
    # Without hashes and markers: a constraint is a version here, nothing more.
    constraints.write_text("\n".join(pin for path in pins for pin in versions(path)) + "\n", encoding="utf-8")
    uv = [f"{folder}/bin/uv", "pip", "compile", *options, "-c", str(constraints), "-"]
    made = subprocess.run(uv, check=True, input="\n".join(wanted), text=True, stdout=subprocess.PIPE).stdout
    lock.write_text(HEADER.format(what=what) + made, encoding="utf-8")
    print(f"{lock.name}: {len(versions(lock))} packages")


def versions(lock: Path) -> list[str]:
    """The pins of a lock, without hashes and markers."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.partition(";")[0].rstrip("\\ ") for line in lines if "==" in line and not line.startswith(("#", " "))]


if __name__ == "__main__":
    main()
