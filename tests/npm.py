"""Packages of npm that tests ask as judges: installed at test time, outside of what is kept."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".cache"
_INSTALL_SECONDS = 120


def missing(package: str, version: str, home: Path) -> str:
    """Why a package cannot be used on this machine; empty where it can. Installs it into `home` if need be."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"{program} is not on this machine"
    if _installed(package, home) == version:
        return ""
    home.mkdir(parents=True, exist_ok=True)
    (home / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{package}@{version}"]
    try:
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"npm did not install {package} within {_INSTALL_SECONDS} s"
    if done.returncode or _installed(package, home) != version:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return f"npm could not install {package}: {last[0]}"
    return ""


def _installed(package: str, home: Path) -> str:
    try:
        held = json.loads((home / "node_modules" / package / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(held.get("version", ""))
