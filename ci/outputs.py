"""The outputs of the GitHub Action, as lines for GITHUB_OUTPUT: `outputs.py REPORTS EXIT_CODE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def outputs(reports: Path, code: int) -> dict[str, str]:
    """The outputs by name; what no report tells is empty."""
    found = {"exit-code": str(code), "changes": "", "approval": "", "report": str(reports)}
    try:
        document = json.loads((reports / "report.json").read_text(encoding="utf-8"))
        shown = (reports / "report.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        return found
    plans = document.get("plans", [])
    drifted = [account["drift"] for account in document.get("accounts", [])]
    found["changes"] = "true" if any(plan["changes"] for plan in plans) or any(drifted) else "false"
    digests = [plan["digests"]["approval"] for plan in plans if plan["steps"]]
    # An incomplete report prints no digest, so that nobody approves what they were not shown.
    if all(digest in shown for digest in digests):
        found["approval"] = " ".join(digests)
    return found


if __name__ == "__main__":
    for name, value in outputs(Path(sys.argv[1]), int(sys.argv[2])).items():
        print(f"{name}={value}")
