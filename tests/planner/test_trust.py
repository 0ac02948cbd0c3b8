"""Who comes to assume a role by a plan: the words of curated pairs, and what holds of all of them.

To add a pair: write `trusts/NAME.yaml`, then `python -m tests.planner.test_trust NAME` writes `NAME.txt`; read it
before you commit it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iamsync.kinds import KINDS
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.oidc_provider import OidcProvider
from iamsync.kinds.role import Role
from iamsync.kinds.saml_provider import SamlProvider
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner import planfile, trust
from iamsync.planner.gate import gains
from iamsync.planner.plan import plan
from iamsync.policy.access import lines
from iamsync.policy.assume import ENTRIES, OUTSIDE, Door, admission, calls_of
from iamsync.policy.document import Document
from iamsync.policy.evaluate import evaluate
from iamsync.policy.holdings import Holdings
from iamsync.policy.request import Principal, Request
from tests.laws.law import law
from tests.policy.policysets import source
from tests.world import ACCOUNT, NOW, settings, towards

CASES = sorted((Path(__file__).parent / "trusts").glob("*.yaml"))
APP = Address("role", "app")
ARN = f"arn:aws:iam::{ACCOUNT}:role/app"
EC2 = [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]


def document(members: Any) -> Document:
    return Document.of({"Version": "2012-10-17", "Statement": members})


def state(trusted: Any, principals: dict[str, Any]) -> State:
    """An account with the role `app` of this trust (none: no such role) and principals with one inline policy each."""
    held = [] if trusted is None else [Resource(APP, Role(document(trusted)))]
    for name, members in principals.items():
        address = Address.parse(name)
        inline = (("own", document(members)),) if members else ()
        spec = User(inline_policies=inline) if address.kind == "user" else Role(document(EC2), inline_policies=inline)
        held.append(Resource(address, spec, {"id": "AIDA" + "X" * 16} if name == "user/known" else {}))
    return State.of(ACCOUNT, held, complete=frozenset(KINDS))


def planned(before: State, after: State) -> Plan:
    made = towards(after, before)
    consents = settings(acknowledge=("replace", "unknown-principal", "max-change-percent", "deny-removed"))
    return plan(made, before, consents, account_name="t", caller="c", now=NOW)


def told(made: Plan) -> str:
    out = []
    for change in made.changes:
        inside = [(str(one.principal), one.access) for one in change.affected if one.principal != change.address]
        for name, access in [*inside, *((one.name, one.access) for one in change.outside)]:
            out += [name, *(f"  {line}" for line in lines(access, via=True))]
    out += [f"{one.severity} {one.id}: {one.title}" for one in made.findings if one.id in ("external-trust", WIDENED)]
    return "".join(f"{line}\n" for line in out)


def said(case: Path) -> str:
    held = yaml.safe_load(case.read_text())
    principals = held.get("principals", {})
    sides = [
        State.of(
            ACCOUNT,
            (*state(held[side], principals), *providers(held.get("providers", {}).get(side, {}))),
            complete=frozenset(KINDS),
        )
        for side in ("before", "after")
    ]
    return told(planned(*sides))


def providers(given: dict[str, list[str]]) -> list[Resource]:
    """OIDC providers with their audiences; a name without a dot is a SAML provider."""
    return [
        Resource(Address("oidc_provider", name), OidcProvider(tuple(audiences)))
        if "." in name
        else Resource(Address("saml_provider", name), SamlProvider(Metadata.of("<xml/>")))
        for name, audiences in given.items()
    ]


WIDENED = "oidc-subjects-widened"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_what_a_person_reads(case: Path) -> None:
    assert said(case) == case.with_suffix(".txt").read_text()


def test_there_are_cases() -> None:
    assert len(CASES) >= 12


ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
MAY = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]


def test_the_gate_stops_whom_a_trust_policy_lets_in_inside_and_outside_the_account() -> None:
    before = state(EC2, {"user/alice": MAY, "user/bob": None})
    made = planned(before, state([*EC2, ROOT], {"user/alice": MAY, "user/bob": None}))
    assert [finding.address for finding in gains(made, ["sts:AssumeRole"])] == [Address("user", "alice")]
    assert gains(made, ["sts:*"])
    assert not gains(made, ["iam:*"])
    other = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}
    (finding,) = gains(planned(before, state([*EC2, other], {"user/alice": MAY, "user/bob": None})), ["sts:AssumeRole"])
    assert finding.title == "account 444455556666 would gain what --fail-on-gain names"


def test_the_plan_document_tells_who_is_outside_the_account() -> None:
    other = {"Effect": "Allow", "Principal": {"AWS": ["444455556666", "555566667777"]}, "Action": "sts:AssumeRole"}
    made = planned(state(EC2, {}), state([*EC2, other], {}))
    ((change,),) = [item["changes"] for item in planfile.document([made], version="0", created_at=NOW)["plans"]]
    (alike,) = change["outside"]
    assert alike["principals"] == ["account 444455556666", "account 555566667777"]
    assert alike["text"] == [f"GAIN  sts:AssumeRole on {ARN}"]
    assert change["affects"] == []


def test_beyond_the_most_that_are_asked_the_plan_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "MOST_ASKED", 1)
    people = {"user/alice": MAY, "user/bob": MAY}
    made = planned(state(EC2, people), state([*EC2, ROOT], people))
    assert any(finding.id == "access-untold" for finding in made.findings)


def test_a_trust_policy_that_says_the_same_otherwise_moves_nobody_and_asks_nobody() -> None:
    again = [{**EC2[0], "Sid": "Machines"}]
    made = planned(state(EC2, {"user/alice": MAY}), state(again, {"user/alice": MAY}))
    assert len(made.changes) == 1
    assert told(made) == ""


OKTA = f"arn:aws:iam::{ACCOUNT}:saml-provider/okta"
PEOPLE = {
    "Effect": "Allow",
    "Principal": {"Federated": OKTA},
    "Action": "sts:AssumeRoleWithSAML",
    "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
}


def metadata(entity: str, certificate: str, *trusted: Any) -> State:
    """An account with the SAML provider okta and the role `app` of this trust."""
    text = f'<E entityID="{entity}"><Certificate>{certificate}</Certificate></E>'
    provider = Resource(Address("saml_provider", "okta"), SamlProvider(Metadata.of(text)))
    return State.of(ACCOUNT, [provider, *state([*trusted, *EC2], {})], complete=frozenset(KINDS))


def test_metadata_put_over_under_a_standing_trust_is_told_with_the_roles_that_it_opens() -> None:
    def found(before: State, after: State) -> list[tuple[str, str, str]]:
        made = planned(before, after)
        assert not gains(made, ["sts:*"])
        return [(one.severity, one.title, one.evidence) for one in made.findings if one.id == "metadata-put-over"]

    ((severity, title, evidence),) = found(metadata("https://a", "x", PEOPLE), metadata("https://b", "y", PEOPLE))
    assert severity == "high"
    assert title == "whoever controls the new metadata of saml_provider/okta may enter role/app"
    assert evidence.startswith("the entity was https://a and would be https://b; GAIN  sts:AssumeRoleWithSAML on ")
    assert "if SAML:aud is https://signin.aws.amazon.com/saml" in evidence
    ((_, _, evidence),) = found(metadata("https://a", "x", PEOPLE), metadata("https://a", "y", PEOPLE))
    assert evidence.startswith("the entity is https://a as before; ")
    denied = {**PEOPLE, "Effect": "Deny"}
    del denied["Condition"]
    for trusted in ((), (PEOPLE, denied)):
        assert not found(metadata("https://a", "x", *trusted), metadata("https://b", "y", *trusted))
    assert not found(metadata("https://a", "x", PEOPLE), metadata("https://a", "x", PEOPLE))


def test_a_thumbprint_more_under_a_standing_trust_is_told_with_the_roles_that_it_opens() -> None:
    address = Address("oidc_provider", "token.example.com")
    jobs = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"token.example.com:aud": "sts.amazonaws.com"}},
    }

    def found(have: tuple[str, ...] | None, want: tuple[str, ...] | None, *trusted: Any) -> list[tuple[str, str, str]]:
        def account(prints: tuple[str, ...] | None) -> State:
            provider = Resource(address, OidcProvider(client_ids=("sts.amazonaws.com",), thumbprints=prints))
            return State.of(ACCOUNT, [provider, *state([*trusted, *EC2], {})], complete=frozenset(KINDS))

        made = planned(account(have), account(want))
        assert not gains(made, ["sts:*"])
        return [(one.severity, one.title, one.evidence) for one in made.findings if one.id == "thumbprint-added"]

    one, two = "a" * 40, "b" * 40
    ((severity, title, evidence),) = found((one,), (one, two), jobs)
    assert severity == "medium"
    assert title == "another authority may vouch for oidc_provider/token.example.com, which opens role/app"
    assert evidence.startswith(f"new: {two}; GAIN  sts:AssumeRoleWithWebIdentity on ")
    assert not found((one, two), (one,), jobs)
    assert not found((one,), None, jobs)
    assert not found((one,), (one, two))


_NAMES = (
    *({"AWS": name} for name in ("*", f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:user/alice")),
    *(
        {"AWS": name}
        for name in ("444455556666", "arn:aws:iam::444455556666:role/ci", f"arn:aws:iam::{ACCOUNT}:role/x")
    ),
    {"Service": "ec2.amazonaws.com"},
    {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"},
    {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/alice", "444455556666"]},
)
_TRUST_CONDITIONS = (
    {"StringEquals": {"sts:ExternalId": ["one", "two"]}},
    {"StringEquals": {"sts:ExternalId": "one"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"StringLike": {"token.example.com:sub": "repo:acme/*"}},
    {"StringLike": {"token.example.com:sub": ["repo:acme/site:*", "repo:acme/api:*"]}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci*"}},
    {"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}},
)


@st.composite
def trusts(draw: st.DrawFn) -> list[dict[str, Any]]:
    out = []
    for _ in range(draw(st.integers(1, 3))):
        held: dict[str, Any] = {
            "Effect": draw(st.sampled_from(("Allow", "Allow", "Allow", "Deny"))),
            draw(st.sampled_from(("Principal",) * 9 + ("NotPrincipal",))): draw(st.sampled_from(_NAMES)),
            "Action": draw(st.sampled_from(("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:*"))),
        }
        condition = draw(st.none() | st.sampled_from(_TRUST_CONDITIONS))
        out.append(held if condition is None else {**held, "Condition": condition})
    return out


def _identity() -> st.SearchStrategy[list[dict[str, Any]]]:
    mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    deny = {
        "Effect": "Deny",
        "Action": "sts:*",
        "Resource": ARN,
        "Condition": {"StringEquals": {"sts:ExternalId": "two"}},
    }
    own = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ARN, **mfa}
    return st.sampled_from(([], MAY, [own], [*MAY, deny], [{**own, "Resource": "arn:aws:iam::*:role/other"}]))


_INSIDE = (Principal.of(f"arn:aws:iam::{ACCOUNT}:user/alice"), Principal.of(f"arn:aws:iam::{ACCOUNT}:role/x"))
_OUTSIDE = (
    Principal.of("arn:aws:iam::444455556666:role/ci"),
    Principal("ec2.amazonaws.com", None, "service"),
    Principal.of(f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"),
    Principal("arn:aws:sts::000000000000:assumed-role/whoever/session", None, "session"),
)
_CONTEXTS = {
    "sts:ExternalId": ("one", "two", "three", ()),
    "aws:MultiFactorAuthPresent": ("true", "false", ()),
    "token.example.com:sub": ("repo:acme/site:ref", "repo:acme/api:ref", "repo:acme/x", "repo:other/y", ()),
}


@st.composite
def doors(draw: st.DrawFn, inside: bool) -> Door:
    trusted = draw(st.none() | trusts())
    said = None if trusted is None else source("trust", trusted)
    if not inside:
        return Door(said, OUTSIDE)
    boundary = draw(st.none() | _identity().filter(bool))
    held = Holdings((source("own", draw(_identity())),), None if boundary is None else source("boundary", boundary))
    return Door(said, held)


def allowed(request: Request, door: Door) -> bool:
    return door.trust is not None and evaluate(request, door.layers(ACCOUNT, "aws"), explain=False).allowed


@pytest.mark.parametrize("who", [*_INSIDE, *_OUTSIDE], ids=lambda who: who.kind)
@law(15)
@given(data=st.data())
def test_each_gain_and_loss_has_a_request_that_shows_it_and_no_change_is_left_out(
    who: Principal, data: st.DataObject
) -> None:
    inside = who in _INSIDE
    before, after = data.draw(doors(inside)), data.draw(doors(inside))
    found = admission(who, ARN, before, after).access
    for gains_, regions in ((True, found.gained), (False, found.lost)):
        for region in regions:
            if region.kind != "changed":
                assert allowed(region.witness, after) is gains_, lines(found)
                assert allowed(region.witness, before) is not gains_, lines(found)
    for action in (ENTRIES[0], ENTRIES[2]):
        context = {key: data.draw(st.sampled_from(values)) for key, values in _CONTEXTS.items()}
        if who.kind == "session":
            context |= {"aws:PrincipalArn": "arn:aws:iam::999988887777:role/ci", "aws:PrincipalAccount": "999988887777"}
        if action not in calls_of(who):
            continue
        request = Request(who, action, ARN, context=context)
        was, now = allowed(request, before), allowed(request, after)
        if was != now and not found.undecided:
            regions = found.gained if now else found.lost
            assert any(action in region.actions for region in regions), (request, lines(found))


@law(10)
@given(trusted=trusts(), held=_identity())
def test_nothing_differs_from_itself(trusted: list[dict[str, Any]], held: list[dict[str, Any]]) -> None:
    one = Door(source("trust", trusted), Holdings((source("own", held),)))
    other = Door(source("trust", trusted[::-1]), Holdings((source("own", held[::-1]),)))
    for who in (*_INSIDE, *_OUTSIDE):
        assert not admission(who, ARN, one, one).access
        assert not admission(who, ARN, one, other).access


if __name__ == "__main__":
    for name in sys.argv[1:]:
        (CASES[0].parent / f"{name}.txt").write_text(said(CASES[0].parent / f"{name}.yaml"))
