"""The independent evaluator as a separate process: installed by npm outside of what is kept, fed JSON lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests import npm
from tests.oracle.cases import Json

PACKAGE = "@cloud-copilot/iam-simulate"
VERSION = "0.1.173"
HOME = npm.CACHE / "oracle"
_SCRIPT = Path(__file__).with_name("judge.mjs")


def missing() -> str:
    """Why the evaluator cannot be asked on this machine; empty where it can. Installs it if need be."""
    return npm.missing(PACKAGE, VERSION, HOME)


def judged(cases: Iterable[Json], *, seconds: float = 600) -> list[str]:
    """The verdict on each case, in order; a case that the evaluator cannot read is an `error: ...`."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run(
        ["node", str(_SCRIPT), str(HOME)], input=lines, capture_output=True, text=True, timeout=seconds, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [one["verdict"] if one["verdict"] != "error" else f"error: {one['detail']}" for one in answers]
