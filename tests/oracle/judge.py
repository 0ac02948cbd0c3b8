"""The independent evaluator as a separate process: installed by npm outside of what is kept, fed JSON lines."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.oracle.cases import Json

PACKAGE = "@cloud-copilot/iam-simulate"
VERSION = "0.1.173"
HOME = Path(__file__).resolve().parents[2] / ".cache" / "oracle"
_SCRIPT = Path(__file__).with_name("judge.mjs")
_INSTALL_SECONDS = 120


def missing() -> str:
    """Why the evaluator cannot be asked on this machine; empty where it can. Installs it if need be."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"{program} is not on this machine"
    if _installed() == VERSION:
        return ""
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
    try:
        done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"npm did not install {PACKAGE} within {_INSTALL_SECONDS} s"
    if done.returncode or _installed() != VERSION:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return f"npm could not install {PACKAGE}: {last[0]}"
    return ""


def _installed() -> str:
    try:
        held = json.loads((HOME / "node_modules" / PACKAGE / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(held.get("version", ""))


def judged(cases: Iterable[Json], *, seconds: float = 600) -> list[str]:
    """The verdict on each case, in order; a case that the evaluator cannot read is an `error: ...`."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run(
        ["node", str(_SCRIPT), str(HOME)], input=lines, capture_output=True, text=True, timeout=seconds, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [one["verdict"] if one["verdict"] != "error" else f"error: {one['detail']}" for one in answers]
