"""Large plans: changes of one template that differ in their words alone are told once, and nothing is lost by that."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from iamsync.render.changes import entries
from iamsync.render.markdown import plan_markdown
from iamsync.render.merged import merged
from iamsync.render.notices import Sources
from iamsync.render.planpage import plan_page
from iamsync.render.text import plan_text

PLAN = json.loads((Path(__file__).parent / "cases/alike/plan.json").read_text(encoding="utf-8"))


def document(subjects: dict[str, str], description: str = "Deploys", template: bool = True) -> Any:
    """A plan that makes a role of one template for each name, trusted by the repository that it is given."""
    made = copy.deepcopy(PLAN)
    plan = made["plans"][0]
    pattern = next(change for change in plan["changes"] if change["name"] == "deploy-site")
    plan["changes"], plan["steps"] = [], []
    for at, (name, repository) in enumerate(subjects.items()):
        change = copy.deepcopy(pattern)
        change |= {"name": name, "address": f"role/{name}", "steps": []}
        change["origin"]["line"] = 20 + at
        if not template:
            del change["origin"]["template"]
        change["fields"][0]["after"]["Statement"]["Condition"] = {
            "StringEquals": {"token.actions.githubusercontent.com:sub": f"repo:{repository}:ref:refs/heads/main"}
        }
        plan["changes"].append(change)
    return made


def roles(number: int) -> dict[str, str]:
    return {f"deploy-svc{at}": f"acme/svc{at}" for at in range(number)}


def test_five_hundred_changes_of_a_template_are_one_entry_with_all_names() -> None:
    made = document(roles(500))
    (entry,) = merged(made).own[0]
    assert len(entry.names) == 500
    text = plan_text(made)
    assert "+ create 500 roles alike" in text
    assert "deploy-<1>: deploy-svc0, deploy-svc1," in text
    assert "repo:acme/<1>:ref:refs/heads/main" in text
    words = text.replace(",", " ").split()
    assert all(words.count(name) == 1 for name in roles(500))
    assert len(text.splitlines()) < 120


def test_the_page_has_one_row_for_them_where_each_is_found_by_its_name() -> None:
    made = document(roles(40))
    made["plans"][0]["steps"] = [
        {
            "id": "s1",
            "address": "role/deploy-svc7",
            "operation": "CreateRole",
            "params": {},
            "effect": "grant",
            "after": [],
        }
    ]
    page, _ = plan_page(made, Sources(), None)
    held = {section.anchor: section.rows for section in page.sections}
    (row,) = held["changes"]
    assert (row.label, row.title) == ("create", "40 roles alike")
    told = [detail.text for detail in row.details if detail.name == "alike"]
    assert sorted(told) == sorted(f"role/{name}" for name in roles(40))
    assert [detail.text for detail in row.details if detail.name == "names"] == ["deploy-<1>"]
    assert [link.anchor for links in held["steps"][0].links for link in links.links] == [row.anchor]
    own, _ = plan_page(document({"api": "acme/backend", "web": "acme/frontend", "cron": "ops/jobs"}), Sources(), None)
    (row,) = next(section.rows for section in own.sections if section.anchor == "changes")
    assert "role/api (<2> acme/backend)" in [detail.text for detail in row.details]


def test_what_cannot_be_read_off_a_name_stands_behind_it() -> None:
    made = document({"api": "acme/backend", "web": "acme/frontend", "cron": "ops/jobs"})
    text = plan_text(made)
    assert "api (<2> acme/backend), cron (<2> ops/jobs), web (<2> acme/frontend)" in text
    assert "repo:<2>:ref" in text
    markdown = plan_markdown(made)
    assert "+ role/api (<2> acme/backend)" in markdown


def test_a_resource_named_as_what_it_was_given_is_told_by_its_name() -> None:
    assert "repo:acme/<name>:ref" in plan_text(document({name: f"acme/{name}" for name in ("a1", "b1", "c1")}))


def test_verbose_shows_each_by_itself() -> None:
    text = plan_text(document(roles(20)), verbose=True)
    assert "alike" not in text
    assert all(f"+ create role/{name} " in text and f"repo:acme/{name[7:]}:ref" in text for name in roles(20))
    assert "alike" not in plan_text(PLAN, verbose=True)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"deploy-all": "acme/*"}, id="a wildcard"),
        pytest.param({"deploy-x": "acme/<1>"}, id="a text like our mark"),
    ],
)
def test_whoever_differs_in_more_than_words_stands_alone(odd: dict[str, str]) -> None:
    text = plan_text(document({**roles(4), **odd}))
    (name,) = odd
    assert f"+ create role/{name} " in text
    assert f"repo:{odd[name]}:ref" in text


def test_the_one_that_is_not_like_the_many_stands_alone() -> None:
    made = document({f"deploy-svc{at}": "acme/infra" for at in range(9)} | {"deploy-svc9": "evil/infra"})
    found = [entry.names for entry in merged(made).own[0]]
    assert sorted(map(len, found)) == [1, 9]
    assert ("deploy-svc9",) in found


def test_a_branch_of_ones_own_is_not_hidden_among_many() -> None:
    subjects = roles(20) | {"deploy-evil": "acme/evil:ref:refs/heads/other"}
    found = {len(entry.names): entry.names for entry in merged(document(subjects)).own[0]}
    assert found[1] == ("deploy-evil",)
    assert len(found[20]) == 20


def test_a_name_that_is_a_word_of_the_text_stands_alone() -> None:
    found = [entry.names for entry in merged(document(roles(9) | {"deploy-repo": "acme/repo"})).own[0]]
    assert sorted(map(len, found)) == [1, 9]


def test_two_are_no_row_and_without_a_template_only_equal_ones_are() -> None:
    assert len(merged(document(roles(2))).own[0]) == 2
    assert len(merged(document(roles(9), template=False)).own[0]) == 9


def test_nothing_is_lost_every_line_can_be_made_again() -> None:
    made = document(roles(30))
    (entry,) = merged(made).own[0]
    singles = {one.names[0]: one for one in entries(made["plans"][0], apart=True)}
    before, after = entry.pattern.split("<1>")
    for name in entry.names:
        word = name[len(before) : len(name) - len(after)]
        assert [line.text.replace("<1>", word) for line in entry.lines] == [line.text for line in singles[name].lines]


def findings(made: Any) -> list[dict[str, Any]]:
    """One finding on each role that the plan makes."""
    return [
        {
            "id": "external-trust",
            "severity": "medium",
            "address": change["address"],
            "message": f"{change['address']} would come to trust somebody",
            "evidence": f"GAIN on role/ci/{change['name']} to repo:acme/{change['name'][7:]}",
            "remedy": "look",
            "origin": change["origin"],
            "acknowledge": None,
            "acknowledged": None,
            "references": [],
        }
        for change in made["plans"][0]["changes"]
    ]


def test_findings_on_what_a_template_made_are_one_with_all_addresses() -> None:
    made = document(roles(300))
    made["plans"][0]["findings"] = findings(made)
    made["plans"][0]["findings"][7] |= {"severity": "high"}
    text = plan_text(made)
    assert text.count("external-trust") == 2
    assert "299 alike: role/deploy-<1>: role/deploy-svc0, role/deploy-svc1," in text
    assert "GAIN on role/ci/deploy-<1> to repo:acme/<1>" in text
    assert "high external-trust  role/deploy-svc7 would come" in text
    words = text.replace(",", " ").split()
    assert all(words.count(f"role/{name}") == 1 for name in roles(300) if name != "deploy-svc7")
    markdown = plan_markdown(made)
    assert markdown.count("external-trust") == 2
    assert all(f"role/{name}" in markdown for name in roles(300))
    assert plan_text(made, verbose=True).count("medium external-trust") == 299


def test_guards_are_told_one_by_one() -> None:
    made = document(roles(20))
    made["plans"][0]["guards"] = [
        {**one, "severity": "refuse", "acknowledge": f"--acknowledge x:{one['address']}"} for one in findings(made)
    ]
    text = plan_text(made)
    assert all(f"acknowledge: --acknowledge x:role/{name}\n" in text for name in roles(20))


def test_the_digest_to_approve_stays_the_plans() -> None:
    made = document(roles(30))
    made["plans"][0]["steps"] = PLAN["plans"][0]["steps"]
    assert f"approval: {made['plans'][0]['digests']['approval']}" in plan_text(made)
