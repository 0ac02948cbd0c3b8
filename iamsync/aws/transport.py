"""What carries a request: a transport in this process, or connections that all accounts of a run share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

Transport = Callable[[str, str, Mapping[str, str], bytes], tuple[int, dict[str, str], bytes]]


class _Raw(BytesIO):
    """A body as botocore reads one from the network."""

    def stream(self, **_: Any) -> Any:
        while chunk := self.read(65536):
            yield chunk


def sender(transport: Transport) -> Callable[..., Any]:
    """A before-send hook: botocore takes what it returns for the network's answer."""
    from botocore.awsrequest import AWSResponse
    from botocore.exceptions import ConnectionClosedError

    def send(request: Any, **_: Any) -> Any:
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, (bytes, bytearray)):
            body = body.read()
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        try:
            status, answered, content = transport(request.method, request.url, headers, bytes(body))
        except ConnectionError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error
        return AWSResponse(request.url, status, answered, _Raw(content))

    return send


def connections(verify: str | None, *, connect_timeout: float, most: int) -> Callable[..., Any]:
    """A before-send hook over one pool of connections: accounts that talk to one host need not shake hands each.

    `verify` is a file of certificates where the machine's own do not count, as botocore takes it (`ca_bundle`).
    """
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    trusted = verify or os.environ.get("REQUESTS_CA_BUNDLE") or True
    pools: dict[tuple[tuple[str, str], ...], Any] = {}

    def send(request: Any, **_: Any) -> Any:
        proxies = get_environ_proxies(request.url)
        key = tuple(sorted(proxies.items()))
        if key not in pools:
            pools[key] = URLLib3Session(
                verify=trusted, proxies=proxies, timeout=(connect_timeout, 60), max_pool_connections=most
            )
        return pools[key].send(request)

    return send
