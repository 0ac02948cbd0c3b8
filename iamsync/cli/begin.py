"""Where the console script begins: from here on Ctrl-C is one line and 130, also while modules are loaded.

It imports nothing that takes time. What Python does before it loads this module is out of reach.
"""


def main() -> None:
    """Load the command line and run it."""
    import signal

    # An ignored interrupt (`nohup`, a shell's `&`) stays ignored.
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, _ended)
    from iamsync.cli import app

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    app.main()


def _ended(_number: int, _frame: object) -> None:
    # Nothing has begun, and an exception could be caught by any module that is being loaded.
    import os

    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)
