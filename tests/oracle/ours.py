"""The same cases before iamsync's own evaluator."""

from __future__ import annotations

from typing import Any

from iamsync.policy.document import Document
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.explanation import Decision
from iamsync.policy.request import Principal, Request
from tests.oracle.cases import ROLE, SESSION, Json


def decided(asked: Json) -> Decision:
    """iamsync's decision on a case."""
    who = asked["principal"]
    principal = Principal.of(who, issuer=ROLE if who == SESSION else None)
    context = {key: value if isinstance(value, str) else tuple(value) for key, value in asked["context"].items()}
    request = Request(principal, asked["action"], asked["resource"], asked["account"], context)
    resource = _source("resource", asked.get("resourcePolicy"))
    session = _source("session", asked.get("session"))
    layers = Layers(
        identity=_sources("identity", asked["identity"]),
        boundary=_source("boundary", asked.get("boundary")),
        session=None if session is None else (session,),
        scps=tuple(_sources("scp", level) for level in asked.get("scps", ())),
        rcps=tuple(_sources("rcp", level) for level in asked.get("rcps", ())),
        resource=resource,
        is_trust=asked["action"].startswith("sts:AssumeRole"),
    )
    return evaluate(request, layers)


def _source(label: str, document: Any) -> Source | None:
    return None if document is None else Source(label, Document.of(document))


def _sources(label: str, documents: list[Any]) -> tuple[Source, ...]:
    return tuple(Source(f"{label} {number}", Document.of(one)) for number, one in enumerate(documents, start=1))
