"""Answers of AWS for operations that no server here has, held against the shapes of botocore's own model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

Params = Mapping[str, Any]


class Refused(Exception):
    """An answer that is an error: its code and HTTP status."""

    def __init__(self, code: str, status: int = 400, message: str = "no") -> None:
        self.code, self.status, self.message = code, status, message


class Answering:
    """Answers one operation of a client; `calls` are the parameters of every call, as botocore took them."""

    def __init__(self, client: Any, operation: str, answer: Callable[[Params], Mapping[str, Any]]) -> None:
        self.calls: list[Params] = []
        self._answer = answer
        self._held = threading.local()
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"provide-client-params.{service}.{operation}", self._given)
        client.meta.events.register_first(f"before-call.{service}.{operation}", self._called)

    def _given(self, params: Params, **_: Any) -> None:
        self._held.params = params

    def _called(self, model: Any, **_: Any) -> Any:
        params = self._held.params
        self.calls.append(params)
        try:
            answer = dict(self._answer(params))
        except Refused as no:
            error = {
                "Error": {"Code": no.code, "Message": no.message},
                "ResponseMetadata": {"HTTPStatusCode": no.status},
            }
            return AWSResponse(None, no.status, {}, None), error
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        return AWSResponse(None, 200, {}, None), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}
