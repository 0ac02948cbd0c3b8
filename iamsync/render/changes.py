"""A change of the plan document as lines with a mark, before any layout: shared by text and markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.account import DEFAULTS, RULES
from iamsync.kinds.credentials import counted, ended
from iamsync.kinds.metadata import Metadata
from iamsync.policy.document import Document
from iamsync.render.inert import safe
from iamsync.render.statements import statement_lines
from iamsync.render.words import count, kind_word, plural, some

Json = Mapping[str, Any]

MARKS: Final = {"create": "+", "update": "~", "replace": "-/+", "delete": "-"}
# Deletions come first; the rest goes by name.
_TURNS: Final = {"delete": 0, "replace": 1, "create": 2, "update": 2}
# Three alike are worth one entry; of two, both are read faster than a list.
ALIKE: Final = 3
# Calls whose whole effect stands in the fields of their change already.
_TOLD: Final = frozenset(
    {f"{verb}{kind.noun}" for verb in ("Create", "Delete", "Tag", "Untag") for kind in KINDS.values()}
    | {f"{verb}{noun}Policy" for verb in ("Attach", "Detach", "Put", "Delete") for noun in ("User", "Group", "Role")}
    | {f"{verb}{noun}PermissionsBoundary" for verb in ("Put", "Delete") for noun in ("User", "Role")}
    | {"DeactivateMFADevice"}
    | {"UpdateUser", "UpdateGroup", "UpdateRole", "AddUserToGroup", "RemoveUserFromGroup", "CreatePolicyVersion"}
    | {"AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider", "UpdateSAMLProvider"}
    | {"UpdateOpenIDConnectProviderThumbprint", "CreateAccountAlias", "DeleteAccountAlias"}
    | {"UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"}
)
_CREDENTIALS: Final = frozenset({"access_keys", "console_access", "credentials"})
_PROFILES: Final = {"RemoveRoleFromInstanceProfile": "-", "AddRoleToInstanceProfile": "+"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a change: `mark` is +, - or nothing; `depth` counts levels under the field's own lines."""

    mark: str
    field: str
    text: str
    cause: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One change, or several that differ in nothing but the name; texts are safe to show.

    `template` is where the template of all of them stands. Of changes that differ in words too (`render.alike`), `own`
    has each name's, and `pattern` is what the names have in common. `source` is the place of what
    this was made of, where that is no change.
    """

    action: str
    kind: str
    names: tuple[str, ...]
    cause: str
    origin: str
    note: str
    renamed_from: str
    lines: tuple[Line, ...]
    template: str = ""
    own: tuple[str, ...] = ()
    pattern: str = ""
    source: int = 0

    @property
    def mark(self) -> str:
        return MARKS.get(self.action, self.action)

    @property
    def title(self) -> str:
        """What happens to what: `create policy/deploy`, `delete 20 roles alike`."""
        if len(self.names) > 1:
            return f"{self.action} {len(self.names)} {plural(kind_word(self.kind))} alike"
        old = f" (renamed from {self.renamed_from})" if self.renamed_from else ""
        return f"{self.action} {self.kind}/{self.names[0]}{old}"

    @property
    def told_names(self) -> str:
        """All names in a row, each with what is its own."""
        row = ", ".join(f"{name} ({own})" for name, own in zip(self.names, self.own, strict=True)) if self.own else ""
        return (f"{self.pattern}: " if self.pattern else "") + (row or ", ".join(self.names))


def entries(plan: Json, *, apart: bool = False) -> list[Entry]:
    """The changes of one account's plan, equal ones as one if not `apart`, deletions and replacements first."""
    steps = {step["id"]: step for step in plan["steps"]}
    groups: dict[str, list[Json]] = {}
    for change in plan["changes"]:
        groups.setdefault(_likeness(change, steps), []).append(change)
    made: list[Entry] = []
    for alike in groups.values():
        together = [alike] if len(alike) >= ALIKE and not apart else [[change] for change in alike]
        made += [_entry(changes, steps, plan["account"]) for changes in together]
    made.sort(key=lambda entry: (_TURNS.get(entry.action, 9), entry.kind, entry.names[0]))
    return made


def origin_text(origin: Json | None) -> str:
    """`iam/site.yaml:12`, and the template it was made from."""
    if origin is None:
        return ""
    return _place(origin) + (f", template {_place(origin['template'])}" if origin.get("template") else "")


def expiring(plan: Json) -> Iterator[tuple[str, str, str]]:
    """What ends soon, where that was asked for: when, what, and where that is written."""
    for item in plan.get("expiring") or ():
        told = item["address"]
        if item.get("field"):
            told = f"{arn.short(item['item'], plan['account']['id'])} in {item['field']} of {told}"
        yield safe(item["at"]), safe(told), origin_text(item.get("origin"))


def _place(origin: Json) -> str:
    return safe(f"{origin['file']}:{origin['line']}" if origin.get("line") else origin["file"])


def _likeness(change: Json, steps: Mapping[str, Json]) -> str:
    extra = [(line.field, line.mark, line.text) for line in _consequences(change, steps)]
    parts = [change["kind"], change["action"], change["cause"], change.get("note"), change["fields"], extra]
    parts += [(line.field, line.text) for line in _access(change)]
    # A renamed resource is alone with its old name.
    parts.append(change["name"] if change.get("renamed_from") else None)
    return json.dumps(parts, sort_keys=True)


def _entry(changes: Sequence[Json], steps: Mapping[str, Json], account: Json) -> Entry:
    first = changes[0]
    lines: list[Line] = []
    for field in first["fields"]:
        cause = field["cause"] if field["cause"] not in (first["cause"], "declared") else ""
        head, *more = _field_lines(first, field, account) or [_unshaped(field, account)]
        lines += [replace(head, cause=cause or head.cause), *more]
    lines += _consequences(first, steps)
    lines += _access(first)
    origins = {origin_text(change.get("origin")) for change in changes}
    templates = {_template(change.get("origin")) for change in changes}
    if len(origins) > 1:
        origins = {_shared_origin(change.get("origin")) for change in changes}
    return Entry(
        action=safe(first["action"]),
        kind=safe(first["kind"]),
        names=tuple(safe(change["name"]) for change in changes),
        cause=safe(first["cause"]),
        origin=", ".join(sorted(origin for origin in origins if origin)),
        note="; ".join(part for part in (safe(first.get("note") or ""), _with_it(first, steps)) if part),
        renamed_from=safe(first.get("renamed_from") or ""),
        lines=tuple(lines),
        template=templates.pop() if len(templates) == 1 else "",
    )


def _template(origin: Json | None) -> str:
    """Where the template stands that this was made from."""
    return _place(origin["template"]) if origin is not None and origin.get("template") else ""


def _shared_origin(origin: Json | None) -> str:
    """Of several alike: the template all were made from, else the file."""
    if origin is None:
        return ""
    template = _template(origin)
    return f"template {template}" if template else safe(origin["file"])


def _field_lines(change: Json, field: Json, account: Json) -> list[Line]:
    return list(_shaped(change, field, account))


def _unshaped(field: Json, account: Json) -> Line:
    """A change that its field's own shape has no line for is told all the same."""
    return _scalar(safe(field["field"]), "text", field["before"], field["after"], account["id"])


def _shaped(change: Json, field: Json, account: Json) -> Iterator[Line]:
    name, before, after = safe(field["field"]), field["before"], field["after"]
    form = _form(change["kind"], field["field"], before if after is None else after)
    if form in ("references", "names"):
        yield from _members(name, field, account["id"])
    elif form == "tags":
        yield from _tags(name, field)
    elif form == "documents":
        yield from _documents(name, field, account["partition"])
    elif form == "settings":
        yield from _settings(name, before, after)
    elif form == "document":
        yield from _document(name, before, after, account["partition"])
    else:
        yield _scalar(name, form, before, after, account["id"])


def _form(kind: str, field: str, value: Any) -> str:
    """The field's shape; of a field this version does not know, what its value looks like."""
    known = KINDS.get(kind)
    for shape in known.fields if known is not None else ():
        if shape.name == field:
            return shape.form
    return "references" if isinstance(value, list) else "text"


def _members(name: str, field: Json, account: str) -> Iterator[Line]:
    added, removed = list(field["added"]), list(field["removed"])
    again = [item for item in added if item in removed]
    changed = {*added, *removed}
    shorts = {item: arn.short(item, account) for item in changed}
    if len(set(shorts.values())) < len(changed):  # two paths, one name: only the ARN tells them apart
        shorts = {item: item for item in changed}
    for item in again:
        yield Line("~", name, f"{safe(shorts[item])} (taken off and put on again)")
    over = _over(field)
    for mark, items in (("+", added), ("-", removed)):
        for item in items:
            if item not in again:
                yield Line(mark, name, safe(shorts[item]), over.get(item, ""))


def _tags(name: str, field: Json) -> Iterator[Line]:
    before, after = field["before"] or {}, field["after"] or {}
    gone = [*field["removed"], *(key for key in field["added"] if key in before)]
    for key in sorted(gone):
        yield Line("-", name, safe(f"{key}={before[key]}"))
    for key in field["added"]:
        yield Line("+", name, safe(f"{key}={after[key]}"))


def _settings(name: str, before: Any, after: Any) -> Iterator[Line]:
    """Rule by rule; what goes back to AWS's default says so, since nobody may have written it."""
    old, new = before or {}, after or {}
    if after is None:
        yield Line("-", name, "the whole policy; AWS's default of no policy holds")
    for rule in (rule for rule in (*RULES, *(old.keys() - set(RULES))) if rule in old or rule in new):
        was, will = old.get(rule, DEFAULTS.get(rule)), new.get(rule, DEFAULTS.get(rule))
        reset = " (AWS's default)" if after is not None and will == DEFAULTS.get(rule) else ""
        if before is None:
            yield Line("+", name, safe(f"{rule}: {_rule(will)}{reset}"))
        elif after is None:
            yield Line("-", name, safe(f"{rule}: {_rule(was)}"), depth=1)
        elif was != will:
            yield Line("", name, safe(f"{rule}: {_rule(was)} -> {_rule(will)}{reset}"))


def _rule(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def _short(text: str, account: str) -> str:
    """An ARN as manifests spell it: bare for a role of this account."""
    parsed = arn.parse(text)
    if parsed is not None and parsed.kind == "role" and parsed.account == account:
        return parsed.name
    return arn.short(text, account)


def _documents(name: str, field: Json, partition: str) -> Iterator[Line]:
    before, after = field["before"] or {}, field["after"] or {}
    for key in field["added"]:
        if key in before:
            yield Line("~", name, safe(key))
            yield from _explained(name, before[key], after[key], partition, 1)
        else:
            yield Line("+", name, safe(key))
            yield from (Line("+", name, text, depth=1) for text in statement_lines(after[key]))
    over = _over(field)
    for key in field["removed"]:
        yield Line("-", name, safe(key), over.get(key, ""))
        yield from (Line("-", name, text, depth=1) for text in statement_lines(before[key]))


def _over(field: Json) -> dict[Any, str]:
    """The members whose time is over, where the field as a whole has another cause."""
    return {} if field["cause"] == "expired" else dict.fromkeys(field.get("expired") or (), "expired")


def _document(name: str, before: Any, after: Any, partition: str) -> Iterator[Line]:
    if before is not None and after is not None:
        yield from _explained(name, before, after, partition, 0)
        return
    mark, value = ("+", after) if after is not None else ("-", before)
    yield from (Line(mark, name, text) for text in statement_lines(value))


def _explained(name: str, before: Any, after: Any, partition: str, depth: int) -> Iterator[Line]:
    """A changed document: what a statement lost and won, a member a line; else that nothing moves."""
    from iamsync.policy.explain import lines, statements_diff  # it brings deepdiff, which takes long to load

    old, new = Document.of(before, partition), Document.of(after, partition)
    found = statements_diff(old, new, partition)
    if old.permissions_key == new.permissions_key or not found:
        yield from (Line("", name, safe(text), depth=depth) for text in lines(old, new, partition))
        return
    for statement in found:
        if statement.kind == "changed":
            for element in statement.elements:
                yield Line("", name, safe(f"{statement.label}: {element.element}"), depth=depth)
                yield from (Line("-", name, safe(item), depth=depth + 1) for item in element.removed)
                yield from (Line("+", name, safe(item), depth=depth + 1) for item in element.added)
        else:
            told = [(part.element, ", ".join((*part.removed, *part.added))) for part in statement.elements]
            # A statement without a Sid has its effect in its label already.
            parts = [f"{word} {held}" for word, held in told if not statement.label.endswith(f", {held}")]
            mark = "+" if statement.kind == "added" else "-"
            yield Line(mark, name, safe(f"{statement.label}: {'; '.join(parts)}"), depth=depth)


def _scalar(name: str, form: str, before: Any, after: Any, account: str) -> Line:
    old, new = _value(form, before, account), _value(form, after, account)
    if before is None:
        return Line("+", name, new)
    if after is None:
        return Line("-", name, old)
    return Line("", name, f"{old} -> {new}")


def _value(form: str, value: Any, account: str) -> str:
    if form == "metadata" and isinstance(value, str):
        return safe(Metadata.of(value))
    if form == "seconds" and isinstance(value, int):
        return f"{value // 3600}h" if value and value % 3600 == 0 else f"{value}s"
    if isinstance(value, str):
        return safe(_short(value, account)) if value else '""'
    return safe(json.dumps(value, ensure_ascii=False))


def _consequences(change: Json, steps: Mapping[str, Json]) -> list[Line]:
    """What the change's calls do beyond its fields: versions, instance profiles, a trust set later."""
    out: list[Line] = []
    ending = change["action"] in ("delete", "replace")
    if any(field["field"] in _CREDENTIALS for field in change["fields"]):
        return out  # such a change says itself what its calls do
    for step in (steps[name] for name in change["steps"] if name in steps):
        operation, params = step["operation"], step["params"]
        if (credential := ended(operation, params)) is not None:
            out.append(Line("-", "credentials", safe(credential)))
        elif operation == "DeletePolicyVersion":
            why = "" if ending else " (the oldest that is not in use, to make room)"
            out.append(Line("-", "versions", f"{safe(params['VersionId'])}{why}"))
        elif operation == "SetDefaultPolicyVersion":
            text = f"{safe(params['VersionId'])} says this already and becomes the default again"
            out.append(Line("", "versions", text))
        elif operation in _PROFILES:
            if change["kind"] == "instance_profile":
                continue  # its own field says it
            out.append(Line(_PROFILES[operation], "instance_profiles", safe(params["InstanceProfileName"])))
        elif operation == "UpdateAssumeRolePolicy":
            if change["action"] in ("create", "replace"):
                text = "trusts nobody at first; gets its trust policy once the roles it names exist"
                out.append(Line("", "trust_policy", text))
        elif operation not in _TOLD:
            out.append(Line("", "also", f"{safe(operation)} {_params(params)}".rstrip()))
    return out


def _with_it(change: Json, steps: Mapping[str, Json]) -> str:
    """All that a deleted user holds, counted; nothing for any other change."""
    if change["kind"] != "user" or change["action"] != "delete":
        return ""
    taken = (ended(step["operation"], step["params"]) for name in change["steps"] if (step := steps.get(name)))
    told = list(counted(credential for credential in taken if credential is not None))
    gone = {field["field"]: len(field["removed"]) for field in change["fields"]}
    for field, noun in (("groups", "membership"), ("managed_policies", "attachment")):
        told += [count(gone[field], noun)] if gone.get(field) else []
    if inline := gone.get("inline_policies"):
        told.append(f"{inline} inline {'policy' if inline == 1 else 'policies'}")
    if not told:
        return ""
    alone = len(told) == 1 and told[0].startswith("1 ")
    return f"{', '.join(told)} {'goes' if alone else 'go'} with it"


def _access(change: Json) -> Iterator[Line]:
    """Who gains and loses what: the principal itself, then those who hold or belong to what changes."""
    own = change.get("access")
    yield from _access_lines(own) if own else ()
    for others in (*(change.get("affects") or ()), *(change.get("outside") or ())):
        names = [safe(name) for name in others["principals"]]
        yield Line("", "for", some(names, 6))
        yield from _access_lines(others)


def _access_lines(access: Json) -> Iterator[Line]:
    for text in access["text"]:
        verb, _, rest = safe(text).partition("  ")
        yield Line("", verb, rest)


def _params(params: Json) -> str:
    return " ".join(f"{safe(key)}={_value('text', value, '')}" for key, value in params.items())


def labelled(lines: Iterable[Line]) -> Iterator[tuple[str, Line]]:
    """Each line with its field's name where that begins, and nothing where it goes on."""
    last = ""
    for line in lines:
        yield ("" if line.field == last else line.field), line
        last = line.field
