"""The live list on a terminal: what stands in it, and that nothing of it stays."""

import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading

from rich.console import Console

from iamsync.events import Called, RunStarted, Seen, Slowed, StepEnded, StepStarted
from iamsync.model import Address, Call, Step
from iamsync.render.live import Live


def step(number: int) -> Step:
    return Step(f"s{number}", Address("role", f"deploy-{number}"), Call("CreateRole", {}), "grant")


def picture(live: Live, width: int = 80) -> str:
    """What is on the screen at this moment."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=True)
    console.print(live.screen)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def live() -> Live:
    return Live(Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None), "prod")


def test_what_runs_how_far_it_is_and_what_slows_it_down_are_rows() -> None:
    made = live()
    made(RunStarted("111122223333", 20))
    for number in range(12):
        made(StepStarted(step(number)))
    for number in range(2):
        made(StepEnded(step(number), "done"))
    made(Slowed("CreateRole"))
    made(Slowed("CreateRole"))
    text = picture(made)
    assert re.search(r"prod .* 2/20 0:00:0\d", text)
    assert "left" not in text  # two are too few to go by
    assert "  CreateRole role/deploy-2  0 s" in text
    assert "and 2 more" in text
    assert "AWS asks to slow down: 2 retries" in text
    made(StepEnded(step(2), "done"))
    assert re.search(r"3/20 0:00:0\d about 0:00:0\d left", picture(made))


def test_reading_counts_calls_and_accounts() -> None:
    made = live()
    made(Called("ListRoles"))
    made(Called("GetAccountSummary"))
    assert "  2 calls, the last one GetAccountSummary" in picture(made)
    made(Seen("prod", 40))
    assert "1/40 accounts" in picture(made)


def test_no_row_is_wider_than_the_terminal() -> None:
    made = live()
    made(RunStarted("111122223333", 2))
    made(StepStarted(Step("s1", Address("role", "x" * 64), Call("PutRolePermissionsBoundary", {}), "grant")))
    for width in (40, 80, 120):
        assert max(map(len, picture(made, width).splitlines())) <= width


def test_what_is_over_before_anybody_waits_draws_nothing() -> None:
    stream = io.StringIO()
    with Live(Console(file=stream, force_terminal=True), "reading", patience=60) as made:
        made(Called("ListRoles"))
    assert stream.getvalue() == ""


# A shell that starts the tests in the background has them ignore SIGINT, and what they start would too.
CHILD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from iamsync.events import Called, Slowed
from iamsync.render.live import Live, Terminal
try:
    with Live(Terminal(), "reading", patience=0.01) as live:
        live(Called("ListRoles"))
        live(Slowed("ListRoles"))
        # Not one long sleep: where the signal reaches the thread that draws, a sleep of this one is not cut short.
        for _ in range(1000):
            time.sleep(0.02)
except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
print("the result")
"""


def test_ctrl_c_leaves_the_terminal_clean_and_the_result_alone() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    shown = b""
    while b"slow down: 1 retry" not in shown:
        shown += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    result, _ = process.communicate(timeout=20)
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side has gone
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert result == b"the result\n"
    assert b"\x1b[?25l" not in shown  # a cursor that was never hidden needs not be shown
    *_, last = shown.split(b"retry")
    rows = last.count(b"\x1b[2K")
    assert rows >= 3, last  # each row of the list is taken away again
    assert last.rstrip().endswith(b"interrupted")


def test_failures_of_many_threads_and_the_drawing_never_wait_for_each_other() -> None:
    made = live()
    made(RunStarted("111122223333", 400))
    with made:
        workers = [
            threading.Thread(
                target=lambda first=first: [  # type: ignore[misc]
                    made(StepEnded(step(number), "failed", reason="no")) for number in range(first, 400, 4)
                ],
                daemon=True,
            )
            for first in range(4)
        ]
        for worker in workers:
            worker.start()
        for _ in range(40):
            made.screen.refresh()
        for worker in workers:
            worker.join(20)
        assert not any(worker.is_alive() for worker in workers)
    assert made.screen.tasks[0].completed == 400
