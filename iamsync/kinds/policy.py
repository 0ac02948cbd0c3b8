"""Customer managed policies: documents with versions, attached by ARN."""

from __future__ import annotations

from dataclasses import dataclass

from iamsync.kinds.fields import Immutable, Tags, Versions
from iamsync.kinds.kind import POLICY_PATH, Context, Kind
from iamsync.model import Resource
from iamsync.policy.document import Document


@dataclass(frozen=True, slots=True)
class Policy:
    """A customer managed policy; `description` None is not compared, since AWS cannot change it."""

    document: Document
    path: str = "/"
    description: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def _key(policy: Resource, cx: Context) -> dict[str, str]:
    return {"PolicyArn": cx.arn(policy.address, policy.spec.path)}


POLICY = Kind(
    name="policy",
    section="policies",
    noun="Policy",
    spec=Policy,
    max_name=128,
    about="A managed policy of this account.",
    key=_key,
    required=("document",),
    fields=(
        Immutable("path", "Path", "Path, part of the ARN; fixed at creation.", default="/", pattern=POLICY_PATH),
        Immutable("description", "Description", "Free text; fixed at creation.", max_length=1000, optional=True),
        Versions(_key),
        Tags("Policy", _key, folds=False),
    ),
)
