"""The generated States keep what they promise to the tests that use them."""

from __future__ import annotations

from hypothesis import given, settings

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.model import State
from iamsync.policy.document import principals
from tests.strategies import OTHER, states, two_states


def check(state: State, account_id: str) -> None:
    cx = Context(account_id)
    arns = {KINDS[r.address.kind].arn(r, cx) for r in state if r.address.kind in arn.WORDS}
    assert state.complete == set(KINDS)
    assert len(state.folded()) == len(state)
    for resource in state:
        kind = KINDS[resource.address.kind]
        spec = resource.spec
        assert kind.name_pattern.fullmatch(resource.address.name)
        assert len(resource.address.name) <= kind.max_name
        wanted = [*getattr(spec, "managed_policies", ()), getattr(spec, "permissions_boundary", None)]
        wanted.append(getattr(spec, "role", None))
        assert all(item is None or item in arns or arn.is_aws_managed(item) for item in wanted)
        assert {f"group/{name}" for name in getattr(spec, "groups", ())} <= {
            str(address) for address in state.resources
        }
        if resource.address.kind == "role":
            named = [parsed for name in principals(spec.trust_policy) if (parsed := arn.parse(name))]
            assert all(parsed.account == OTHER or str(parsed) in arns for parsed in named)


@settings(deadline=None, max_examples=50)
@given(states("999900001111"))
def test_every_reference_in_a_generated_state_leads_somewhere(state: State) -> None:
    check(state, "999900001111")


@settings(deadline=None, max_examples=50)
@given(two_states())
def test_both_of_two_states_are_whole(pair: tuple[State, State]) -> None:
    for state in pair:
        check(state, "111122223333")
