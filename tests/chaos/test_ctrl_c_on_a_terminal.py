"""Ctrl-C on a terminal while a rotation waits to see what a lost answer left behind, with the live list drawn."""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

import pytest

from iamsync.aws.retrying import LOOKS
from tests.world import ACCOUNT

pty = pytest.importorskip("pty")

CHILD = """
import sys
from iamsync.cli.app import run
from iamsync.sandbox import Server

handle = Server.handle

def lost(self, method, url, headers, body):
    if b"Action=CreateAccessKey" in body:
        raise ConnectionResetError("reset by peer")
    return handle(self, method, url, headers, body)

assert run(["apply", "--auto-approve", "--quiet"]) == 0
Server.handle = lost
print("READY", flush=True)
sys.exit(run(["keys", "rotate", "--auto-approve"]))
"""


@pytest.mark.slow
def test_a_long_wait_ends_at_ctrl_c_with_the_list_on(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iamsync.yaml").write_text(f"version: 1\naccounts: {{demo: {{id: '{ACCOUNT}', backend: sandbox}}}}\n")
    rule = "{rotate_after: 60d, deliver_to: 'secretsmanager:iam/bot'}"
    (tmp_path / "iam" / "site.yaml").write_text(f"users:\n  bot:\n    access_keys: {rule}\n")
    begun = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[2])}
    begun = {name: value for name, value in begun.items() if name not in ("CI", "NO_COLOR")}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(sys.executable, [sys.executable, "-W", "ignore", "-c", CHILD], begun)
    said, asked, start = b"", 0.0, time.monotonic()
    while time.monotonic() - start < 60:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:  # Linux: whoever wrote there has gone
                break
        if not asked and b"CreateAccessKey" in said.partition(b"READY")[2]:
            time.sleep(2.0)
            asked = time.monotonic()
            os.write(terminal, b"\x03")
    took = time.monotonic() - asked
    _, status = os.waitpid(pid, 0)
    assert asked, said.decode()
    assert b"interrupted: finishing the calls under way" in said
    assert b"\x1b[" in said, "no list was drawn"
    assert b"CreateAccessKey" in said
    assert took < sum(LOOKS) / 2
    assert os.waitstatus_to_exitcode(status) in (5, 130)
