"""Identity providers that are to be known by other keys while roles trust them: who may enter is then another's to say.

The metadata of a SAML provider holds the certificates by which AWS knows its assertions; the thumbprints of an OIDC
provider are of the authorities that may vouch for the host that publishes its keys. No policy changes with either, so
nobody gains or loses by what policies say, and whoever has the new keys comes in wherever the provider is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamsync.kinds.kind import Context
from iamsync.kinds.metadata import Metadata
from iamsync.model import Address, Finding
from iamsync.planner.compare import Difference
from iamsync.planner.permissions import Permissions
from iamsync.planner.situation import names_of
from iamsync.policy.access import lines
from iamsync.policy.assume import Door, admission
from iamsync.policy.request import Principal


def put_over(after: Permissions, differences: Iterable[Difference], cx: Context) -> tuple[Finding, ...]:
    """A finding for each provider that gets other metadata or more thumbprints and that roles trust after the plan."""
    kinds = {"saml_provider": _of, "oidc_provider": _vouched}
    return tuple(found for d in differences if d.address.kind in kinds for found in kinds[d.address.kind](after, d, cx))


def _of(after: Permissions, d: Difference, cx: Context) -> Iterator[Finding]:
    if d.have is None or d.want is None:
        return
    old, new = d.have.spec.metadata, d.want.spec.metadata
    if old == new:
        return
    provider = cx.arn(d.address, "/")
    entered = dict(_entered(after, provider, cx))
    if not entered:
        return
    roles = sorted(entered)
    yield Finding(
        "metadata-put-over",
        "high",
        f"whoever controls the new metadata of {d.address} may enter {names_of(roles)}",
        d.address,
        evidence="; ".join((_moves(old, new), *(text for role in roles[:3] for text in entered[role]))),
        remedy="be sure that the new document is your identity provider's own: compare the certificates in it",
        origin=d.origin,
    )


def _vouched(after: Permissions, d: Difference, cx: Context) -> Iterator[Finding]:
    if d.have is None or d.want is None or d.want.spec.thumbprints is None:
        return
    more = sorted(set(d.want.spec.thumbprints) - set(d.have.spec.thumbprints or ()))
    entered = dict(_entered(after, cx.arn(d.address, "/"), cx)) if more else {}
    if not entered:
        return
    roles = sorted(entered)
    evidence = (f"new: {', '.join(more)}", *(text for role in roles[:3] for text in entered[role]))
    yield Finding(
        "thumbprint-added",
        "medium",
        f"another authority may vouch for {d.address}, which opens {names_of(roles)}",
        d.address,
        evidence="; ".join(evidence),
        remedy="compare the thumbprints with your identity provider's own, or leave them out: AWS finds them",
        origin=d.origin,
    )


def _moves(old: Metadata, new: Metadata) -> str:
    if old.entity == new.entity:
        return f"the entity is {new.entity} as before" if new.entity else "neither document names its entity"
    return f"the entity was {old.entity or 'not named'} and would be {new.entity or 'not named'}"


def _entered(after: Permissions, provider: str, cx: Context) -> Iterator[tuple[Address, tuple[str, ...]]]:
    """The roles that let in people of a provider, with what they may do and when."""
    for role in after.state:
        if role.address.kind == "role" and provider in after.trusts(role.address):
            doors = Door(None), Door(after.trust(role.address))
            found = admission(Principal.of(provider), after.arn(role), *doors, partition=cx.partition)
            if found.access:
                yield role.address, lines(found.access)
