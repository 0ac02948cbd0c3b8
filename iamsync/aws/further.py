"""The kinds that authorization details leave out: profiles, providers, the account's own settings.

Each takes calls of its own, so it is read where somebody asks for it and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from iamsync.aws.calls import call, pages, whole
from iamsync.aws.session import Connection
from iamsync.errors import AwsError, IncompleteRead, Unsupported
from iamsync.kinds import listed
from iamsync.kinds.kind import Context
from iamsync.model import Address, Resource

Found = Mapping[str, tuple[Resource, ...]]

_PAGE: Final = 1000


def further(connection: Connection, kinds: Collection[str], *, workers: int = 8, lenient: bool = False) -> Found:
    """All resources of these kinds; calls grow with pages of profiles, and with the number of providers.

    `lenient`: a kind that the endpoint does not offer at all is left out of the answer (AWS offers every one).
    """
    found: dict[str, tuple[Resource, ...]] = {}
    for kind in sorted(kinds):
        try:
            found[kind] = tuple(_READERS[kind](connection, workers))
        except Unsupported:
            if not lenient:
                raise
    return found


def one(connection: Connection, address: Address) -> Resource:
    """One resource in full; an AwsError with `aws_code` NoSuchEntity where it does not exist."""
    iam, cx = connection.iam, _context(connection)
    if address.kind == "instance_profile":
        answer = call(iam, "GetInstanceProfile", {"InstanceProfileName": address.name})
        with whole("GetInstanceProfile"):
            return listed.instance_profile(answer["InstanceProfile"], cx)
    if address.kind == "account":
        for setting in _settings(connection, 1):
            if setting.address == address:
                return setting
        raise AwsError(f"there is no {address}", code="no-such-entity", aws_code="NoSuchEntity")
    reader = _oidc_provider if address.kind == "oidc_provider" else _saml_provider
    return reader(connection, cx.arn(address, "/"))


def _context(connection: Connection) -> Context:
    return Context(connection.account_id, connection.partition)


def _profiles(connection: Connection, workers: int) -> Iterable[Resource]:
    for page in pages(connection.iam, "ListInstanceProfiles", {"MaxItems": _PAGE}):
        with whole("ListInstanceProfiles"):
            items = page.get("InstanceProfiles") or ()
            yield from [listed.instance_profile(item, _context(connection)) for item in items]


def _oidc_providers(connection: Connection, workers: int) -> Iterable[Resource]:
    answer = call(connection.iam, "ListOpenIDConnectProviders")
    with whole("ListOpenIDConnectProviders"):
        arns = [item["Arn"] for item in answer.get("OpenIDConnectProviderList") or ()]
    return _each(connection, arns, _oidc_provider, workers)


def _saml_providers(connection: Connection, workers: int) -> Iterable[Resource]:
    answer = call(connection.iam, "ListSAMLProviders")
    with whole("ListSAMLProviders"):
        arns = [item["Arn"] for item in answer.get("SAMLProviderList") or ()]
    return _each(connection, arns, _saml_provider, workers)


def _each(
    connection: Connection,
    arns: Sequence[str],
    reader: Callable[[Connection, str], Resource],
    workers: int,
) -> list[Resource]:
    """One call for each: a list tells nothing but the ARN. One that has gone meanwhile is passed over."""

    def read(provider: str) -> Resource | None:
        try:
            return reader(connection, provider)
        except AwsError as error:
            if error.aws_code == "NoSuchEntity":
                return None
            raise

    if not arns:
        return []
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(arns)))) as pool:
        return [resource for resource in pool.map(read, sorted(arns)) if resource is not None]


def _oidc_provider(connection: Connection, provider: str) -> Resource:
    answer = call(connection.iam, "GetOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider})
    with whole("GetOpenIDConnectProvider"):
        return listed.oidc_provider(provider, answer)


def _saml_provider(connection: Connection, provider: str) -> Resource:
    answer = call(connection.iam, "GetSAMLProvider", {"SAMLProviderArn": provider})
    with whole("GetSAMLProvider"):
        return listed.saml_provider(provider, answer)


def _settings(connection: Connection, workers: int) -> Iterable[Resource]:
    # Not `connection.alias`: where nobody may tell, a declared alias is not said to be missing.
    for page in pages(connection.iam, "ListAccountAliases", {}):
        for name in page.get("AccountAliases") or ():
            yield listed.alias(name)
    try:
        answer = call(connection.iam, "GetAccountPasswordPolicy")
    except AwsError as error:
        if error.aws_code != "NoSuchEntity":
            raise
        return
    if "PasswordPolicy" not in answer:
        raise IncompleteRead(
            "GetAccountPasswordPolicy: an answer without a policy",
            code="incomplete-read",
            operation="GetAccountPasswordPolicy",
            hint="check --endpoint-url and the proxy",
        )
    yield listed.password_policy(answer["PasswordPolicy"])


_READERS: Final[Mapping[str, Callable[[Connection, int], Iterable[Resource]]]] = {
    "instance_profile": _profiles,
    "oidc_provider": _oidc_providers,
    "saml_provider": _saml_providers,
    "account": _settings,
}
