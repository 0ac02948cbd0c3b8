"""The changes of a plan document as entries with marked lines, before any layout: shared by text, markdown and html."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.credentials import counted, ended
from iamsync.render.fieldlines import Json, Line, field_lines, value_text
from iamsync.render.inert import safe
from iamsync.render.words import count, kind_word, plural, some

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
        if first["action"] in ("create", "delete") and (field["before"], field["after"]) in ((None, ""), ("", None)):
            continue  # an empty text comes or goes with its resource: nothing to see
        cause = field["cause"] if field["cause"] not in (first["cause"], "declared") else ""
        head, *more = field_lines(first["kind"], field, account)
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
    return " ".join(f"{safe(key)}={value_text('text', value, '')}" for key, value in params.items())


def labelled(lines: Iterable[Line]) -> Iterator[tuple[str, Line]]:
    """Each line with its field's name where that begins, and nothing where it goes on."""
    last = ""
    for line in lines:
        yield ("" if line.field == last else line.field), line
        last = line.field
