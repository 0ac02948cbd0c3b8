"""The shapes a field of an IAM resource can have; each answers with calls as data.

`Immutable` (a difference means replacement), `Attribute` (one call overwrites it), `Boundary`,
`Members` (attach and detach, join and leave), `Names` (texts that are added and taken one by one),
`Documents` (inline policies), `Versions` (a managed policy's document), `Tags`. Order across calls and
resources is the planner's business; a shape only says in which phase a call belongs and which resources
it needs or frees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from iamsync.kinds.kind import Act, Context, Form, Phase, effect_of, phase_of
from iamsync.kinds.metadata import Metadata
from iamsync.model import Call, Resource
from iamsync.policy.document import Document, principals
from iamsync.policy.edits import Moves, limiting
from iamsync.policy.edits import moves as edit

Key = Callable[[Resource, Context], Mapping[str, Any]]

# A policy that is replaced keeps its ARN or gets another; either way the old one must let go first.
# Compare marks the old identity with this suffix, and the calls that let go of it strip it.
REPLACED = "#replaced"


def _wire(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.text if isinstance(value, (Document, Metadata)) else value


@dataclass(frozen=True, slots=True)
class Immutable:
    """A value AWS sets at creation and never changes; where `optional`, None is "not compared"."""

    name: str
    param: str
    about: str
    form: Form = "text"
    default: Any = None
    pattern: re.Pattern[str] | None = None
    max_length: int = 512
    optional: bool = False
    immutable: bool = True

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        value = getattr(new.spec, self.name)
        # An empty text is none to AWS, which leaves it out of its answers.
        return {} if value in (self.default, "") else {self.param: _wire(value)}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value that one call overwrites in place; where `optional`, None is "not compared".

    `carried` False: the kind itself makes the creating call of it. Of a list, `item` is what a text is called in
    its long form, `most` how many there may be.
    """

    name: str
    param: str
    update: Callable[[Resource, Context], Call]
    about: str
    form: Form = "text"
    default: Any = None
    pattern: re.Pattern[str] | None = None
    max_length: int = 512
    optional: bool = False
    carried: bool = True
    item: str = ""
    most: int = 0
    immutable: bool = False

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        if not self.carried:
            return {}
        value = getattr(new.spec, self.name)
        return {} if value == self.default else {self.param: _wire(value)}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        before, value = getattr(old.spec, self.name), getattr(new.spec, self.name)
        if before == value:
            return
        call = self.update(new, cx)
        if not isinstance(value, Document):
            yield Act(new.address, Phase.NEUTRAL, "neutral", self.name, "", call)
            return
        # Who may come in limits what the role's permissions are worth: a door is opened last and closed first.
        moves = limiting(before, value)
        named = principals(value)
        yield Act(
            new.address,
            phase_of(moves),
            effect_of(moves),
            self.name,
            "",
            call,
            frees=tuple(sorted(principals(before) - named)),
            names=tuple(sorted(named)),
            moves=moves,
            was=before,
            will=value,
        )

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Boundary:
    """The permissions boundary: part of the creation, put over in place, taken off last."""

    noun: str
    key: Key
    about: str = "Managed policy that caps what the principal may ever do."
    name: str = "permissions_boundary"
    form: Form = "reference"
    target: str = "policy"
    default: Any = None
    immutable: bool = False
    for_life: bool = True  # from the creating call to the deleting one

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        value = new.spec.permissions_boundary
        return {"PermissionsBoundary": value} if value else {}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        have, want = old.spec.permissions_boundary, new.spec.permissions_boundary
        if have == want:
            return
        frees = (have,) if have else ()
        if want is None:
            call = Call(f"Delete{self.noun}PermissionsBoundary", self.key(new, cx))
            yield Act(new.address, Phase.DENY_OFF, "grant", self.name, "", call, frees=frees)
            return
        call = Call(f"Put{self.noun}PermissionsBoundary", {**self.key(new, cx), "PermissionsBoundary": want})
        moves = Moves.DENIES | Moves.ALLOWS_AGAIN if have else Moves.DENIES
        yield Act(
            new.address,
            phase_of(moves),
            effect_of(moves),
            self.name,
            want,
            call,
            needs=(want,),
            frees=frees,
            moves=moves,
        )

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        return iter(())  # AWS does not list the boundary among what blocks a deletion


@dataclass(frozen=True, slots=True)
class Members:
    """A set of references that are added and removed one call each: attachments, memberships.

    `quota` is the GetAccountSummary name of how many there may be.
    """

    name: str
    target: str
    add: str
    remove: str
    param: str
    key: Key
    quota: str
    about: str
    form: Form = "references"
    default: Any = ()
    immutable: bool = False

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        return {}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        have, want = set(getattr(old.spec, self.name)), set(getattr(new.spec, self.name))
        yield from (self._added(new, item, cx) for item in sorted(want - have))
        yield from (self._removed(new, item, cx) for item in sorted(have - want))

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        yield from (self._added(new, item, cx) for item in getattr(new.spec, self.name))

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        yield from (self._removed(old, item, cx) for item in getattr(old.spec, self.name))

    def _added(self, owner: Resource, item: str, cx: Context) -> Act:
        call = Call(self.add, {**self.key(owner, cx), self.param: item})
        return Act(owner.address, Phase.GRANT, "grant", self.name, item, call, needs=(item,))

    def _removed(self, owner: Resource, item: str, cx: Context) -> Act:
        held = item.removesuffix(REPLACED)
        call = Call(self.remove, {**self.key(owner, cx), self.param: held})
        return Act(owner.address, Phase.REVOKE, "revoke", self.name, item, call, frees=(held,))


@dataclass(frozen=True, slots=True)
class Names:
    """A set of texts: all in the creating call (`whole`), then added and taken away one call each (`param`).

    `most` is how many there may be, `item` what one is called in its long form.
    """

    name: str
    whole: str
    add: str
    remove: str
    param: str
    key: Key
    most: int
    item: str
    about: str
    form: Form = "names"
    default: Any = ()
    pattern: re.Pattern[str] | None = None
    max_length: int = 255
    immutable: bool = False

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        held = getattr(new.spec, self.name)
        return {self.whole: list(held)} if held else {}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        have, want = set(getattr(old.spec, self.name)), set(getattr(new.spec, self.name))
        for item in sorted(want - have):
            call = Call(self.add, {**self.key(new, cx), self.param: item})
            yield Act(new.address, Phase.GRANT, "grant", self.name, item, call)
        for item in sorted(have - want):
            call = Call(self.remove, {**self.key(new, cx), self.param: item})
            yield Act(new.address, Phase.REVOKE, "revoke", self.name, item, call)

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Documents:
    """Inline policies: put (over), deleted by name."""

    noun: str
    key: Key
    quota: str
    about: str = "Inline policies: name to document."
    name: str = "inline_policies"
    form: Form = "documents"
    default: Any = ()
    immutable: bool = False

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        return {}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        have, want = dict(old.spec.inline_policies), dict(new.spec.inline_policies)
        for name in sorted(want):
            if have.get(name) != want[name]:
                yield self._put(new, name, want[name], have.get(name), cx)
        for name in sorted(have.keys() - want.keys()):
            yield self._deleted(new, name, have[name], cx)

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        for name, document in new.spec.inline_policies:
            yield self._put(new, name, document, None, cx)

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        for name, document in old.spec.inline_policies:
            yield self._deleted(old, name, document, cx)

    def _put(self, owner: Resource, name: str, document: Document, before: Document | None, cx: Context) -> Act:
        params = {**self.key(owner, cx), "PolicyName": name, "PolicyDocument": document.text}
        return put_over(
            Act(owner.address, Phase.NEUTRAL, "neutral", self.name, name, Call(f"Put{self.noun}Policy", params)),
            before,
            document,
        )

    def _deleted(self, owner: Resource, name: str, document: Document, cx: Context) -> Act:
        call = Call(f"Delete{self.noun}Policy", {**self.key(owner, cx), "PolicyName": name})
        return put_over(Act(owner.address, Phase.NEUTRAL, "neutral", self.name, name, call), document, None)


def put_over(act: Act, before: Document | None, after: Document | None) -> Act:
    """The act with its turn, by what one document in the place of the other does; None is no document.

    What only comes or only goes is called after its grants, where it has any: its denials matter to order alone.
    """
    moves = edit(before, after)
    told = moves
    if before is None and moves & Moves.GRANTS:
        told = Moves.GRANTS
    elif after is None and moves & Moves.REVOKES:
        told = Moves.REVOKES
    return replace(act, phase=phase_of(told), effect=effect_of(told), moves=moves, was=before, will=after)


@dataclass(frozen=True, slots=True)
class Versions:
    """A managed policy's document: a stored version that says the same is made the default again,
    else a new one is created; at the quota the oldest version that is not the default goes first."""

    key: Key
    about: str = "The policy document, as AWS writes it."
    name: str = "document"
    form: Form = "document"
    default: Any = None
    quota: int = 5
    immutable: bool = False

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        return {"PolicyDocument": new.spec.document.text}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        have, want = old.spec.document, new.spec.document
        if have == want:
            return
        versions: tuple[tuple[str, Document, bool], ...] = old.facts.get("versions", ())
        stored = [version for version, document, _ in versions if document == want]
        if stored:
            call = Call("SetDefaultPolicyVersion", {**self.key(new, cx), "VersionId": max(stored, key=version_number)})
            yield put_over(Act(new.address, Phase.NEUTRAL, "neutral", self.name, "", call), have, want)
            return
        if len(versions) >= self.quota:
            idle = [version for version, _, default in versions if not default]
            oldest = min(idle, key=version_number)
            call = Call("DeletePolicyVersion", {**self.key(new, cx), "VersionId": oldest})
            yield Act(new.address, Phase.NEUTRAL, "neutral", "versions", oldest, call)
        params = {**self.key(new, cx), "PolicyDocument": want.text, "SetAsDefault": True}
        call = Call("CreatePolicyVersion", params)
        yield put_over(Act(new.address, Phase.NEUTRAL, "neutral", self.name, "", call), have, want)

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        for version, _, default in sorted(old.facts.get("versions", ()), key=lambda held: version_number(held[0])):
            if not default:
                call = Call("DeletePolicyVersion", {**self.key(old, cx), "VersionId": version})
                yield Act(old.address, Phase.NEUTRAL, "neutral", "versions", version, call)


def version_number(version: str) -> int:
    """`v12` as 12; numbers only grow, so they tell age better than dates."""
    digits = version.removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags: `folds` where AWS tells keys apart ignoring case (users and roles)."""

    noun: str
    key: Key
    folds: bool
    about: str = "Tags: key to value."
    name: str = "tags"
    form: Form = "tags"
    default: Any = ()
    immutable: bool = False

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        return {"Tags": _tag_list(new.spec.tags)} if new.spec.tags else {}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        have = {self._fold(key): (key, value) for key, value in old.spec.tags}
        want = {self._fold(key): (key, value) for key, value in new.spec.tags}
        gone = [have[key][0] for key in sorted(have.keys() - want.keys())]
        put = [want[key] for key in sorted(want) if have.get(key) != want[key]]
        if gone:
            call = Call(f"Untag{self.noun}", {**self.key(new, cx), "TagKeys": gone})
            yield Act(new.address, Phase.NEUTRAL, "neutral", self.name, "-", call)
        if put:  # after the removals, so that a swap at the quota of 50 has room
            call = Call(f"Tag{self.noun}", {**self.key(new, cx), "Tags": _tag_list(put)})
            yield Act(new.address, Phase.NEUTRAL, "neutral", self.name, "+", call)

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        return iter(())

    def _fold(self, key: str) -> str:
        return key.lower() if self.folds else key


def _tag_list(tags: Any) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags]
