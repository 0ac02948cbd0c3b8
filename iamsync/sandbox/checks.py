"""What AWS refuses beyond the shape of a request: documents, sizes, taken names, tags, protected roles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from moto.core.exceptions import ServiceException
from moto.iam.policy_validation import BaseIAMPolicyValidator, IAMPolicyDocumentValidator

from iamsync.sandbox.entities import Role
from iamsync.sandbox.refusal import Refused, malformed, over, taken

_SID: Final = re.compile("[0-9A-Za-z]*")
_BLANK: Final = re.compile(r"\s+")
# Resources that AWS takes and moto's validator does not know: root, all of an account, what S3 has in a region.
_UNKNOWN_TO_MOTO: Final = re.compile(
    r"arn:[^:]*:iam::[^:]*:(?:\*|root|role-template/.*)"
    r"|arn:[^:]*:s3:[^:]*:[^:]*:(?:access-grants|async-request|job|storage-lens(?:-group)?)/.*"
)


def identity_document(text: str) -> None:
    """Refuse what cannot be an identity policy."""
    document = _parsed(text)
    for statement in statements(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        if not _SID.fullmatch(str(statement.get("Sid", ""))):
            raise malformed(
                "Statement IDs (SID) must be alpha-numeric. "
                "Check that your input satisfies the regular expression [0-9A-Za-z]*"
            )
    _moto_check(IAMPolicyDocumentValidator, document)


def trust_document(text: str) -> dict[str, Any]:
    """Refuse what cannot be a trust policy, whoever its principals are; returns it parsed."""
    document = _parsed(text)
    _moto_check(BaseIAMPolicyValidator, document)
    for statement in statements(document):
        for element in ("Resource", "NotResource"):
            if element in statement:
                raise malformed(f"Has prohibited field {element}")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise malformed("Missing required field Principal")
        actions = statement.get("Action", statement.get("NotAction"))
        for action in actions if isinstance(actions, list) else [actions]:
            if not str(action).lower().startswith("sts:"):
                raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    return document


def size(text: str) -> int:
    """The size that counts against a quota: characters without white space."""
    return len(_BLANK.sub("", text))


def policy_size(text: str, quotas: Mapping[str, int]) -> None:
    """Refuse a managed policy document over its quota."""
    if size(text) > quotas["PolicySizeQuota"]:
        raise over("PolicySize", quotas["PolicySizeQuota"])


def trust_size(text: str, quotas: Mapping[str, int]) -> None:
    """Refuse a trust policy over its quota."""
    if size(text) > quotas["AssumeRolePolicySizeQuota"]:
        raise over("ACLSizePerRole", quotas["AssumeRolePolicySizeQuota"])


def inline_size(kind: str, name: str, documents: Iterable[str], quotas: Mapping[str, int]) -> None:
    """Refuse inline policies that together are over the owner's quota; `kind` is "User" and so on."""
    limit = quotas[f"{kind}PolicySizeQuota"]
    if sum(size(text) for text in documents) > limit:
        message = f"Maximum policy size of {limit} bytes exceeded for {kind.lower()} {name}"
        raise Refused("LimitExceeded", message)


def free_name(kind: str, name: str, others: Iterable[str]) -> None:
    """Refuse a name that is taken, in whatever case; `kind` is "User" and so on."""
    folded = name.casefold()
    for other in others:
        if other.casefold() == folded:
            raise taken(kind, name)


def room(kind: str, count: int, quotas: Mapping[str, int]) -> None:
    """Refuse one more `kind` ("Users" and so on) in an account that has `count`."""
    if count >= quotas[f"{kind}Quota"]:
        raise over(f"{kind}PerAccount", quotas[f"{kind}Quota"])


def changeable(role: Role) -> None:
    """Refuse changes to a role that a service or Identity Center owns."""
    if role.protected:
        message = f"Cannot perform the operation on the protected role '{role.name}'"
        raise Refused("UnmodifiableEntity", f"{message} - this role is only modifiable by AWS")


def taggable(role: Role) -> None:
    """Refuse tag and description changes, which a service-linked role allows and a reserved one does not."""
    if not role.service_linked:
        changeable(role)


def with_tags(old: Mapping[str, str], new: Iterable[Mapping[str, str]], quota: int, *, fold: bool) -> dict[str, str]:
    """Tags after `new` were put on; `fold`: keys differ in more than case (users and roles)."""
    tags = dict(old)
    seen: set[str] = set()
    for tag in new:
        key, value = tag["Key"], tag["Value"]
        same = key.lower() if fold else key
        if same in seen:
            raise Refused("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        seen.add(same)
        _not_reserved(key, value)
        if fold:
            tags = {other: kept for other, kept in tags.items() if other.lower() != same}
        tags[key] = value
    if sum(not key.startswith("aws:") for key in tags) > quota:
        raise over("TagsPerResource", quota)
    return tags


def without_tags(old: Mapping[str, str], keys: Iterable[str], *, fold: bool) -> dict[str, str]:
    """Tags after some were taken off; absent keys are no error."""
    gone = set()
    for key in keys:
        _not_reserved(key, "")
        gone.add(key.lower() if fold else key)
    return {key: value for key, value in old.items() if (key.lower() if fold else key) not in gone}


def statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a document that has one or a list of them."""
    found = document.get("Statement", [])
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]


def _not_reserved(key: str, value: str) -> None:
    if key.lower().startswith("aws:") or value.lower().startswith("aws:"):
        raise Refused("InvalidInput", "Tag keys and values that start with aws: are reserved for system use.")


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise malformed("Syntax errors in policy.")
    return document


def _known_to_moto(resource: Any) -> Any:
    if isinstance(resource, list):
        return [_known_to_moto(each) for each in resource]
    return "*" if isinstance(resource, str) and _UNKNOWN_TO_MOTO.fullmatch(resource) else resource


def _moto_check(validator: type[BaseIAMPolicyValidator], document: dict[str, Any]) -> None:
    # moto knows neither numbers as condition values nor versions before 2012-10-17, nor some ARNs, which AWS takes.
    relaxed = json.loads(json.dumps(document))
    if relaxed.get("Version", "2008-10-17") == "2008-10-17":
        relaxed["Version"] = "2012-10-17"
    for statement in statements(relaxed):
        condition = statement.get("Condition")
        for block in condition.values() if isinstance(condition, dict) else ():
            if isinstance(block, dict):
                block.update({key: str(each) for key, each in block.items() if type(each) in {int, float}})
        for element in ("Resource", "NotResource"):
            if element in statement:
                statement[element] = _known_to_moto(statement[element])
    try:
        validator(json.dumps(relaxed)).validate()
    except ServiceException as refused:
        raise malformed(refused.message) from None
