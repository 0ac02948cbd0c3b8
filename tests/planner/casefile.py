"""Cases of the planner as text: a short YAML of both sides, and the plan as a reviewer reads it.

live, desired, base:
  users: {alice: {groups: [dev], managed_policies: [deploy, aws/ReadOnlyAccess], tags: {a: b}}}
  roles: {app: {trust_policy: role/other}}           who may assume it; a list for several
  policies: {deploy: {document: allow s3:Get*}}      one statement; a list for several; "#x" is a Sid
removed: [user/old]
facts: {policy/deploy: {versions: [allow a:B, ...]}}  oldest first; the document itself is the default
options: {acknowledge, unmanaged, protected, exclude, ignore_changes, quotas, only, target, incomplete, unread, access}
and the limits of `safety`
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import yaml

from iamsync import arn
from iamsync.kinds import KINDS, SECTIONS
from iamsync.kinds.codec import from_json
from iamsync.kinds.credentials import Credential
from iamsync.model import Address, Finding, Plan, Removal, Resource, State
from iamsync.planner.plan import plan
from iamsync.policy.document import Document
from iamsync.selector import select
from iamsync.settings import Acknowledgement, Safety, Scope, Settings

ACCOUNT = "111122223333"
OTHER = "444455556666"
LIMITS = ("max_deletes", "recently_used", "max_principals_losing_access")
NOW = "2026-11-24T00:00:00Z"


def plan_of(text: str) -> Plan:
    """The plan of a case file."""
    case = yaml.safe_load(text)
    options = case.get("options", {})
    paths: dict[str, str] = {}
    live = state(case.get("live", {}), paths, case.get("facts", {}))
    incomplete = options.get("incomplete", [])
    live = replace(
        live,
        complete=frozenset(KINDS) - set(incomplete),
        quotas=options.get("quotas", {}),
        unread=frozenset(tuple(item.split(".")) for item in options.get("unread", [])),  # type: ignore[misc]
        missing=frozenset(options.get("missing", [])),
    )
    removed = tuple(Removal(Address.parse(item)) for item in case.get("removed", []))
    desired = replace(state(case.get("desired", {}), paths, {}), removed=removed)
    base = state(case["base"], paths, {}) if "base" in case else None
    settings = Settings(
        Scope(select(["*"], KINDS), select(options.get("exclude", []), KINDS)),
        unmanaged=options.get("unmanaged", "report"),
        ignore_changes=tuple(options.get("ignore_changes", [])),
        safety=Safety(
            protected=select(options.get("protected", []), KINDS),
            **{name: options[name] for name in LIMITS if name in options},
        ),
        acknowledge=tuple(Acknowledgement(*item.split(":", 1)) for item in options.get("acknowledge", [])),
    )
    target = select(options["target"], KINDS) if "target" in options else None
    return plan(
        desired,
        live,
        settings,
        account_name="prod",
        caller="arn:aws:iam::111122223333:user/ops",
        now=NOW,
        base=base,
        only=options.get("only"),
        selection=(lambda difference: target(difference.address)) if target is not None else None,
        access=options.get("access", False),
    )


def state(sections: Mapping[str, Any], paths: dict[str, str], facts: Mapping[str, Any]) -> State:
    """A state in the short spelling; names of the other side are known too."""
    mine = {}
    for section, table in sections.items():
        for name, fields in table.items():
            address = f"{SECTIONS[section].name}/{name}"
            mine[address] = (fields or {}).get("path", "/")
            paths.setdefault(address, mine[address])
    resources = []
    for section, table in sections.items():
        kind = SECTIONS[section]
        for name, fields in table.items():
            given = dict(fields or {})
            ignore, source = tuple(given.pop("ignore_changes", ())), given.pop("renamed_from", None)
            if kind.name == "role":
                given.setdefault("trust_policy", "ec2.amazonaws.com")
            value = {field: _value(field, held, {**paths, **mine}) for field, held in given.items()}
            resource = from_json(Address(kind.name, name), value)
            known = _facts(resource, facts.get(f"{kind.name}/{name}", {}))
            resources.append(replace(resource, ignore=ignore, renamed_from=source, facts=known))
    return State.of(ACCOUNT, resources, complete=frozenset(KINDS))


def _facts(resource: Resource, given: Mapping[str, Any]) -> dict[str, Any]:
    if resource.address.kind == "policy":
        older = given.get("versions", [])
        held = [*older, None] if given.get("default", "last") == "last" else [None, *older]
        versions = tuple(
            (f"v{n}", resource.spec.document if text is None else Document.of(document(text)), text is None)
            for n, text in enumerate(held, given.get("first", 1))
        )
        return {"tags": given.get("tags", "confirmed"), "versions": versions}
    known = {name: tuple(held) if isinstance(held, list) else held for name, held in given.items()}
    if "credentials" in given:
        known["credentials"] = tuple(Credential(**held) for held in given["credentials"])
    return known


def _value(field: str, held: Any, paths: Mapping[str, str]) -> Any:
    if field == "managed_policies":
        return [_policy(item, paths) for item in held]
    if field == "permissions_boundary":
        return _policy(held, paths)
    if field == "role":
        return arn.build("aws", ACCOUNT, Address("role", held), paths.get(f"role/{held}", "/"))
    if field == "trust_policy":
        return trust(held, paths)
    if field == "document":
        return document(held)
    if field == "inline_policies":
        return {name: document(item) for name, item in held.items()}
    return held


def _policy(item: str, paths: Mapping[str, str]) -> str:
    if item.startswith(("arn:", "live/")):
        return item
    if item.startswith("aws/"):
        return f"arn:aws:iam::aws:policy/{item[4:]}"
    return arn.build("aws", ACCOUNT, Address("policy", item), paths.get(f"policy/{item}", "/"))


def document(text: str | list[str]) -> dict[str, Any]:
    """`allow s3:Get*`, `deny * #sid`, or a list of those."""
    statements = []
    for one in [text] if isinstance(text, str) else text:
        body, _, sid = one.partition(" #")
        effect, _, action = body.partition(" ")
        statement = {"Effect": effect.capitalize(), "Action": action, "Resource": "*"}
        statements.append({"Sid": sid, **statement} if sid else statement)
    return {"Version": "2012-10-17", "Statement": statements}


def trust(held: str | list[str], paths: Mapping[str, str]) -> dict[str, Any]:
    names = [held] if isinstance(held, str) else held
    services = [name for name in names if name.endswith(".amazonaws.com")]
    own = [
        arn.build("aws", ACCOUNT, Address.parse(name), paths.get(name, "/"))
        if name.startswith(("user/", "role/"))
        else name
        for name in names
        if name not in services
    ]
    principal = {**({"Service": services} if services else {}), **({"AWS": own} if own else {})}
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }


def text_of(made: Plan) -> str:
    """The plan as text: every change, every step with what it waits for, what guards and findings say."""
    lines = ["changes"]
    for change in made.changes:
        renamed = f" (from {change.renamed_from})" if change.renamed_from else ""
        lines.append(f"  {change.action} {change.address}{renamed} [{change.cause}] {' '.join(change.steps)}".rstrip())
        if change.action == "update":
            for field in change.fields:
                cause = f" [{field.cause}]" if field.cause != change.cause else ""
                if field.added or field.removed:
                    signs = [
                        *(f"+{_short(item)}" for item in field.added),
                        *(f"-{_short(item)}" for item in field.removed),
                    ]
                    lines.append(f"    {field.field} {' '.join(signs)}{cause}")
                else:
                    lines.append(f"    {field.field} {_shown(field.before)} -> {_shown(field.after)}{cause}")
        if change.note:
            lines.append(f"    note: {change.note}")
    lines.append("steps")
    for step in made.steps:
        after = f"  after {' '.join(step.after)}" if step.after else ""
        what = " ".join(f"{name}={_shown(value)}" for name, value in step.params.items())
        lines.append(f"  {step.id:4} {step.effect:7} {step.operation} {what}{after}")
    lines += _section("guards", made.guards)
    lines += _section("findings", made.findings)
    if made.reported:
        lines.append("reported")
        lines += [f"  {item.address}: {item.reason}" for item in made.reported]
    lines.append(f"unchanged {made.unchanged}")
    lines.append(f"read set {' '.join(str(address) for address in made.prior)}")
    return "\n".join(lines) + "\n"


def _section(title: str, findings: Iterable[Finding]) -> list[str]:
    out = []
    for finding in findings:
        consent = " (acknowledged)" if finding.acknowledged else ""
        out.append(f"  {finding.severity} {finding.id}{consent}: {finding.title}")
        if finding.evidence:
            out.append(f"    {finding.evidence}")
    return [title, *out] if out else []


def _shown(value: Any) -> str:
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, dict) and "Statement" in value:
        held = value["Statement"]
        return "<" + "; ".join(_statement(one) for one in (held if isinstance(held, list) else [held])) + ">"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ",".join(f"{tag['Key']}:{tag['Value']}" for tag in value)
    if isinstance(value, list):
        return ",".join(_short(item) for item in value)
    return "none" if value is None else _short(value)


def _statement(one: Mapping[str, Any]) -> str:
    sid = f" #{one['Sid']}" if "Sid" in one else ""
    if "Principal" in one:
        held = [name for names in one["Principal"].values() for name in ([names] if isinstance(names, str) else names)]
        return f"{one['Effect'].lower()} {' '.join(_short(name) for name in held)}{sid}"
    return f"{one['Effect'].lower()} {one['Action']}{sid}"


def _short(value: Any) -> str:
    text = str(value)
    parsed = arn.parse(text)
    if parsed is None:
        return text or '""'
    if parsed.account == "aws":
        return f"aws{parsed.path}{parsed.name}"
    return f"{'' if parsed.account == ACCOUNT else parsed.account + ':'}{parsed.kind}{parsed.path}{parsed.name}"
