"""Build what is released, and try it as somebody would who has nothing of this repository.

`dist/` gets the wheel, the source distribution and a CycloneDX list of what the wheel is installed with (SBOM). The
same commit gives the same wheel, byte for byte: times are those of the commit. The wheel, and a wheel made of the
source distribution, are each installed in an environment of their own and used in an empty folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lock import versions

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
LOCK = ROOT / "requirements-dev.lock"
# The first five minutes of the README, and what each must say.
TRIAL = (
    (("version",), "iamsync "),
    (("init", "acme-iam"), "wrote acme-iam/iamsync.yaml"),
    (("-C", "validate"), "ok: "),
    (("-C", "plan"), "6 to create"),
    (("-C", "apply", "--auto-approve"), "12 of 12 calls done"),
    (("-C", "plan"), "No changes."),
    (("-C", "fmt", "--check"), ""),
    (("-C", "audit", "--fail-on", "critical"), "CIS AWS Foundations"),
    (("explain", "last-admin"), "last-admin"),
)


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """The output of a command, which must succeed."""
    ended = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, check=False, capture_output=True, text=True
    )
    if ended.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def build() -> tuple[Path, Path]:
    """The wheel and the source distribution, in `dist/`."""
    shutil.rmtree(DIST, ignore_errors=True)
    committed = run("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-d",
        DIST,
        cwd=ROOT,
        env=os.environ | {"SOURCE_DATE_EPOCH": committed},
    )
    (wheel,) = DIST.glob("*.whl")
    (source,) = DIST.glob("*.tar.gz")
    return wheel, source


@contextmanager
def environment(*wanted: str) -> Iterator[Path]:
    """The folder of commands of a fresh environment with these packages, and no pip."""
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        bin_ = Path(folder) / "bin"
        # Versions alone: pip wants hashes of everything where it sees one, and what was just built has none.
        pins = Path(folder) / "pins.txt"
        pins.write_text("\n".join(versions(LOCK)) + "\n", encoding="utf-8")
        run(
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", bin_ / "python"),
            *("install", "-qq", "--constraint", pins, *wanted),
        )
        yield bin_


def listed(python: Path, into: Path) -> None:
    """A CycloneDX list of what an environment holds, made by a tool in an environment of its own."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    with environment(*groups["release"]) as tools:
        run(
            *(tools / "cyclonedx-py", "environment", "--output-reproducible", "--validate"),
            *("--pyproject", ROOT / "pyproject.toml", "--output-file", into, python),
        )


def tried(bin_: Path) -> None:
    """Each command of the trial, in an empty folder, with nothing of this checkout or machine in its environment."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": f"{bin_}:/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8"}
        for arguments, expected in TRIAL:
            inside = arguments[0] == "-C"
            told = run(
                bin_ / "iamsync",
                *arguments[inside:],
                cwd=Path(folder) / "acme-iam" if inside else Path(folder),
                env=env,
            )
            if expected not in told:
                sys.exit(f"iamsync {' '.join(arguments[inside:])} does not say {expected!r}:\n{told}")


def main() -> None:
    wheel, source = build()
    for what in (wheel, source):
        with environment(f"iamsync[sandbox] @ {what.as_uri()}") as bin_:
            tried(bin_)
            if what == wheel:
                listed(bin_ / "python", DIST / f"{wheel.name.split('-py3')[0]}.cdx.json")
        print(f"{what.name}: installed in an empty environment, {len(TRIAL)} commands tried")
    for file in sorted(DIST.iterdir()):
        if file.name.startswith("iamsync-"):
            print(f"dist/{file.name}: {file.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
