"""A server on 127.0.0.1 that takes posts, remembers them, and answers as it is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; the names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Poster:
    """A running server. `answers` are given in turn, the last one again and again; `by` answers in their place."""

    url: str = ""
    got: list[Request] = field(default_factory=list)
    answers: list[Reply] = field(default_factory=lambda: [(200, {}, b"ok")])
    by: Callable[[Request], Reply] | None = None
    hang: threading.Event = field(default_factory=threading.Event)

    def reply(self, request: Request) -> Reply:
        self.got.append(request)
        if self.by is not None:
            return self.by(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Poster]:
    """The server until the block ends; with TLS where a context is given. Status 0 means no answer at all."""
    poster = Poster()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, content = poster.reply(Request(self.command, self.path, headers, body))
            if not status:
                poster.hang.wait(20)
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is what some tests are about."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    poster.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield poster
    finally:
        poster.hang.set()
        server.shutdown()
        server.server_close()
        thread.join()
