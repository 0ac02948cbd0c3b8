"""Whose policies say what in one state: every principal's documents with labels and places, asked by the evaluator.

A document that nobody knows (an AWS managed policy that was never read, a policy that lives outside the
manifests) is named, and makes each answer it could change uncertain; it is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from iamsync import arn
from iamsync.model import EMPTY, Address, Origin, Resource, State
from iamsync.policy.catalog import Catalog, load
from iamsync.policy.document import Document, principals
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.explanation import Decision
from iamsync.policy.holdings import Held, Holdings, Unknown
from iamsync.policy.organization import Organization
from iamsync.policy.request import Principal, Request, Values

TRUST_ACTIONS: Final = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})
_PRINCIPALS: Final = ("user", "role")
_DOCUMENT: Final = "the document of "
_CATALOGUE: Final = "action catalogue"
_EVERYTHING: Final = Document.of(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
NO_ORGANIZATION: Final = Organization()
# Where a document's statements are written, by its holder and its text.
Places = Mapping[tuple[Address, str], tuple[Origin, ...]]


def not_known(label: str) -> str:
    """The doubt that a policy leaves whose document nobody knows."""
    return f"{_DOCUMENT}{label} is not known"


def is_blind(reason: str) -> bool:
    """Whether a doubt is one about any decision: an unknown document, an action that the catalogue lacks."""
    return reason.startswith(_DOCUMENT) or _CATALOGUE in reason


class Permissions:
    """What a state's principals may do; `aws_policies` are version and document of AWS's own, by ARN.

    `unknown`, where given, is what every document is taken to say that nobody knows. `organization` limits
    everybody. `context` is known of every request: the time, say.
    """

    def __init__(
        self,
        state: State,
        aws_policies: Mapping[str, tuple[str, Document]] = EMPTY,
        *,
        places: Places | None = None,
        catalog: Catalog | None = None,
        unknown: Document | None = None,
        organization: Organization = NO_ORGANIZATION,
        context: Mapping[str, Values] = EMPTY,
    ) -> None:
        self.state = state
        self.catalog = load() if catalog is None else catalog
        self._aws = {**state.aws_policies, **aws_policies}
        self._places: Places = {} if places is None else places
        self._folded = state.folded()
        self._resources: dict[Address, Resource] | None = None
        self._arns = {self.arn(resource): resource for resource in state if resource.address.kind in arn.WORDS}
        self._unknown_document = unknown
        self._organization = organization
        self._context = context
        self._generous: Permissions | None = None
        self._holdings: dict[Address, Holdings] = {}
        self._who: dict[Address, Principal] = {}

    def generous(self) -> Permissions:
        """The same, every unknown document taken to allow everything: what is denied then is denied for certain."""
        if self._generous is None:
            self._generous = Permissions(
                self.state,
                self._aws,
                places=self._places,
                catalog=self.catalog,
                unknown=_EVERYTHING,
                organization=self._organization,
                context=self._context,
            )
        return self._generous

    def changed(self, resource: Resource) -> Permissions:
        """The same after one resource changed, keeping its address and path, or came."""
        other = copy(self)
        if self._resources is None:
            self._resources = dict(self.state.resources)
        # Copies of dictionaries, which need not ask for hashes again: this is done for each step of each path.
        resources, other._folded, other._arns = self._resources.copy(), self._folded.copy(), self._arns.copy()
        resources[resource.address], other._resources = resource, resources
        other.state = replace(self.state, resources=MappingProxyType(resources))
        other._folded[resource.address.folded] = resource
        other._arns[self.arn(resource)] = resource
        other._generous, other._holdings = None, {}
        if resource.address.folded not in self._folded:
            other._who = {}
        return other

    def principals(self) -> tuple[Address, ...]:
        """All users and roles, sorted."""
        return tuple(address for address in self.state.resources if address.kind in _PRINCIPALS)

    def resource(self, address: Address) -> Resource | None:
        """The resource of this address as IAM tells names apart."""
        return self._folded.get(address.folded)

    def arn(self, resource: Resource) -> str:
        """The ARN of one of the state's resources."""
        path = getattr(resource.spec, "path", "/")
        return arn.build(self.state.partition, self.state.account_id, resource.address, path)

    def named(self, text: str) -> Resource | None:
        """The resource of this ARN."""
        return self._arns.get(text)

    def principal(self, address: Address) -> Principal:
        """A user or role as the evaluator knows it; KeyError where the state has none of that name."""
        if address not in self._who:
            found = self.resource(address)
            if found is None or found.address.kind not in _PRINCIPALS:
                raise KeyError(str(address))
            tags = None if (address.kind, "tags") in self.state.unread else dict(found.spec.tags)
            self._who[address] = Principal.of(self.arn(found), unique_id=found.facts.get("id") or None, tags=tags)
        return self._who[address]

    def holdings(self, address: Address) -> Holdings:
        """A principal's own policies, those of its groups, and its boundary; KeyError where there is no such one."""
        if address not in self._holdings:
            self._holdings[address] = self._gather(address)
        return self._holdings[address]

    def layers(self, address: Address, action: str = "", resource: str = "*") -> Layers:
        """What the evaluator is given for a principal's request.

        A role of this state brings its trust policy when it is to be assumed. A KMS key is taken to
        leave all to IAM policies, as its default policy does: no other policy of a resource is known.
        """
        layers = self.holdings(address).layers(self.state.account_id, self.state.partition)
        if layers.rcps and resource.split(":")[4:5] not in ([], [""], [self.state.account_id]):
            layers = replace(layers, rcps=())  # they limit what is done to resources of this account
        if action.lower() in TRUST_ACTIONS:
            found = self.named(resource)
            if found is not None and found.address.kind == "role":
                return replace(layers, resource=self.trust(found.address), is_trust=True)
        elif action.lower().startswith("kms:") and resource.split(":")[4:5] in ([], [self.state.account_id]):
            return layers
        return replace(layers, resource=None)

    def sources(self, address: Address) -> tuple[Source, ...]:
        """The principal's policies whose documents are known, its boundary last."""
        held = self.holdings(address)
        return tuple(one for one in (*held.identity, held.boundary) if isinstance(one, Source))

    def limits(self) -> tuple[Source, ...]:
        """The policies of the organization, which limit everybody alike."""
        return tuple(self._organization)

    def trust(self, role: Address) -> Source:
        """A role's trust policy; KeyError where there is no such role."""
        found = self.resource(role)
        if found is None or found.address.kind != "role":
            raise KeyError(str(role))
        return self._source(f"{found.address} trust policy", found.spec.trust_policy, found)

    def document(self, attached: str) -> Document | None:
        """The document of a managed policy by its ARN, None where it is not known."""
        resource = self._arns.get(attached)
        if resource is not None:
            return resource.spec.document if isinstance(resource.spec.document, Document) else None
        return self._aws[attached][1] if attached in self._aws else None

    def aws_policies(self) -> tuple[str, ...]:
        """The ARNs of AWS's own policies whose documents are known, sorted."""
        return tuple(sorted(self._aws))

    def trusts(self, role: Address) -> tuple[str, ...]:
        """Every principal that a role's trust policy names, as written there."""
        return tuple(sorted(principals(self.trust(role).document)))

    def decide(
        self,
        address: Address,
        action: str,
        resource: str = "*",
        context: Mapping[str, Values] = EMPTY,
        *,
        explain: bool = True,
    ) -> Decision:
        """Whether a principal may do this; ValueError for an action with wildcards, KeyError for no principal."""
        asked = Request(
            self.principal(address),
            action,
            resource,
            context={**self._context, **context} if self._context else context,
            resource_tags=self._tags(resource),
            doubts=self.catalog.doubts(action),
        )
        decision = evaluate(asked, self.layers(address, action, resource), explain=explain)
        unknown = tuple(self._unknown(address, decision))
        return replace(decision, certain=False, reasons=(*decision.reasons, *unknown)) if unknown else decision

    def _unknown(self, address: Address, decision: Decision) -> Iterator[str]:
        """The policies that could turn the decision, were they known."""
        if decision.verdict == "explicit_deny" or decision.blocked_by == "aws":
            return
        held = self.holdings(address)
        if decision.blocked_by not in ("boundary", "trust", "scp"):
            yield from (not_known(one.label) for one in held.identity if isinstance(one, Unknown))
        if isinstance(held.boundary, Unknown) and decision.allowed:
            yield not_known(f"the boundary {held.boundary.label}")

    def _tags(self, resource: str) -> Mapping[str, str] | None:
        found = self._arns.get(resource)
        if found is None or (found.address.kind, "tags") in self.state.unread or not hasattr(found.spec, "tags"):
            return None
        return dict(found.spec.tags)

    def _gather(self, address: Address) -> Holdings:
        holder = self.resource(address)
        if holder is None or holder.address.kind not in _PRINCIPALS:
            raise KeyError(str(address))
        identity = list(self._of(holder, ""))
        for name in getattr(holder.spec, "groups", ()):
            group = self.resource(Address("group", name))
            if group is None:
                identity.append(self._missing(f"group/{name}"))
            else:
                identity += self._of(group, f" via {group.address}")
        limit = holder.spec.permissions_boundary
        organization = self._organization
        boundary = None if limit is None else self._managed(limit, "")
        return Holdings(tuple(identity), boundary, organization.scps, organization.rcps)

    def _of(self, holder: Resource, via: str) -> Iterator[Held]:
        for name, document in holder.spec.inline_policies:
            yield self._source(f"{holder.address} inline {name}", document, holder)
        for attached in holder.spec.managed_policies:
            yield self._managed(attached, via)

    def _managed(self, attached: str, via: str) -> Held:
        resource = self._arns.get(attached)
        if resource is not None:
            return self._source(f"{resource.address}{via}", resource.spec.document, resource)
        label = arn.short(attached, self.state.account_id) + via
        return Source(label, self._aws[attached][1]) if attached in self._aws else self._missing(label)

    def _missing(self, label: str) -> Held:
        return Unknown(label) if self._unknown_document is None else Source(label, self._unknown_document)

    def _source(self, label: str, document: Document, holder: Resource) -> Source:
        return Source(label, document, holder.origin, self._places.get((holder.address, document.text), ()))
