"""Posting to a URL that is a secret: signed, repeated within a time limit, never redirected, never named.

No text that leaves this module holds a URL, a header or a secret, whatever the other side answers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import re
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

# The pauses between the attempts, and how long one may take, in seconds.
PAUSES: Final = (1.0, 2.0, 4.0)
EACH: Final = 10.0
SECRET: Final = 16

_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_WORD: Final = re.compile(r"[a-z][a-z_]{1,60}", re.ASCII)
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Headers = Callable[[], Mapping[str, str]]


class NotSent(Exception):
    """A message that did not arrive; its text says why and holds no secret."""


class _Again(Exception):
    """A failure that may pass; `wait` is what the other side asks for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirect could hand the message, or its signature, to anybody."""

    def redirect_request(self, *_: Any) -> None:
        return None


def checked(url: str) -> str:
    """The URL; ValueError (which does not repeat it) where nothing may be sent there."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if not host or not url.isascii() or any(mark <= " " or mark == "\x7f" for mark in url):
        raise ValueError("is no URL")
    if parts.username or parts.password:
        raise ValueError("holds a user name")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise ValueError("does not begin with https://")
    return url


def key_of(secret: str) -> bytes:
    """The key of a webhook's secret: `whsec_` and base64, or its own bytes; ValueError where it is too short."""
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ValueError("begins with whsec_ and is no base64 after it") from None
    else:
        key = secret.encode()
    if len(key) < SECRET:
        raise ValueError(f"is shorter than {SECRET} bytes")
    return key


def signed(key: bytes, body: str, clock: Callable[[], float] = time.time) -> Headers:
    """Headers of Standard Webhooks (version v1): the id stays, time and signature are each attempt's own."""
    name = f"msg_{secrets.token_hex(12)}"

    def headers() -> Mapping[str, str]:
        now = str(int(clock()))
        digest = hmac.new(key, f"{name}.{now}.{body}".encode(), hashlib.sha256).digest()
        proof = base64.b64encode(digest).decode()
        return {"webhook-id": name, "webhook-timestamp": now, "webhook-signature": f"v1,{proof}"}

    return headers


def post(
    url: str,
    body: str,
    headers: Headers = dict,
    *,
    agent: str = "iamsync",
    until: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Post JSON until it is taken; NotSent where it is refused, or not taken in a few attempts.

    `until` (of `time.monotonic`) is when no further attempt begins. Proxies are those of the environment.
    """
    reason = ""
    for attempt, pause in enumerate((*PAUSES, None), 1):
        try:
            _once(url, body, {**headers(), "Content-Type": "application/json", "User-Agent": agent})
            return
        except _Again as again:
            reason = f"{again}, {'once' if attempt == 1 else f'{attempt} times'}"
            wait = None if pause is None else max(pause, again.wait)
        if wait is None or (until is not None and time.monotonic() + wait >= until):
            break
        sleep(wait)
    raise NotSent(reason)


def _once(url: str, body: str, headers: Mapping[str, str]) -> None:
    secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    opener = urllib.request.build_opener(_Stay, secure)
    request = urllib.request.Request(url, body.encode(), dict(headers), method="POST")  # noqa: S310 - see `checked`
    try:
        with opener.open(request, timeout=EACH) as answer:
            if not 200 <= answer.status < 300:
                raise NotSent(f"HTTP {answer.status}")
    except urllib.error.HTTPError as error:
        with error:
            _refused(error)
    except urllib.error.URLError as error:
        raise _unreached(error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise _unreached(error) from None
    except ValueError:  # a host that no name server can be asked for
        raise NotSent("its URL cannot be asked") from None


def _refused(error: urllib.error.HTTPError) -> None:
    if error.code in _AGAIN:
        held = error.headers.get("Retry-After", "")
        raise _Again(f"HTTP {error.code}", min(float(held), 60.0) if held.isascii() and held.isdigit() else 0.0)
    if 300 <= error.code < 400:
        raise NotSent(f"HTTP {error.code}: redirects are not followed")
    try:
        said = error.read(200).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        said = ""
    # Slack answers in a word (invalid_blocks, no_service); anything longer is nobody's to repeat.
    raise NotSent(f"HTTP {error.code}: {said}" if _WORD.fullmatch(said) else f"HTTP {error.code}")


def _unreached(reason: object) -> NotSent | _Again:
    """Why nothing was answered, in words of our own: those of the libraries may hold the URL."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NotSent(f"its certificate is not trusted (OpenSSL's code {reason.verify_code})")
    if isinstance(reason, ssl.SSLError):
        return NotSent(f"no TLS with it ({reason.reason or 'handshake failed'})")
    if isinstance(reason, TimeoutError):
        return _Again("no answer in time")
    if isinstance(reason, OSError) and reason.strerror:
        return _Again(f"not reached: {reason.strerror}")
    return _Again("no answer that is HTTP")
