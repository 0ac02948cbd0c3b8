"""Ctrl-C before a command runs is told as one during it: a word and the exit code, no traceback."""

import subprocess
import sys
from importlib.metadata import entry_points

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


WHILE_LOADING = """
import os, signal, sys

class Pressed:
    # As if somebody pressed Ctrl-C while this module is being looked for.
    def find_spec(self, name, *_):
        if name == "iamsync.cli.app":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressed())
sys.argv = ["iamsync", "version"]
from iamsync.cli.begin import main
main()
"""


def test_ctrl_c_while_the_first_modules_are_loaded_is_no_traceback() -> None:
    told = subprocess.run([sys.executable, "-c", WHILE_LOADING], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (130, "", "interrupted\n")


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{WHILE_LOADING}"
    told = subprocess.run([sys.executable, "-c", ignoring], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("iamsync ")


def test_the_command_begins_where_an_interrupt_is_heard_first() -> None:
    (script,) = (one for one in entry_points(group="console_scripts") if one.name == "iamsync")
    assert script.value == "iamsync.cli.begin:main"
