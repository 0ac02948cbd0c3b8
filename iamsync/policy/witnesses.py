"""Requests that show a difference: an action, an ARN of a cell with its variables, and a context."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from iamsync.policy import vocabulary
from iamsync.policy.actionset import is_known
from iamsync.policy.globs import Glob, TooComplex
from iamsync.policy.match import resources as covering
from iamsync.policy.outcomes import Case
from iamsync.policy.pattern import Variable, pattern
from iamsync.policy.regions import bits, example
from iamsync.policy.request import Context, Principal, Request, Values

# What a variable holds where a pattern with it must not match.
_NOBODY: Final = "nobody-else"
_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Seed:
    """Where a witness can be found: an action of these ARN templates in a cell of these patterns.

    Without templates and patterns the resource is `*`, with templates None it is any ARN.
    """

    action: str
    templates: tuple[str, ...] | None
    globs: tuple[Glob, ...]
    cell: int
    case: Case

    @property
    def rank(self) -> tuple[bool, bool, str, int]:
        """Likelier ones first: actions on resources of their own service, then those that are known."""
        service = self.action.partition(":")[0]
        inside = [self.globs[index].text.split(":") for index in bits(self.cell)] if self.globs else []
        foreign = any(len(parts) > 2 and parts[2] != service for parts in inside)
        return foreign, not is_known(self.action), self.action, self.cell


def request_of(seed: Seed, principal: Principal, account_id: str, partition: str, *, gains: bool) -> Iterator[Request]:
    """Requests in the seed's cell that are allowed after only, or before only; likelier ones first."""
    contexts = seed.case.gaining if gains else seed.case.losing
    action = vocabulary.spelled(seed.action, {})
    service, _, name = action.partition(":")
    if not (service and name):
        return  # a live account or an emulator may hold such a word; nobody can ask for it
    if seed.templates == ():
        yield from (Request(principal, action, "*", account_id, context) for context in contexts)
        return
    inside = [seed.globs[index] for index in bits(seed.cell)]
    outside = [glob for index, glob in enumerate(seed.globs) if not seed.cell >> index & 1]
    for resource in _resources(seed, account_id, partition):
        filled = _filled(inside, outside, resource)
        for context in contexts:
            for values in (filled | context, context | filled) if filled else (context,):
                request = Request(principal, action, resource, account_id, values)
                if not filled or _lies(inside, outside, request):
                    yield request


def _lies(inside: list[Glob], outside: list[Glob], request: Request) -> bool:
    """Whether the resource, with the variables as they are, lies in the cell."""
    context = Context(request)
    return all(
        glob.matches(request.resource)
        if not glob.widened
        else covering((glob.text,), False, True).cover(request.resource, context) is True
        for glob in inside
    ) and not any(
        glob.widened and covering((glob.text,), False, True).cover(request.resource, context) is True
        for glob in outside
    )


def _resources(seed: Seed, account_id: str, partition: str) -> Iterator[str]:
    """ARNs of the cell: in the own account where there are any, else anywhere."""
    for region, account in ((_REGION, account_id), ("*", account_id), ("*", "*")):
        for template in seed.templates or (None,):
            try:
                found = example(seed.globs, vocabulary.resources(template, partition, region, account), seed.cell)
            except TooComplex:
                continue
            if found is not None:
                yield found


def _filled(inside: list[Glob], outside: list[Glob], resource: str) -> dict[str, Values]:
    """Values of variables under which the patterns of `inside` match the resource, and those of `outside` do not."""
    names = {variable.key for glob in (*inside, *outside) if glob.widened for variable in _variables(glob)}
    found: dict[str, Values] = dict.fromkeys(names, _NOBODY)
    for glob in inside:
        if glob.widened:
            found.update(_captured(glob, resource))
    return found


def _variables(glob: Glob) -> tuple[Variable, ...]:
    return pattern(glob.text, True).variables


def _captured(glob: Glob, resource: str) -> dict[str, str]:
    """What the variables of a pattern must hold for it to match the resource; empty where one way is not found."""
    groups: dict[str, str] = {}
    out = []
    for part in pattern(glob.text, True).parts:
        if isinstance(part, Variable):
            if part.key in groups:
                out.append(f"(?P={groups[part.key]})")
            else:
                groups[part.key] = f"v{len(groups)}"
                out.append(f"(?P<{groups[part.key]}>.*?)")
        else:
            out.append(re.escape(part) if isinstance(part, str) else ".*" if part.mark == "*" else ".")
    match = re.compile("".join(out), re.DOTALL).fullmatch(resource)
    return {} if match is None else {key: match[group] for key, group in groups.items()}
