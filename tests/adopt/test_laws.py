"""What holds of every adoption: the next look finds nothing, and what was not adopted is as it was."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.manifest.dump import Layout, manifests
from iamsync.manifest.snapshot import from_text, to_text
from iamsync.model import State
from tests.adopt.project import CONFIG, NOW, Place
from tests.laws.law import law
from tests.strategies import two_states


@contextmanager
def project(state: State, layout: Layout) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="iamsync-") as folder:
        place = Place(Path(folder))
        place.write({"iamsync.yaml": CONFIG})
        place.write({f"iam/{name}": text for name, text in manifests(state, layout=layout).items()})
        yield place


def drifted(before: State, after: State) -> State:
    """What of `after` can be drift of what `before` declares: the same resources, at the same paths.

    Moving one changes the ARN that others refer to, and with it what they want.
    """
    cx = Context(before.account_id)
    text = to_text(after, NOW)
    for resource in before:
        other = after.get(resource.address)
        if other is not None and getattr(other.spec, "path", "/") != getattr(resource.spec, "path", "/"):
            arns = [json.dumps(cx.arn(resource.address, held.spec.path))[1:-1] for held in (other, resource)]
            text = text.replace(f'"{arns[0]}"', f'"{arns[1]}"')
    held = dict(from_text(text, "after.json").resources)
    for resource in before:
        spec = held.get(resource.address, resource).spec
        kept = {"path": resource.spec.path} if hasattr(spec, "path") else {}
        held[resource.address] = replace(resource, spec=replace(spec, **kept))
    return State.of(before.account_id, held.values(), complete=frozenset(KINDS))


@pytest.mark.parametrize("layout", ["file-per-kind", "file-per-resource"])
def test_adopted_drift_is_no_drift_and_nothing_else_moves(layout: Layout) -> None:
    @law(6)
    @given(two_states())
    def holds(states: tuple[State, State]) -> None:
        before, after = states
        if not len(before):
            return
        live = drifted(before, after)
        with project(before, layout) as place:
            old, desired = place.files(), place.desired()
            found = place.adopt(live)
            assert [f"{r.address} {r.field} {r.error}" for r in found.refused] == []
            again = place.look(live)
            assert (again.taken, again.refused, again.after) == ((), (), {})
            new, now = place.files(), place.desired()
            touched = {item.address for item in found.taken}
            assert [a for a, held in desired.resources.items() if a not in touched and now.get(a) != held] == []
            files = {item.place.file for item in found.taken}
            assert [name for name in old if name not in files and new[name] != old[name]] == []

    holds()
