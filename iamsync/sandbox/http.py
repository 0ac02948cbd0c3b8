"""The sandbox as an HTTP endpoint on 127.0.0.1, for other tools."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from iamsync.errors import IamsyncError
from iamsync.sandbox.server import Server

_HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's word
        """Say nothing: standard error belongs to the command."""


def serve(server: Server, port: int = 0) -> tuple[str, Callable[[], None]]:
    """Listen on 127.0.0.1 (a free port if 0): the URL, and a function that stops listening.

    The server stays open; whoever made it closes it. IamsyncError "sandbox-port" where the port cannot be had.
    """

    @Request.application
    def application(request: Request) -> Response:
        status, headers, body = server.handle(request.method, request.url, dict(request.headers), request.get_data())
        return Response(body, status, headers)

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    # Bound here, since werkzeug would print and leave the process where the port is taken.
    try:
        bound = socket.create_server((_HOST, port))
    except OSError as error:
        message = f"cannot listen on {_HOST}:{port} ({error.strerror})"
        raise IamsyncError(message, code="sandbox-port", hint="name another --port, or none") from error
    with bound:
        url = f"http://{_HOST}:{bound.getsockname()[1]}"
        listener = make_server(_HOST, port, application, threaded=True, request_handler=_Quiet, fd=bound.fileno())
    listener.daemon_threads = True  # type: ignore[attr-defined]
    # It looks this often (seconds) whether it is to stop, and who stops it waits for that.
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), name="sandbox", daemon=True)
    thread.start()

    def stop() -> None:
        listener.shutdown()
        thread.join()
        listener.server_close()

    return url, stop
