"""A process that has loaded iamsync and forks one child a command: a process of its own, without the loading.

Run as a module it reads requests, one JSON object a line, and answers each with an exit code.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_LOADED = ("botocore.session", "botocore.handlers", "moto.iam", "moto.sts", "moto.s3", "jsonschema", "rich.progress")
_servers: list[subprocess.Popen[str]] = []


def command(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    out: Path,
    err: Path,
    pid: Path | None = None,
) -> int:
    """The exit code of `iamsync` with these arguments in a process of its own; `out` and `err` get what it says.

    `pid` gets its number when it begins; a code below zero is the signal that ended it.
    """
    request = {"arguments": [*arguments], "folder": str(folder), "environment": {**environment},
               "out": str(out), "err": str(err), "pid": str(pid or "")}  # fmt: skip
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    assert answer, "the forking process has gone"
    return int(answer)


def _server() -> subprocess.Popen[str]:
    held = _servers[-1] if _servers else None
    if held is None or held.poll() is not None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IAMSYNC_"))}
        held = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.forked"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        _servers.append(held)
        atexit.register(_end, held)
    return held


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.close()
    server.stdout.close()
    server.wait(10)


def _serve() -> None:
    for module in (*_LOADED, *_modules()):
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w")
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        child = os.fork()
        if not child:
            _child(request)
        if request["pid"]:
            Path(request["pid"]).write_text(str(child))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        answers.write(f"{code}\n")
        answers.flush()


def _modules() -> list[str]:
    import iamsync

    found = pkgutil.walk_packages(iamsync.__path__, "iamsync.")
    return [module.name for module in found if not module.name.endswith("__main__")]


def _child(request: dict[str, object]) -> None:
    os.chdir(str(request["folder"]))
    environment = request["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    for name, number in (("out", 1), ("err", 2)):
        handle = os.open(str(request[name]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    arguments = request["arguments"]
    assert isinstance(arguments, list)
    sys.argv = ["iamsync", *arguments]
    from iamsync.cli.app import main

    main()


if __name__ == "__main__":
    _serve()
