"""Suggestions of an audit as edits of the manifests: proposed, written and read again in memory; never applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iamsync.audit.suggest import Proposal, proposals, undeclared
from iamsync.engine.auditing import Audited
from iamsync.engine.project import Project
from iamsync.engine.rewriting import Adoption, Refused, adopted, side, untouched
from iamsync.errors import InputError
from iamsync.kinds import KINDS
from iamsync.model import Address
from iamsync.planner.adoption import Wish


@dataclass(frozen=True, slots=True)
class Suggested:
    """What the manifests could say: proposals by account, how that is written, and for whom nothing can be."""

    proposals: Mapping[str, tuple[Proposal, ...]]
    adoption: Adoption
    undeclared: Mapping[str, tuple[Address, ...]]

    @property
    def before(self) -> Mapping[Path, str]:
        return self.adoption.before

    @property
    def after(self) -> Mapping[Path, str]:
        """The edited files; their account would get exactly what is proposed, and no other account anything."""
        return self.adoption.after


def suggested(project: Project, found: tuple[Audited, ...]) -> Suggested:
    """What the manifests could say instead, by an audit of live accounts; InputError where there are none."""
    if not any(one.declared is not None for one in found):
        raise InputError(
            "there are no manifests to suggest anything in",
            code="no-manifests",
            hint="write them first: iamsync import",
        )
    sides, by_account, others = [], {}, {}
    for one in found:
        name = one.account.name
        others[name] = undeclared(one.evidence, one.declared)
        if one.declared is None:
            continue
        by_account[name] = proposals(one.evidence, one.found, one.declared)
        account = next(held for held in project.config.accounts if held.name == name)
        wishes = [
            Wish(held.address, KINDS[held.address.kind].field(held.field), held.old, held.new)
            for held in by_account[name]
        ]
        sides.append(side(project, account, one.declared, wishes))
    return Suggested(by_account, adopted(project, [*sides, *untouched(project, sides)], ()), others)


def document(made: Suggested) -> dict[str, Any]:
    """The suggestions as JSON, for whoever shows them; `refused` could not be written, and why."""
    places = {(item.account, item.address, item.field): item.place for item in made.adoption.taken}
    rows = []
    for account, held in made.proposals.items():
        for one in held:
            place = places.get((account, one.address, one.field))
            rows.append(
                {
                    "account": account,
                    "address": str(one.address),
                    "field": one.field,
                    "why": list(one.why),
                    "place": f"{place.file}:{place.line}" if place is not None else None,
                }
            )
    return {
        "suggestions": [row for row in rows if row["place"] is not None],
        "refused": list(_refused(made.adoption.refused)),
        "undeclared": [
            {"account": account, "address": str(address)}
            for account, addresses in made.undeclared.items()
            for address in addresses
        ],
        "diff": made.adoption.diff(),
    }


def _refused(found: Iterable[Refused]) -> Iterable[dict[str, Any]]:
    for item in found:
        yield {
            "account": item.account,
            "address": str(item.address),
            "field": item.field,
            "message": item.error.message,
            "hint": item.error.hint or None,
        }
