"""AWS's answers about the kinds that authorization details leave out, as resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iamsync import arn
from iamsync.errors import IncompleteRead
from iamsync.kinds.account import RULES, Account, PasswordPolicy, wire_name
from iamsync.kinds.instance_profile import InstanceProfile
from iamsync.kinds.kind import Context
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.oidc_provider import OidcProvider
from iamsync.kinds.saml_provider import SamlProvider
from iamsync.kinds.wire import tags_of
from iamsync.model import Address, Resource


def instance_profile(item: Mapping[str, Any], cx: Context) -> Resource:
    """An item of ListInstanceProfiles (which tells no tags) or of GetInstanceProfile (which does)."""
    name = item["InstanceProfileName"]
    roles = item.get("Roles") or ()
    role = None
    if roles:
        held = roles[0]
        role = held.get("Arn") or cx.arn(Address("role", held["RoleName"]), held.get("Path") or "/")
    parsed = arn.parse(item.get("Arn", ""))
    path = item.get("Path") or (parsed.path if parsed else "/")
    spec = InstanceProfile(path=path, role=role, tags=tags_of(item.get("Tags") or ()))
    return Resource(Address("instance_profile", name), spec, facts={"id": item.get("InstanceProfileId", "")})


def oidc_provider(provider: str, answer: Mapping[str, Any]) -> Resource:
    """GetOpenIDConnectProvider's answer for an ARN; tags come with it."""
    name = _name(provider, "oidc_provider")
    spec = OidcProvider(
        client_ids=tuple(sorted(set(answer.get("ClientIDList") or ()))),
        thumbprints=tuple(sorted({text.lower() for text in answer.get("ThumbprintList") or ()})),
        tags=tags_of(answer.get("Tags") or ()),
    )
    return Resource(Address("oidc_provider", name), spec, facts={"tags": "confirmed"})


def saml_provider(provider: str, answer: Mapping[str, Any]) -> Resource:
    """GetSAMLProvider's answer for an ARN; tags come with it."""
    spec = SamlProvider(Metadata.of(answer["SAMLMetadataDocument"]), tags=tags_of(answer.get("Tags") or ()))
    return Resource(Address("saml_provider", _name(provider, "saml_provider")), spec, facts={"tags": "confirmed"})


def alias(name: str) -> Resource:
    """The account's alias."""
    return Resource(Address("account", "alias"), Account(alias=name))


def password_policy(item: Mapping[str, Any]) -> Resource:
    """GetAccountPasswordPolicy's answer; 0 is how some servers spell a rule that there is not."""
    given = {rule: item[wire_name(rule)] for rule in RULES if item.get(wire_name(rule)) not in (None, 0)}
    return Resource(Address("account", "password_policy"), Account(password_policy=PasswordPolicy(**given)))


def _name(provider: str, kind: str) -> str:
    parsed = arn.parse(provider)
    if parsed is None or parsed.kind != kind:
        raise IncompleteRead(
            f"{provider} is no ARN of {kind.replace('_', ' ')}s, but is listed among them",
            code="incomplete-read",
            hint="report it to the owner of the endpoint",
        )
    return parsed.name
