"""What a repository may say and its operator's guardrails hold: of each setting the tighter side counts."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamsync.engine.schemas import schema
from iamsync.errors import InputError, InputErrors
from iamsync.guardrails import WEIGHED, Guardrails, looser, tightened, weakened
from iamsync.kinds import KINDS
from iamsync.manifest.configsettings import read_acknowledge, read_settings
from iamsync.manifest.nodes import Table, plain
from iamsync.manifest.problems import Problems
from iamsync.manifest.rails import read_guardrails
from iamsync.manifest.schema import schema_errors
from iamsync.manifest.source import parse
from iamsync.model import Address
from iamsync.selector import select
from iamsync.settings import GUARDS, Safety, Scope, Settings

SELECTORS = ("role/app", "role/*", "role:/ci/**", "tag:Team=web", "*", "!role/app", "!role:/ci/**", "user/a*")
WHO = [
    (Address(kind, name), path, tags)
    for kind in ("role", "user")
    for name in ("app", "other")
    for path in ("/", "/ci/")
    for tags in ({}, {"Team": "web"})
]


def optional(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


selectors = st.lists(st.sampled_from(SELECTORS), max_size=3, unique=True)
numbers = st.integers(0, 40)
shared = {
    "safety": optional(max_deletes=numbers, max_change_percent=numbers, settle=numbers, protected=selectors),
    "scope": optional(include=selectors, exclude=selectors),
    "unmanaged": st.sampled_from(["report", "ignore", "delete"]),
}
consents = st.lists(
    st.fixed_dictionaries(
        {
            "guard": st.sampled_from(GUARDS),
            "address": st.just("role/app"),
            "reason": st.just("because"),
            "until": st.just("2030-01-31"),
        }
    ),
    max_size=3,
)
CONSENT = {"guard": "protected", "reason": "because", "until": "2027-01-31"}
projects = optional(**shared, acknowledge=consents)
rails = optional(**shared, refuse_acknowledgements=st.lists(st.sampled_from([*GUARDS, "*"]), max_size=3, unique=True))


def node(value: Any, file: str) -> Table:
    (made,) = parse(json.dumps(value), file)
    assert isinstance(made, Table)
    return made


def project(value: dict[str, Any]) -> Settings:
    table, problems = node(value, "iamsync.yaml"), Problems()
    settings = read_settings((table,), "aws", read_acknowledge(table.get("acknowledge"), problems), problems)
    problems.raise_if_any()
    return settings


def held(value: dict[str, Any]) -> Guardrails:
    return read_guardrails((node(value, "rails.yaml"),), "rails.yaml")


@given(projects, rails)
def test_no_project_file_makes_the_settings_looser_than_the_guardrails(
    said: dict[str, Any], rule: dict[str, Any]
) -> None:
    mine, theirs = project(said), held(rule)
    made, _ = tightened(mine, theirs, Safety())
    for side in (mine, theirs):
        given_here = theirs.given if side is theirs else WEIGHED
        safety = side.safety
        if "max_deletes" in given_here:
            assert made.safety.max_deletes <= safety.max_deletes
        if "max_change_percent" in given_here:
            assert made.safety.max_change_percent <= safety.max_change_percent
        if "settle" in given_here:
            assert made.safety.settle >= safety.settle
        assert side.unmanaged is None or not looser(made.unmanaged, side.unmanaged)
        for who in WHO:
            assert made.safety.protected(*who) or not safety.protected(*who)
            assert made.scope.exclude(*who) or not side.scope.exclude(*who)
            assert side.scope.include(*who) or not made.scope.include(*who)
    assert made.bounds == theirs.scope
    assert not {consent.guard for consent in made.acknowledge} & theirs.refused


@given(projects)
def test_guardrails_that_say_nothing_change_nothing(said: dict[str, Any]) -> None:
    mine = project(said)
    made, found = tightened(mine, held({}), Safety())
    assert found == ()
    assert (made.safety, made.unmanaged, made.acknowledge) == (mine.safety, mine.unmanaged, mine.acknowledge)
    for who in WHO:
        assert made.scope.include(*who) == mine.scope.include(*who)
        assert made.scope.exclude(*who) == mine.scope.exclude(*who)


@given(projects, projects)
def test_what_is_not_called_weakened_guards_as_before(was: dict[str, Any], now: dict[str, Any]) -> None:
    before, after = project(was), project(now)
    if list(weakened(before, after)):
        return
    assert after.safety.max_deletes <= before.safety.max_deletes
    assert after.safety.settle >= before.safety.settle
    assert not looser(after.unmanaged, before.unmanaged)
    assert {consent.guard for consent in after.acknowledge} <= {consent.guard for consent in before.acknowledge}
    for who in WHO:
        assert after.safety.protected(*who) or not before.safety.protected(*who)
        assert before.scope.exclude(*who) or not after.scope.exclude(*who)


def test_every_safety_setting_is_weighed() -> None:
    assert {item.name for item in fields(Safety)} == WEIGHED


def test_an_attempt_to_be_looser_is_told_and_a_setting_left_out_is_none() -> None:
    rule = held({"safety": {"max_deletes": 3, "settle": "1m"}, "unmanaged": "report", "refuse_acknowledgements": ["*"]})
    said = {"safety": {"max_deletes": 50}, "unmanaged": "delete", "acknowledge": [CONSENT]}
    _, found = tightened(project(said), rule, Safety())
    assert {(item.id, item.severity) for item in found} == {("weakened-guardrail", "high")}
    assert [item.title for item in found] == [
        "safety.max_deletes is 50; rails.yaml holds it at 3",
        "unmanaged is delete; rails.yaml holds it at report",
        "acknowledge: protected counts for nothing; rails.yaml leaves it to the command line",
    ]
    assert tightened(project({"safety": {"max_deletes": 2}}), rule, Safety())[1] == ()


def test_what_a_change_weakens_is_told_one_by_one() -> None:
    before = project(
        {"safety": {"max_deletes": 5, "protected": ["role/app", "user/*"]}, "scope": {"exclude": ["role/app"]}}
    )
    after = project(
        {
            "safety": {"max_deletes": 6, "settle": "1s", "protected": ["role/app", "!role/app"]},
            "scope": {"include": ["role/*"], "exclude": ["role/app", "role:/ci/**"]},
            "unmanaged": "delete",
            "ignore_changes": ["tags"],
            "acknowledge": [CONSENT],
        }
    )
    assert [item.title for item in weakened(before, after)] == [
        "safety.max_deletes was 5 and is 6",
        "safety.settle was 10 and is 1",
        'safety.protected no longer has "user/*"',
        'safety.protected no longer has what "!role/app" excepts',
        'scope.include no longer has "*"',
        'scope.exclude leaves out "role:/ci/**"',
        "unmanaged was report and is delete",
        "ignore_changes leaves tags to others, everywhere",
        "acknowledge: protected for * until 2027-01-31T00:00:00Z is new",
    ]
    assert list(weakened(after, after)) == []


ANY: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("mine", "theirs", "both"),
    [
        (None, None, None),
        (None, ANY, ANY),
        (ANY, ("eu-west-1",), ANY),
        (("eu-west-1",), None, ("eu-west-1",)),
        (("us-east-1", "eu-west-1"), ("eu-west-1",), ("eu-west-1", "us-east-1")),
    ],
)
def test_owners_that_either_side_asks_are_asked(mine: Any, theirs: Any, both: Any) -> None:
    scope = Scope(select(["*"], KINDS), select([], KINDS), mine, ("a.tfstate",))
    rule = Guardrails("rails.yaml", replace(scope, stacks=theirs, terraform_states=("b.tfstate", "a.tfstate")))
    made, _ = tightened(Settings(scope), rule, Safety())
    assert (made.scope.stacks, made.scope.terraform_states) == (both, ("a.tfstate", "b.tfstate"))
    assert [
        item.title for item in weakened(Settings(made.scope), Settings(replace(made.scope, terraform_states=())))
    ] == [
        "scope.exclude no longer asks a.tfstate what Terraform owns",
        "scope.exclude no longer asks b.tfstate what Terraform owns",
    ]
    fewer = list(weakened(Settings(made.scope), Settings(replace(made.scope, stacks=None))))
    assert bool(fewer) is (both is not None)
    assert list(weakened(Settings(made.scope), Settings(made.scope))) == []


def test_an_exclusion_that_goes_where_what_is_undeclared_is_deleted_is_told() -> None:
    before = project({"scope": {"exclude": ["role/app"]}, "unmanaged": "delete"})
    assert [item.title for item in weakened(before, project({"unmanaged": "delete"}))] == [
        'scope.exclude no longer has "role/app"'
    ]
    assert list(weakened(before, project({}))) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("safety: {max_delete: 1}", "unknown-field"),
        ("accounts: ['1']", "bad-account-id"),
        ("accounts: []", "bad-account-id"),
        ("refuse_acknowledgements: [max-delete]", "unknown-value"),
        ("tests: {x: {principal: role/a}}", "unknown-field"),
        ("unmanaged: keep", "unknown-value"),
        ("version: 2", "bad-config"),
        ("[]", "bad-config"),
        ("defaults: {}", "unknown-field"),
    ],
)
def test_a_mistake_in_guardrails_has_its_place(text: str, code: str) -> None:
    with pytest.raises((InputError, InputErrors)) as caught:
        read_guardrails(parse(text, "rails.yaml"), "rails.yaml")
    errors = getattr(caught.value, "errors", (caught.value,))
    assert [error.code for error in errors] == [code]
    assert errors[0].place.file == "rails.yaml"


def test_the_schema_takes_what_the_manual_shows() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "safety.md").read_text(encoding="utf-8")
    block = page[page.index("    version: 1") :].partition("\n\n")[0]
    documents = parse("\n".join(line[4:] for line in block.splitlines()), "rails.yaml")
    made = read_guardrails(documents, "rails.yaml")
    assert (made.accounts, made.unmanaged, len(made.tests)) == (("111122223333", "444455556666"), "report", 1)
    assert schema_errors(plain(documents[0]), schema("guardrails")) == ()
    assert schema_errors({"safety": {"max_delete": 1}}, schema("guardrails"))
