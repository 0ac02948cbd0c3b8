"""Reading the cases of tests/policy/decisions: what each key means stands in the README there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from iamsync.policy.document import Document
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.explanation import Decision
from iamsync.policy.request import Principal, Request

Json: TypeAlias = dict[str, Any]

FOLDER = Path(__file__).with_name("decisions")
KEYS = frozenset(
    {"case", "source", "who", "does", "on", "in", "with", "tagged", "unique_id", "if", "holds"}
    | {"identity", "boundary", "session", "scps", "rcps", "resource", "trust"}
    | {"verdict", "certain", "because", "blocked", "near", "decides"}
)
_WHO = {
    "ann": "arn:aws:iam::111122223333:user/eng/ann",
    "deploy": "arn:aws:sts::111122223333:assumed-role/deploy/run-1",
    "role": "arn:aws:iam::111122223333:role/ci/deploy",
}
_SHORT = re.compile(r"(Allow|Deny) (.+?) on (.+)")


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `file` is where it stands."""

    file: str
    held: Json

    def __str__(self) -> str:
        return f"{self.file}: {self.held['case']}"

    @property
    def verdict(self) -> str:
        if "if" in self.held and "verdict" not in self.held:
            return "allowed" if self.held.get("holds", "true") == "true" else "implicit_deny"
        return str(self.held["verdict"])

    @property
    def certain(self) -> bool:
        return str(self.held.get("certain", "true")) == "true"

    @property
    def request(self) -> Request:
        held = self.held
        who = str(held.get("who", "ann"))
        principal = Principal.of(
            _WHO.get(who, who),
            issuer=_WHO["role"] if who == "deploy" else None,
            unique_id=held.get("unique_id"),
            tags=held.get("tagged"),
        )
        context = {
            key: tuple(value) if isinstance(value, list) else value for key, value in held.get("with", {}).items()
        }
        on = held.get("on", "arn:aws:s3:::logs/a.txt")
        return Request(principal, held.get("does", "s3:GetObject"), on, held.get("in") or None, context)

    @property
    def layers(self) -> Layers:
        held = self.held
        identity = held.get("identity", [])
        if "if" in held:
            identity = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": held["if"]}
        session = _sources("session", held.get("session", []))
        return Layers(
            identity=_sources("identity", identity),
            boundary=_one("boundary", held.get("boundary", [])),
            session=session or None,
            scps=tuple(_sources(f"scp level {number}", level) for number, level in enumerate(held.get("scps", []), 1)),
            rcps=tuple(_sources(f"rcp level {number}", level) for number, level in enumerate(held.get("rcps", []), 1)),
            resource=_one("trust", held["trust"]) if "trust" in held else _one("resource", held.get("resource", [])),
            is_trust="trust" in held,
        )

    def decide(self) -> Decision:
        return evaluate(self.request, self.layers)


def cases() -> Iterator[Case]:
    """Every case of every file; `<<` takes over what another case says."""
    for path in sorted(FOLDER.glob("*.yaml")):
        # All scalars as text: a policy is JSON, and YAML's dates and booleans would only be in the way.
        held = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        for case in held["cases"]:
            yield Case(path.name, {"source": held["source"], **_whole(case)})


def _whole(case: Json) -> Json:
    if "<<" not in case:
        return case
    taken = _whole(case["<<"])
    if "verdict" in case:
        taken = {key: value for key, value in taken.items() if key != "blocked"}
    return {**taken, **{key: value for key, value in case.items() if key != "<<"}}


def _one(label: str, held: Any) -> Source | None:
    found = _sources(label, held)
    assert len(found) <= 1
    return found[0] if found else None


def _sources(label: str, held: Any) -> tuple[Source, ...]:
    """The documents of a value: a statement, a list of statements, or a list with a list for each document."""
    if isinstance(held, list) and any(isinstance(item, list) for item in held):
        documents = held
    else:
        documents = [held] if held else []
    named = f"{label} {{}}" if label == "identity" else label
    return tuple(Source(named.format(number), _document(one)) for number, one in enumerate(documents, 1))


def _document(held: Any) -> Document:
    if isinstance(held, dict) and "Statement" in held:
        return Document.of(held)
    statements = [_statement(one) for one in (held if isinstance(held, list) else [held])]
    return Document.of({"Version": "2012-10-17", "Statement": statements})


def _statement(held: Any) -> Json:
    if isinstance(held, dict):
        return held
    short = _SHORT.fullmatch(held)
    assert short is not None, held
    return {"Effect": short[1], "Action": short[2].split(", "), "Resource": short[3]}
