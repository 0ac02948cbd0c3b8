"""Instance profiles: what hands a role to EC2 instances. A profile holds no role or one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iamsync import arn
from iamsync.kinds.fields import Immutable, Tags
from iamsync.kinds.kind import PATH, Act, Context, Form, Kind, Phase
from iamsync.model import Call, Resource


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """An instance profile as manifests declare it; `role` is an ARN."""

    path: str = "/"
    role: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def _key(profile: Resource, cx: Context) -> dict[str, str]:
    return {"InstanceProfileName": profile.address.name}


@dataclass(frozen=True, slots=True)
class Link:
    """The one role of a profile: AWS refuses a second one, so the old one leaves before the new one joins."""

    name: str = "role"
    form: Form = "reference"
    target: str = "role"
    about: str = "The role that instances get; one leaves before the next one joins."
    default: Any = None
    immutable: bool = False

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        return {}

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        have, want = old.spec.role, new.spec.role
        if have == want:
            return
        # Neither may wait for the other's kind of act: taking away comes first here.
        both = Phase.MIXED if have and want else None
        if have:
            yield self._left(new, have, both or Phase.REVOKE)
        if want:
            yield self._joined(new, want, both or Phase.GRANT)

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        if new.spec.role:
            yield self._joined(new, new.spec.role, Phase.GRANT)

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        if old.spec.role:
            yield self._left(old, old.spec.role, Phase.REVOKE)

    def _joined(self, profile: Resource, role: str, phase: Phase) -> Act:
        call = self._call("AddRoleToInstanceProfile", profile, role)
        return Act(profile.address, phase, "grant", self.name, role, call, needs=(role,))

    def _left(self, profile: Resource, role: str, phase: Phase) -> Act:
        call = self._call("RemoveRoleFromInstanceProfile", profile, role)
        return Act(profile.address, phase, "revoke", self.name, role, call, frees=(role,))

    def _call(self, operation: str, profile: Resource, role: str) -> Call:
        parsed = arn.parse(role)
        name = parsed.name if parsed is not None else role
        return Call(operation, {"InstanceProfileName": profile.address.name, "RoleName": name})


INSTANCE_PROFILE = Kind(
    name="instance_profile",
    section="instance_profiles",
    noun="InstanceProfile",
    spec=InstanceProfile,
    max_name=128,
    about="What hands a role to EC2 instances.",
    key=_key,
    bulk=False,
    fields=(
        Immutable("path", "Path", "Path, part of the ARN; fixed at creation.", default="/", pattern=PATH),
        Link(),
        Tags("InstanceProfile", _key, folds=False),
    ),
)
