"""Watches for drift in AWS Lambda: called by EventBridge each hour, and whenever CloudTrail sees a call to IAM.

The image holds iamsync and the manifests (see Dockerfile beside this). Drift is an answer; a failure to look raises, so
that Lambda counts an error and its alarm goes off.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

from iamsync.cli.app import run

PROJECT = os.environ.get("IAMSYNC_PROJECT", "/var/task/project")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look, tell those of `notify:` where anything differs, and answer with the counts of each account."""
    os.environ["AWS_ROLE_SESSION_NAME"] = f"iamsync-{getattr(context, 'aws_request_id', 'lambda')}"[:64]
    with tempfile.TemporaryDirectory() as folder, chdir(PROJECT):
        report = Path(folder) / "drift.json"
        told = ["--notify"] if os.environ.get("IAMSYNC_TELL", "1") == "1" else []
        code = run(["drift", "--quiet", "--report", f"json={report}", *told])
        if code not in (0, 2):
            raise RuntimeError(f"iamsync could not look: exit code {code}, see the log")
        accounts = json.loads(report.read_text(encoding="utf-8"))["accounts"]
    return {"drift": code == 2, "accounts": {held["account"]["name"]: held["summary"] for held in accounts}}
