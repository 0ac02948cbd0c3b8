"""Dask's workers as an Executor: `dask://HOST:PORT` is a scheduler's address, reached by TLS unless it is this machine.

It knows nothing of what the work is. What is sent is a function of a module, by its name, and texts; results are texts.
The certificates are those of Dask's own configuration (`distributed.comm.tls`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, Final

from iamsync.errors import InputError, WorkerLost

_ADDRESS: Final = re.compile(r"dask://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})/?")
_PATIENCE: Final = "10s"  # until a scheduler that does not answer is given up
_TLS: Final = "distributed.comm.tls"
_CERTIFICATES: Final = ("ca-file", "client.cert", "client.key")


class Workers(Executor):
    """Work that a cluster does; `share` sends a text there once, for all work that is given what it returns."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._inner = client.get_executor()

    def share(self, text: str) -> Any:
        """What stands for this text in the arguments of `submit`: each worker fetches it once."""
        # Not `scatter`: it wants a worker to be there already, and what a lost worker held is not made again.
        return self._client.submit(str, text, pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        asked: Future[Any] = self._inner.submit(fn, *args, **kwargs)
        made: Future[Any] = Future()

        def answered(done: Future[Any]) -> None:
            if not made.set_running_or_notify_cancel():
                return
            if done.cancelled():
                made.set_exception(_lost("the scheduler dropped it"))
            elif (error := done.exception()) is not None:
                made.set_exception(_told(error))
            else:
                made.set_result(done.result())

        made.add_done_callback(lambda one: one.cancelled() and asked.cancel())
        asked.add_done_callback(answered)
        return made


@contextmanager
def workers(address: str, say: Callable[[str], None] = lambda _: None) -> Iterator[Workers]:
    """The workers of the scheduler at this address; `say` is told where they are still to come.

    InputError where the address is none, Dask is not installed, TLS has no certificates or nobody answers.
    """
    host, port = parsed(address)
    try:
        import dask
        from distributed import Client, Security
    except ImportError as error:
        raise InputError(
            "--executor needs Dask, which is not installed", code="no-dask", hint="pip install 'iamsync[dask]'"
        ) from error
    certificates = all(dask.config.get(f"{_TLS}.{name}", None) for name in _CERTIFICATES)
    if not (certificates or _is_loopback(host)):
        raise InputError(
            f"{host} is another machine: its scheduler is asked by TLS alone, and Dask has no certificates for that",
            code="needs-tls",
            hint="set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT and ...__CLIENT__KEY, "
            "or the same below distributed.comm.tls in ~/.config/dask",
        )
    # What is asked for here holds whatever else Dask's configuration says.
    security = Security(require_encryption=True) if certificates else Security()
    where = f"{'tls' if certificates else 'tcp'}://{host}:{port}"
    try:
        client = Client(where, security=security, timeout=_PATIENCE, set_as_default=False, name="iamsync")
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {where}: {_first_line(error)}",
            code="no-scheduler",
            hint="is it started, and of the same version of Dask? dask scheduler --host HOST --port PORT",
        ) from error
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            say(f"the scheduler at {where} has no workers yet; waiting for them")
        yield Workers(client)


def parsed(address: str) -> tuple[str, int]:
    """Host and port of an executor's address; InputError where it is none."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise InputError(
            f"--executor {address!r} is no address of an executor",
            code="bad-option",
            hint="write dask://HOST:PORT, of a Dask scheduler",
        )
    return found["host"], int(found["port"])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _told(error: BaseException) -> BaseException:
    """What a failure of the cluster itself is to whoever waits; the work's own errors stay what they are."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    if isinstance(error, KilledWorker):
        return _lost("its process ended")
    if isinstance(error, CommClosedError):
        return _lost(_first_line(error))
    if isinstance(error, ImportError) or "deserialization" in str(error):
        return InputError(
            f"the scheduler or a worker cannot take the work: {_first_line(error)}",
            code="other-version",
            hint="install this version of iamsync and of Dask on the scheduler and on every worker",
        )
    return error


def _lost(why: str) -> WorkerLost:
    return WorkerLost(
        f"the worker that had this account is gone: {why}",
        code="worker-lost",
        hint="look at the worker's log (memory?), and run the command again",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
