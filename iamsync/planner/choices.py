"""Which policies a principal may choose where a call names one: to attach it, or to put it on as a boundary.

Asked of the evaluator one by one, since conditions may allow only some: what the account and AWS have, what the
conditions name, and what could be made under such a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from iamsync import arn
from iamsync.model import Address, Resource
from iamsync.planner.areas import areas
from iamsync.planner.means import Means, about, granted, together
from iamsync.planner.permissions import not_known
from iamsync.policy.administrator import CONTEXT, SURE, UNKNOWN, Standing
from iamsync.policy.escalation import Need
from iamsync.policy.request import Values
from iamsync.policy.statement import compiled

ATTACHED: Final = "iam:PolicyARN"
BOUNDARY: Final = "iam:PermissionsBoundary"
# AWS's own policy that gives all of IAM, whether or not anybody holds it today.
ALL_OF_IAM: Final = "arn:{}:iam::aws:policy/IAMFullAccess"
SAMPLE: Final = "iamsync-sample"
REWRITING: Final = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
_ADMINISTRATOR: Final = "arn:{}:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, slots=True)
class Choice:
    """A managed policy that may be named in a request; `free`: what it says is up to whoever asks."""

    arn: str
    held: Standing
    free: bool
    told: str = ""


class Choices:
    """The policies that one principal may choose."""

    def __init__(self, means: Means, who: Address) -> None:
        self._means = means
        self._who = who
        self._mentioned: dict[str, tuple[str, ...]] = {}

    def given(self, need: Need, resource: Resource, name: str = "") -> Iterator[Choice]:
        """The policies that may be given to a user, role or group: attached, as its boundary, or inline with anything.

        Where its boundary is taken off, the one choice is that of none.
        """
        context = about(need.action, resource.spec)
        where = name or self._arn(resource)
        if need.action.startswith("iam:Attach"):
            yield from self.choices(need.action, where, ATTACHED, context)
        elif need.action.startswith("iam:Put") and need.action.endswith("PermissionsBoundary"):
            yield from self.choices(need.action, where, BOUNDARY, {})
        elif (held := self._means.ask(self._who, need.action, where, context)) is not None:
            yield Choice("", held, free=True)

    def choices(self, action: str, where: str, key: str, context: Mapping[str, Values]) -> Iterator[Choice]:
        """The managed policies that an action may name, that of administrators first."""
        most = _ADMINISTRATOR.format(self._means.partition)
        best = self._means.ask(self._who, action, where, {**context, key: most})
        if best is not None:
            yield Choice(most, best, free=True)
        if (best is not None and best.certainty == SURE) or not self._mentions(key):
            return
        if self._means.ask(self._who, action, where, context) is None:
            return  # denied, whichever policy it is
        for choice in (*self._existing(), *self._unread(key), *self._unmade(key)):
            held = self._means.ask(self._who, action, where, {**context, key: choice.arn})
            if held is not None and (best is None or held.certainty > best.certainty):
                both = together([held, choice.held])
                assert both is not None
                yield replace(choice, held=both)

    def _existing(self) -> Iterator[Choice]:
        """The managed policies whose documents are known and of use, as they are or since they can be rewritten."""
        permissions = self._means.permissions
        for resource in permissions.state:
            if resource.address.kind == "policy":
                text = permissions.arn(resource)
                if leads(resource.spec.document.text) or any(
                    self._means.ask(self._who, action, text, about(action, None)) for action in REWRITING
                ):
                    yield Choice(text, Standing(SURE), free=False, told=str(resource.address))
        for text in permissions.aws_policies():
            document = permissions.document(text)
            if document is not None and leads(document.text):
                yield Choice(text, Standing(SURE), free=False, told=arn.short(text, self._means.account))

    def _unread(self, key: str) -> Iterator[Choice]:
        """AWS's own policies whose documents nobody read: those that conditions name, and one that is well known."""
        known = frozenset(self._means.permissions.aws_policies())
        for text in dict.fromkeys((*self._mentions(key), ALL_OF_IAM.format(self._means.partition))):
            if arn.is_aws_managed(text) and "*" not in text and "?" not in text and text not in known:
                name = arn.short(text, self._means.account)
                yield Choice(text, Standing(UNKNOWN, (), (not_known(name),)), free=True, told=name)

    def _unmade(self, key: str) -> Iterator[Choice]:
        """Policies that do not exist and that the principal may make, with whatever it likes."""
        if not self._means.may_any(self._who, ("iam:CreatePolicy",)):
            return
        permissions = self._means.permissions
        names = [text.replace("*", SAMPLE).replace("?", "x") for text in self._mentions(key)]
        for text in dict.fromkeys((*names, *self.examples("iam:CreatePolicy"))):
            parsed = arn.parse(text)
            if parsed is None or parsed.kind != "policy" or parsed.account != self._means.account:
                continue
            if permissions.named(text) is None and (
                held := self._means.ask(self._who, "iam:CreatePolicy", text, about("iam:CreatePolicy", None))
            ):
                yield Choice(text, held, free=True, told=f"the new policy/{parsed.name}, by iam:CreatePolicy")

    def _mentions(self, key: str) -> tuple[str, ...]:
        """What the conditions of the principal's policies compare a key with, sorted."""
        if key not in self._mentioned:
            permissions = self._means.permissions
            self._mentioned[key] = tuple(
                sorted(
                    {
                        text
                        for source in (*permissions.sources(self._who), *permissions.limits())
                        for statement in compiled(source.document.text)
                        for clause in statement.clauses
                        if clause.key == key.lower()
                        for text in clause.texts
                    }
                )
            )
        return self._mentioned[key]

    def examples(self, action: str) -> dict[str, None]:
        found = areas(self._means.permissions, self._who, action, {**CONTEXT, **about(action, None)})
        # The shortest text that a pattern takes may end with its path.
        texts = (area.example for area in found.areas)
        return dict.fromkeys(f"{text}{SAMPLE}" if text.endswith("/") else text for text in texts)

    def _arn(self, resource: Resource) -> str:
        return self._means.permissions.arn(resource)


@lru_cache(maxsize=16384)
def leads(text: str) -> bool:
    """Whether a document allows anything that any rule asks for."""
    return bool(granted(text))
