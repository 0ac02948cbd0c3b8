"""Two ways to the same WSGI application: in this process, as the sandbox is reached, and over real HTTP."""

from __future__ import annotations

import io
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from iamsync.sandbox import Server
from tests.chaos.faults import Dropped

App = Callable[[dict[str, Any], Callable[..., Any]], Any]


def sandbox(server: Server) -> App:
    """The embedded IAM as a WSGI application."""

    @Request.application
    def application(request: Request) -> Response:
        status, headers, body = server.handle(request.method, request.url, dict(request.headers), request.get_data())
        return Response(body, status, headers)

    return application


def embedded(app: App) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """The application as `iamsync.aws.session.connect` takes a transport: no socket, no thread."""

    def transport(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(url)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote(parts.path or "/"),
            "QUERY_STRING": parts.query, "SERVER_NAME": parts.hostname, "SERVER_PORT": str(parts.port or 443),
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": parts.netloc, "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0), "wsgi.url_scheme": parts.scheme, "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        }  # fmt: skip
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        told: dict[str, Any] = {}
        content = b"".join(app(environ, lambda status, head, info=None: told.update(status=status, head=head)))
        return int(told["status"].split()[0]), dict(told["head"]), content

    return transport


class _Handler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's word
        """Say nothing."""

    def run_wsgi(self) -> None:
        try:
            super().run_wsgi()
        except OSError:
            self.close_connection = True

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):  # the client has gone, or we cut it off
            return


class Endpoint:
    """A port of this machine behind which the application can be changed; cuts are real resets."""

    def __init__(self) -> None:
        self.app: App = lambda environ, start: []
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._listener = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=_Handler)
        self._listener.daemon_threads = True  # type: ignore[attr-defined]
        self._listener.log = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._listener.server_port}"
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        try:
            return self.app(environ, start_response)
        except Dropped:
            held = environ["werkzeug.socket"]
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no good-bye
            os.close(held.detach())
            raise

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """An endpoint until the block ends."""
    made = Endpoint()
    try:
        yield made
    finally:
        made.close()
