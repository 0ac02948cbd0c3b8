"""A transport that answers requests in this process, as botocore takes it."""

from __future__ import annotations

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
