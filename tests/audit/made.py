"""Hand-made accounts as text: a few resources in the short spelling of the planner's cases, AWS's reports, findings.

account:   sections as in manifests. A document may also be written out (a mapping, or a list of statements); so may a
           trust policy. `support: false` leaves out the role that every account has here for AWSSupportAccess
facts:     {role/x: {created, last_used}, policy/p: {versions: 5}}
report:    {root: {...}, alice: {created, password: DATE|never, changed, mfa, keys: [{rotated, used}, ...]}}
and `now`, `quotas`, `certificates`, `root_devices`, `accessed`, `accounts`, `kept`, `boundaries`, `incomplete`, `aws`
finds:     every finding as `ID severity address`, in any order; nothing else is found
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from iamsync.audit import Evidence, Observed, audit
from iamsync.engine.auditing import moment_of, reach_of
from iamsync.kinds import KINDS, SECTIONS
from iamsync.kinds.codec import from_json
from iamsync.kinds.reports import ServiceUse, credential_report
from iamsync.model import Address, Resource, State
from iamsync.planner.permissions import Permissions
from iamsync.policy.document import Document
from iamsync.selector import select
from tests.planner import casefile

ACCOUNT = casefile.ACCOUNT
NOW = "2026-11-26T00:00:00Z"
FOLDER = Path(__file__).parent / "accounts"
AWS = {
    "AdministratorAccess": "allow *",
    "AWSSupportAccess": "allow support:*",
    "AWSCloudShellFullAccess": "allow cloudshell:*",
}
COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(
        f"access_key_{number}_{what}"
        for number in (1, 2)
        for what in ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
    ),
    *(f"cert_{number}_{what}" for number in (1, 2) for what in ("active", "last_rotated")),
)


def accounts() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


def loaded(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def evidence(held: Mapping[str, Any]) -> Evidence:
    """What an audit sees of a hand-made account."""
    state = _state(held)
    aws = {
        f"arn:aws:iam::aws:policy/{name}": ("v1", document(text)) for name, text in (AWS | held.get("aws", {})).items()
    }
    now = held.get("now", NOW)
    permissions = Permissions(state, aws, context=moment_of(now))
    accessed = held.get("accessed")
    return Evidence(
        state=state,
        now=now,
        documents={name: known for name, (_, known) in aws.items()},
        report=credential_report(report_text(held["report"])) if "report" in held else None,
        certificates=tuple(tuple(one) for one in held["certificates"]) if "certificates" in held else None,
        root_devices=tuple(held["root_devices"]) if "root_devices" in held else None,
        accessed=None
        if accessed is None
        else {
            f"arn:aws:iam::{ACCOUNT}:{who}": tuple(ServiceUse(name, used or "") for name, used in uses.items())
            for who, uses in accessed.items()
        },
        reach=reach_of(permissions),
        accounts=frozenset(held.get("accounts", ())),
        kept=select(held.get("kept", []), KINDS),
        boundaries={kind: f"arn:aws:iam::{ACCOUNT}:policy/{name}" for kind, name in held.get("boundaries", {}).items()},
    )


def found(held: Mapping[str, Any]) -> tuple[Observed, ...]:
    return audit(evidence(held))


def told(observed: Iterable[Observed]) -> list[str]:
    return sorted(f"{one.id} {one.severity} {one.address}" for one in observed)


def document(held: Any) -> Document:
    return Document.of(_written(held))


def _written(held: Any) -> dict[str, Any]:
    if isinstance(held, dict):
        return held if "Statement" in held else {"Version": "2012-10-17", "Statement": [held]}
    if isinstance(held, list) and held and isinstance(held[0], dict):
        return {"Version": "2012-10-17", "Statement": held}
    return casefile.document(held)


def _state(held: Mapping[str, Any]) -> State:
    sections = {section: dict(table or {}) for section, table in held.get("account", {}).items()}
    if held.get("support", True):
        sections.setdefault("roles", {})["support"] = {"managed_policies": ["aws/AWSSupportAccess"]}
    paths = {
        f"{SECTIONS[section].name}/{name}": (fields or {}).get("path", "/")
        for section, table in sections.items()
        if section != "account"
        for name, fields in table.items()
    }
    resources = []
    for section, table in sections.items():
        kind = SECTIONS[section]
        for name, fields in table.items():
            address = Address(kind.name, name)
            given = {name: fields} if kind.setting else dict(fields or {})
            if kind.name == "role":
                given.setdefault("trust_policy", "ec2.amazonaws.com")
            value = {field: _value(field, one, paths) for field, one in given.items()}
            facts = dict(held.get("facts", {}).get(str(address), {}))
            resource = replace(from_json(address, value), facts=_facts(facts))
            resources.append(resource)
    complete = frozenset(KINDS) - set(held.get("incomplete", ()))
    return State.of(ACCOUNT, resources, complete=complete, quotas=held.get("quotas", {}))


def _facts(given: dict[str, Any]) -> dict[str, Any]:
    if "versions" in given:
        given["versions"] = tuple((f"v{n}", None, n == 1) for n in range(1, given["versions"] + 1))
    return given


def _value(field: str, held: Any, paths: Mapping[str, str]) -> Any:
    if field == "document":
        return _written(held)
    if field == "inline_policies":
        return {name: _written(one) for name, one in held.items()}
    if field == "trust_policy" and not _plain(held):
        return _written(held)
    return casefile._value(field, held, paths)


def _plain(held: Any) -> bool:
    return isinstance(held, str) or (isinstance(held, list) and all(isinstance(one, str) for one in held))


def report_text(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """A credential report as AWS writes it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="N/A", lineterminator="\n")
    writer.writeheader()
    for name, row in rows.items():
        writer.writerow(_row(name, row))
    return out.getvalue()


def _row(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    root = name == "root"
    password = row.get("password")
    made = {
        "user": "<root_account>" if root else name,
        "arn": f"arn:aws:iam::{ACCOUNT}:{'root' if root else f'user/{name}'}",
        "user_creation_time": _time(row.get("created", "2024-01-01")),
        "password_enabled": row.get("enabled", "not_supported") if root else str(password is not None).upper(),
        "password_last_used": _time(password) if password not in (None, "never") else "no_information",
        "password_last_changed": _time(row.get("changed")) if "changed" in row else "N/A",
        "mfa_active": str(bool(row.get("mfa"))).upper(),
        "cert_1_active": str(bool(row.get("certificate"))).lower(),
        "cert_2_active": "false",
        "access_key_1_active": "FALSE",
        "access_key_2_active": "FALSE",
    }
    for number, key in enumerate(row.get("keys", ()), start=1):
        made[f"access_key_{number}_active"] = "TRUE"
        made[f"access_key_{number}_last_rotated"] = _time(key["rotated"])
        if "used" in key:
            made[f"access_key_{number}_last_used_date"] = _time(key["used"])
            made[f"access_key_{number}_last_used_region"] = "us-east-1"
            made[f"access_key_{number}_last_used_service"] = "s3"
    return made


def _time(value: Any) -> str:
    text = str(value).replace(" ", "T")
    return f"{text}T00:00:00+00:00" if "T" not in text else f"{text}+00:00"


def resource(address: str, state: State) -> Resource:
    held = state.get(Address.parse(address))
    assert held is not None
    return held
