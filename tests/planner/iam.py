"""A small IAM that refuses what AWS refuses: an oracle that shares no code with the planner.

Entities are plain dicts. Trust policies hold principals by unique id, as AWS does, so they follow a
renamed user and dangle after a deletion.
"""

# ruff: noqa: N802, N803 (methods and parameters are called as AWS calls them)
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from iamsync.kinds import KINDS
from iamsync.kinds.account import RULES, Account, PasswordPolicy, wire_name
from iamsync.kinds.group import Group
from iamsync.kinds.instance_profile import InstanceProfile
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.oidc_provider import OidcProvider
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.saml_provider import SamlProvider
from iamsync.kinds.user import User
from iamsync.model import Address, Resource, State
from iamsync.policy.document import Document

ATTACHED = {"user": "AttachedPoliciesPerUserQuota", "group": "AttachedPoliciesPerGroupQuota"}
ATTACHED["role"] = "AttachedPoliciesPerRoleQuota"
SIZES = {"user": "UserPolicySizeQuota", "group": "GroupPolicySizeQuota", "role": "RolePolicySizeQuota"}
FOUND = ("f" * 40,)  # the thumbprint that AWS finds by itself
NOUNS = {"User": "user", "Group": "group", "Role": "role"}


class Refused(Exception):
    """What AWS would answer instead of doing it."""


class Iam:
    """One account; `call` does what boto3 would be asked to do, or raises Refused."""

    def __init__(self, state: State, quotas: Mapping[str, int] | None = None, versions: int = 5) -> None:
        self.account = state.account_id
        self.quotas = dict(quotas or {})
        self.versions = versions
        self.made = 0
        self.held: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.profiles: dict[str, str | None] = {}
        self.alias: str | None = None
        self.password_policy: dict[str, Any] | None = None
        trusts: dict[str, str] = {}
        for resource in state:
            kind, name, spec = resource.address.kind, resource.address.name, resource.spec
            if kind not in (*ATTACHED, "policy"):
                self._further(kind, name, spec)
                continue
            entity: dict[str, Any] = {"name": name, "path": spec.path, "id": self._id(kind)}
            if kind == "policy":
                stored = resource.facts.get("versions") or (("v1", spec.document, True),)
                entity["versions"] = {version: document.text for version, document, _ in stored}
                entity["default"] = next(version for version, _, default in stored if default)
                entity["next"] = max(int(version[1:]) for version, _, _ in stored) + 1
                entity["description"] = spec.description
                entity["tags"] = dict(spec.tags)
            else:
                entity["attached"] = set(spec.managed_policies)
                entity["inline"] = {name: document.text for name, document in spec.inline_policies}
            if kind in ("user", "role"):
                entity["boundary"] = spec.permissions_boundary
                entity["tags"] = dict(spec.tags)
            if kind == "user":
                entity["groups"] = set(spec.groups)
            if kind == "role":
                entity["description"], entity["duration"] = spec.description, spec.max_session_duration
                trusts[name] = spec.trust_policy.text
                for profile in resource.facts.get("instance_profiles", ()):
                    self.profiles[profile] = name
            self.held[kind][name] = entity
        for name, text in trusts.items():
            self.held["role"][name]["trust"] = self._stored(text)

    def _further(self, kind: str, name: str, spec: Any) -> None:
        if kind == "account":
            self.alias = spec.alias or self.alias
            if spec.password_policy is not None:
                self.password_policy = {wire_name(rule): held for rule, held in spec.password_policy.values().items()}
            return
        entity: dict[str, Any] = {"name": name, "tags": dict(spec.tags)}
        if kind == "instance_profile":
            entity["path"] = spec.path
            self.profiles.setdefault(name, spec.role.rpartition("/")[2] if spec.role else None)
        elif kind == "oidc_provider":
            entity |= {"clients": set(spec.client_ids), "thumbprints": spec.thumbprints or FOUND}
        else:
            entity["metadata"] = spec.metadata.text
        self.held[kind][name] = entity

    def _id(self, kind: str) -> str:
        self.made += 1
        return f"{ {'user': 'AIDA', 'role': 'AROA', 'group': 'AGPA', 'policy': 'ANPA'}[kind] }{self.made:016d}"

    def _arn(self, kind: str, entity: Mapping[str, Any]) -> str:
        return f"arn:aws:iam::{self.account}:{kind}{entity['path']}{entity['name']}"

    def _one(self, kind: str, name: str) -> dict[str, Any]:
        if name not in self.held[kind]:
            raise Refused(f"NoSuchEntity: {kind} {name}")
        return self.held[kind][name]

    def _policy(self, arn: str, *, attach: bool = False) -> dict[str, Any] | None:
        if arn.startswith("arn:aws:iam::aws:policy/"):
            return None
        for entity in self.held["policy"].values():
            if self._arn("policy", entity) == arn:
                return entity
        raise Refused(f"NoSuchEntity: {arn}")

    def _free(self, kind: str, name: str) -> None:
        if name.casefold() in {held.casefold() for held in self.held[kind]}:
            raise Refused(f"EntityAlreadyExists: {kind} {name}")

    def _walk(self, text: str, table: Mapping[str, str], *, strict: bool) -> str:
        value = json.loads(text)
        statements = value["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            held = statement.get("Principal")
            if not isinstance(held, dict) or "AWS" not in held:
                continue
            names = held["AWS"] if isinstance(held["AWS"], list) else [held["AWS"]]
            out = []
            for name in names:
                if strict and name not in table and (name.startswith(("AIDA", "AROA")) or self._ours(name)):
                    raise Refused(f"MalformedPolicyDocument: Invalid principal in policy: {name}")
                out.append(table.get(name, name))
            held["AWS"] = out if isinstance(held["AWS"], list) else out[0]
        return json.dumps(value)

    def _ours(self, name: str) -> bool:
        return name.startswith((f"arn:aws:iam::{self.account}:user/", f"arn:aws:iam::{self.account}:role/"))

    def _principals(self) -> Iterator[tuple[str, str]]:
        for kind in ("user", "role"):
            for entity in self.held[kind].values():
                yield self._arn(kind, entity), entity["id"]

    def _stored(self, text: str) -> str:
        return self._walk(text, dict(self._principals()), strict=True)

    def _shown(self, text: str) -> str:
        return self._walk(text, {held: arn for arn, held in self._principals()}, strict=False)

    def _limit(self, quota: str, count: int) -> None:
        if count > self.quotas.get(quota, 10**6):
            raise Refused(f"LimitExceeded: {quota} {count}")

    def call(self, operation: str, params: Mapping[str, Any]) -> None:
        """Do it, or raise Refused."""
        given = dict(params)
        for noun, kind in NOUNS.items():
            for prefix in ("Attach", "Detach", "Put", "Delete"):
                if operation == f"{prefix}{noun}Policy":
                    getattr(self, f"_{prefix.lower()}")(kind, self._one(kind, given[f"{noun}Name"]), given)
                    return
            for prefix in ("Put", "Delete"):
                if operation == f"{prefix}{noun}PermissionsBoundary":
                    boundary = given.get("PermissionsBoundary")
                    if boundary is not None:
                        self._policy(boundary)
                    entity = self._one(kind, given[f"{noun}Name"])
                    if prefix == "Delete" and entity["boundary"] is None:
                        raise Refused("NoSuchEntity: boundary")
                    entity["boundary"] = boundary
                    return
        getattr(self, operation)(**given)

    def _attach(self, kind: str, entity: dict[str, Any], given: dict[str, Any]) -> None:
        self._policy(given["PolicyArn"])
        self._limit(ATTACHED[kind], len(entity["attached"] | {given["PolicyArn"]}))
        if given["PolicyArn"] in entity["attached"]:
            raise Refused(f"attached twice: {given}")
        entity["attached"].add(given["PolicyArn"])

    def _detach(self, kind: str, entity: dict[str, Any], given: dict[str, Any]) -> None:
        if given["PolicyArn"] not in entity["attached"]:
            raise Refused(f"NoSuchEntity: not attached: {given}")
        entity["attached"].discard(given["PolicyArn"])

    def _put(self, kind: str, entity: dict[str, Any], given: dict[str, Any]) -> None:
        inline = {**entity["inline"], given["PolicyName"]: given["PolicyDocument"]}
        self._limit(SIZES[kind], sum(Document.parse(text).size for text in inline.values()))
        entity["inline"] = inline

    def _delete(self, kind: str, entity: dict[str, Any], given: dict[str, Any]) -> None:
        if given["PolicyName"] not in entity["inline"]:
            raise Refused(f"NoSuchEntity: inline: {given}")
        del entity["inline"][given["PolicyName"]]

    def _tags(self, tags: Any, folds: bool) -> dict[str, str]:
        made = {tag["Key"]: tag["Value"] for tag in tags or ()}
        keys = [key.casefold() if folds else key for key in made]
        if len(set(keys)) != len(tags or ()) or any(key.casefold().startswith("aws:") for key in made):
            raise Refused(f"InvalidInput: tags {tags}")
        return made

    def _retag(self, entity: dict[str, Any], tags: Any, folds: bool) -> None:
        for key, value in self._tags(tags, folds).items():
            alike = [held for held in entity["tags"] if held == key or (folds and held.casefold() == key.casefold())]
            for old in alike:
                del entity["tags"][old]
            entity["tags"][key] = value

    def _untag(self, entity: dict[str, Any], keys: Any) -> None:
        for key in keys:
            if key.casefold().startswith("aws:"):
                raise Refused(f"InvalidInput: {key}")
            entity["tags"].pop(key, None)

    def CreateUser(self, UserName: str, Path: str = "/", PermissionsBoundary: Any = None, Tags: Any = None) -> None:
        self._free("user", UserName)
        if PermissionsBoundary:
            self._policy(PermissionsBoundary)
        entity = {"name": UserName, "path": Path, "id": self._id("user"), "boundary": PermissionsBoundary}
        self.held["user"][UserName] = {
            **entity, "tags": self._tags(Tags, True), "attached": set(), "inline": {}, "groups": set()
        }  # fmt: skip

    def CreateGroup(self, GroupName: str, Path: str = "/") -> None:
        self._free("group", GroupName)
        entity = {"name": GroupName, "path": Path, "id": self._id("group"), "attached": set(), "inline": {}}
        self.held["group"][GroupName] = entity

    def CreateRole(
        self, RoleName: str, AssumeRolePolicyDocument: str, Path: str = "/", Description: str = "",
        MaxSessionDuration: int = 3600, PermissionsBoundary: Any = None, Tags: Any = None,
    ) -> None:  # fmt: skip
        self._free("role", RoleName)
        if PermissionsBoundary:
            self._policy(PermissionsBoundary)
        trust = self._stored(AssumeRolePolicyDocument)
        self.held["role"][RoleName] = {
            "name": RoleName, "path": Path, "id": self._id("role"), "boundary": PermissionsBoundary,
            "tags": self._tags(Tags, True), "attached": set(), "inline": {}, "trust": trust,
            "description": Description, "duration": MaxSessionDuration,
        }  # fmt: skip

    def CreatePolicy(
        self,
        PolicyName: str,
        PolicyDocument: str,
        Path: str = "/",
        Description: Any = None,
        Tags: Any = None,
    ) -> None:
        self._free("policy", PolicyName)
        self.held["policy"][PolicyName] = {
            "name": PolicyName, "path": Path, "id": self._id("policy"), "versions": {"v1": PolicyDocument},
            "default": "v1", "next": 2, "description": Description, "tags": self._tags(Tags, False),
        }  # fmt: skip

    def CreatePolicyVersion(self, PolicyArn: str, PolicyDocument: str, SetAsDefault: bool) -> None:
        entity = self._policy(PolicyArn)
        assert entity is not None
        assert SetAsDefault
        if len(entity["versions"]) >= self.versions:
            raise Refused("LimitExceeded: versions")
        entity["default"] = f"v{entity['next']}"
        entity["versions"][entity["default"]] = PolicyDocument
        entity["next"] += 1

    def SetDefaultPolicyVersion(self, PolicyArn: str, VersionId: str) -> None:
        entity = self._policy(PolicyArn)
        assert entity is not None
        if VersionId not in entity["versions"]:
            raise Refused("NoSuchEntity: version")
        entity["default"] = VersionId

    def DeletePolicyVersion(self, PolicyArn: str, VersionId: str) -> None:
        entity = self._policy(PolicyArn)
        assert entity is not None
        if VersionId not in entity["versions"]:
            raise Refused("NoSuchEntity: version")
        if VersionId == entity["default"]:
            raise Refused("DeleteConflict: default version")
        del entity["versions"][VersionId]

    def DeletePolicy(self, PolicyArn: str) -> None:
        entity = self._policy(PolicyArn)
        assert entity is not None
        for kind in ("user", "group", "role"):
            for holder in self.held[kind].values():
                if PolicyArn in holder["attached"] or holder.get("boundary") == PolicyArn:
                    raise Refused(f"DeleteConflict: {kind} {holder['name']} holds {PolicyArn}")
        if len(entity["versions"]) > 1:
            raise Refused("DeleteConflict: versions")
        del self.held["policy"][entity["name"]]

    def DeleteUser(self, UserName: str) -> None:
        entity = self._one("user", UserName)
        if entity["attached"] or entity["inline"] or entity["groups"]:
            raise Refused(f"DeleteConflict: {entity}")
        del self.held["user"][UserName]

    def DeleteGroup(self, GroupName: str) -> None:
        entity = self._one("group", GroupName)
        members = [user["name"] for user in self.held["user"].values() if GroupName in user["groups"]]
        if entity["attached"] or entity["inline"] or members:
            raise Refused(f"DeleteConflict: {entity} {members}")
        del self.held["group"][GroupName]

    def DeleteRole(self, RoleName: str) -> None:
        entity = self._one("role", RoleName)
        if entity["attached"] or entity["inline"] or RoleName in self.profiles.values():
            raise Refused(f"DeleteConflict: {entity}")
        del self.held["role"][RoleName]

    def UpdateUser(self, UserName: str, NewUserName: str = "", NewPath: str = "") -> None:
        self._update("user", UserName, NewUserName, NewPath)

    def UpdateGroup(self, GroupName: str, NewGroupName: str = "", NewPath: str = "") -> None:
        self._update("group", GroupName, NewGroupName, NewPath)
        if NewGroupName:
            for user in self.held["user"].values():
                user["groups"] = {NewGroupName if name == GroupName else name for name in user["groups"]}

    def _update(self, kind: str, name: str, new: str, path: str) -> None:
        entity = self._one(kind, name)
        if new:
            del self.held[kind][name]
            self._free(kind, new)
            entity["name"] = new
            self.held[kind][new] = entity
        if path:
            entity["path"] = path

    def UpdateRole(self, RoleName: str, Description: str, MaxSessionDuration: int) -> None:
        self._one("role", RoleName).update(description=Description, duration=MaxSessionDuration)

    def UpdateAssumeRolePolicy(self, RoleName: str, PolicyDocument: str) -> None:
        self._one("role", RoleName)["trust"] = self._stored(PolicyDocument)

    def AddUserToGroup(self, UserName: str, GroupName: str) -> None:
        self._one("group", GroupName)
        entity = self._one("user", UserName)
        self._limit("GroupsPerUserQuota", len(entity["groups"] | {GroupName}))
        entity["groups"].add(GroupName)

    def RemoveUserFromGroup(self, UserName: str, GroupName: str) -> None:
        self._one("group", GroupName)
        entity = self._one("user", UserName)
        if GroupName not in entity["groups"]:
            raise Refused(f"NoSuchEntity: {UserName} is not in {GroupName}")
        entity["groups"].discard(GroupName)

    def AddRoleToInstanceProfile(self, InstanceProfileName: str, RoleName: str) -> None:
        self._one("role", RoleName)
        if self.profiles.get(InstanceProfileName):
            raise Refused("LimitExceeded: InstanceSessionsPerInstanceProfile")
        self.profiles[InstanceProfileName] = RoleName

    def RemoveRoleFromInstanceProfile(self, InstanceProfileName: str, RoleName: str) -> None:
        if self.profiles.get(InstanceProfileName) != RoleName:
            raise Refused("NoSuchEntity: profile")
        self.profiles[InstanceProfileName] = None

    def CreateInstanceProfile(self, InstanceProfileName: str, Path: str = "/", Tags: Any = None) -> None:
        self._free("instance_profile", InstanceProfileName)
        entity = {"name": InstanceProfileName, "path": Path, "tags": self._tags(Tags, False)}
        self.held["instance_profile"][InstanceProfileName] = entity
        self.profiles[InstanceProfileName] = None

    def DeleteInstanceProfile(self, InstanceProfileName: str) -> None:
        self._one("instance_profile", InstanceProfileName)
        if self.profiles[InstanceProfileName] is not None:
            raise Refused("DeleteConflict: must remove roles from instance profile first")
        del self.held["instance_profile"][InstanceProfileName], self.profiles[InstanceProfileName]

    def TagInstanceProfile(self, InstanceProfileName: str, Tags: Any) -> None:
        self._retag(self._one("instance_profile", InstanceProfileName), Tags, False)

    def UntagInstanceProfile(self, InstanceProfileName: str, TagKeys: Any) -> None:
        self._untag(self._one("instance_profile", InstanceProfileName), TagKeys)

    def _provider(self, kind: str, arn: str) -> dict[str, Any]:
        return self._one(kind, arn.removeprefix(f"arn:aws:iam::{self.account}:{kind.replace('_', '-')}/"))

    def CreateOpenIDConnectProvider(
        self, Url: str, ClientIDList: Any = (), ThumbprintList: Any = FOUND, Tags: Any = None
    ) -> None:
        name = Url.removeprefix("https://")
        if name == Url or name in self.held["oidc_provider"]:
            raise Refused(f"EntityAlreadyExists or InvalidInput: {Url}")
        self.held["oidc_provider"][name] = {
            "name": name, "clients": set(ClientIDList), "thumbprints": tuple(ThumbprintList),
            "tags": self._tags(Tags, False),
        }  # fmt: skip

    def DeleteOpenIDConnectProvider(self, OpenIDConnectProviderArn: str) -> None:
        self._untrusted(OpenIDConnectProviderArn)
        del self.held["oidc_provider"][self._provider("oidc_provider", OpenIDConnectProviderArn)["name"]]

    def AddClientIDToOpenIDConnectProvider(self, OpenIDConnectProviderArn: str, ClientID: str) -> None:
        self._provider("oidc_provider", OpenIDConnectProviderArn)["clients"].add(ClientID)

    def RemoveClientIDFromOpenIDConnectProvider(self, OpenIDConnectProviderArn: str, ClientID: str) -> None:
        self._provider("oidc_provider", OpenIDConnectProviderArn)["clients"].remove(ClientID)

    def UpdateOpenIDConnectProviderThumbprint(self, OpenIDConnectProviderArn: str, ThumbprintList: Any) -> None:
        self._provider("oidc_provider", OpenIDConnectProviderArn)["thumbprints"] = tuple(ThumbprintList)

    def TagOpenIDConnectProvider(self, OpenIDConnectProviderArn: str, Tags: Any) -> None:
        self._retag(self._provider("oidc_provider", OpenIDConnectProviderArn), Tags, False)

    def UntagOpenIDConnectProvider(self, OpenIDConnectProviderArn: str, TagKeys: Any) -> None:
        self._untag(self._provider("oidc_provider", OpenIDConnectProviderArn), TagKeys)

    def CreateSAMLProvider(self, Name: str, SAMLMetadataDocument: str, Tags: Any = None) -> None:
        if Name in self.held["saml_provider"]:
            raise Refused(f"EntityAlreadyExists: {Name}")
        entity = {"name": Name, "metadata": SAMLMetadataDocument, "tags": self._tags(Tags, False)}
        self.held["saml_provider"][Name] = entity

    def UpdateSAMLProvider(self, SAMLProviderArn: str, SAMLMetadataDocument: str) -> None:
        self._provider("saml_provider", SAMLProviderArn)["metadata"] = SAMLMetadataDocument

    def DeleteSAMLProvider(self, SAMLProviderArn: str) -> None:
        self._untrusted(SAMLProviderArn)
        del self.held["saml_provider"][self._provider("saml_provider", SAMLProviderArn)["name"]]

    def TagSAMLProvider(self, SAMLProviderArn: str, Tags: Any) -> None:
        self._retag(self._provider("saml_provider", SAMLProviderArn), Tags, False)

    def UntagSAMLProvider(self, SAMLProviderArn: str, TagKeys: Any) -> None:
        self._untag(self._provider("saml_provider", SAMLProviderArn), TagKeys)

    def _untrusted(self, provider: str) -> None:
        # Stricter than AWS, which lets a provider go while roles trust it: a plan never needs that.
        for name, role in self.held["role"].items():
            if f'"{provider}"' in role["trust"]:
                raise Refused(f"{name} still trusts {provider}")

    def CreateAccountAlias(self, AccountAlias: str) -> None:
        self.alias = AccountAlias

    def DeleteAccountAlias(self, AccountAlias: str) -> None:
        if self.alias != AccountAlias:
            raise Refused(f"NoSuchEntity: {AccountAlias}")
        self.alias = None

    def UpdateAccountPasswordPolicy(self, **rules: Any) -> None:
        if 0 in [held for held in rules.values() if not isinstance(held, bool)]:
            raise Refused(f"ValidationError: {rules}")
        self.password_policy = rules

    def DeleteAccountPasswordPolicy(self) -> None:
        if self.password_policy is None:
            raise Refused("NoSuchEntity: password policy")
        self.password_policy = None

    def TagUser(self, UserName: str, Tags: Any) -> None:
        self._retag(self._one("user", UserName), Tags, True)

    def TagRole(self, RoleName: str, Tags: Any) -> None:
        self._retag(self._one("role", RoleName), Tags, True)

    def TagPolicy(self, PolicyArn: str, Tags: Any) -> None:
        entity = self._policy(PolicyArn)
        assert entity is not None
        self._retag(entity, Tags, False)

    def UntagUser(self, UserName: str, TagKeys: Any) -> None:
        self._untag(self._one("user", UserName), TagKeys)

    def UntagRole(self, RoleName: str, TagKeys: Any) -> None:
        self._untag(self._one("role", RoleName), TagKeys)

    def UntagPolicy(self, PolicyArn: str, TagKeys: Any) -> None:
        entity = self._policy(PolicyArn)
        assert entity is not None
        self._untag(entity, TagKeys)

    def state(self) -> State:
        """What a read of this account would give."""
        found: list[Resource] = []
        for name, one in self.held["user"].items():
            spec: Any = User(
                one["path"], tuple(sorted(one["groups"])), tuple(sorted(one["attached"])), _inline(one),
                one["boundary"], tuple(sorted(one["tags"].items())),
            )  # fmt: skip
            found.append(Resource(Address("user", name), spec, facts={"id": one["id"]}))
        for name, one in self.held["group"].items():
            spec = Group(one["path"], tuple(sorted(one["attached"])), _inline(one))
            found.append(Resource(Address("group", name), spec, facts={"id": one["id"]}))
        for name, one in self.held["role"].items():
            spec = Role(
                Document.parse(self._shown(one["trust"])), one["path"], one["description"], one["duration"],
                tuple(sorted(one["attached"])), _inline(one), one["boundary"], tuple(sorted(one["tags"].items())),
            )  # fmt: skip
            profiles = tuple(sorted(profile for profile, role in self.profiles.items() if role == name))
            found.append(Resource(Address("role", name), spec, facts={"id": one["id"], "instance_profiles": profiles}))
        for name, one in self.held["policy"].items():
            versions = tuple(
                (version, Document.parse(text), version == one["default"]) for version, text in one["versions"].items()
            )
            document = Document.parse(one["versions"][one["default"]])
            spec = Policy(document, one["path"], one["description"] or "", tuple(sorted(one["tags"].items())))
            facts = {"id": one["id"], "versions": versions, "tags": "confirmed"}
            found.append(Resource(Address("policy", name), spec, facts=facts))
        found += self._further_state()
        return State.of(self.account, found, complete=frozenset(KINDS), quotas=self.quotas)

    def _further_state(self) -> Iterator[Resource]:
        for name, one in self.held["instance_profile"].items():
            role = self.profiles[name]
            held = self._arn("role", self.held["role"][role]) if role is not None else None
            spec: Any = InstanceProfile(one["path"], held, tuple(sorted(one["tags"].items())))
            yield Resource(Address("instance_profile", name), spec, facts={"tags": "confirmed"})
        for name, one in self.held["oidc_provider"].items():
            clients, thumbprints = tuple(sorted(one["clients"])), tuple(sorted(one["thumbprints"]))
            spec = OidcProvider(clients, thumbprints, tuple(sorted(one["tags"].items())))
            yield Resource(Address("oidc_provider", name), spec, facts={"tags": "confirmed"})
        for name, one in self.held["saml_provider"].items():
            spec = SamlProvider(Metadata.of(one["metadata"]), tuple(sorted(one["tags"].items())))
            yield Resource(Address("saml_provider", name), spec, facts={"tags": "confirmed"})
        if self.alias is not None:
            yield Resource(Address("account", "alias"), Account(alias=self.alias))
        if self.password_policy is not None:
            given = {
                rule: self.password_policy[wire_name(rule)] for rule in RULES if wire_name(rule) in self.password_policy
            }
            yield Resource(Address("account", "password_policy"), Account(password_policy=PasswordPolicy(**given)))


def _inline(one: Mapping[str, Any]) -> tuple[tuple[str, Document], ...]:
    return tuple(sorted(((name, Document.parse(text)) for name, text in one["inline"].items()), key=lambda p: p[0]))
