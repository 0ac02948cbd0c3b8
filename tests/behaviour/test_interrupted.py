"""Ctrl-C before a command runs is told as one during it: a word and the exit code, no traceback."""

import subprocess
import sys

EARLY = """
import sys
from iamsync.cli import app, options

def interrupted():
    raise KeyboardInterrupt

options.forget = interrupted
sys.argv = ["iamsync", "version"]
app.main()
"""


def test_ctrl_c_before_the_command_runs_is_no_traceback() -> None:
    told = subprocess.run([sys.executable, "-c", EARLY], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (130, "", "interrupted\n")
