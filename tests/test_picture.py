"""The graph that reports draw: who is in what, holds what and may become whom, on both sides of a plan."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from iamsync.engine.options import Options
from iamsync.engine.picture import picture, standing
from iamsync.engine.planning import plans
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.manifest.snapshot import to_text
from iamsync.model import State
from iamsync.planner.permissions import Permissions
from iamsync.render.graph import Picture
from tests.adopt.project import ACCOUNT, CONFIG, NOW, Place, changed

SITE = """\
users:
  alice: {groups: [dev]}
  bob: {}
groups:
  dev: {managed_policies: [deploy]}
policies:
  deploy: {document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:Get*", Resource: "*"}}}
roles:
  app:
    permissions_boundary: deploy
    trust_policy:
      Version: 2012-10-17
      Statement:
        - {Effect: Allow, Principal: {AWS: $(arn.user/alice)}, Action: sts:AssumeRole}
        - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
"""


def graph(place: Place, live: State, **options: Any) -> dict[str, Any]:
    told = place.root / "live.json"
    told.write_text(to_text(live, NOW), encoding="utf-8")
    project = Project.open(Options(cwd=place.root, live=told, now=NOW))
    with Ways(project) as ways:
        return picture(project, plans(project, ways), **options)


def edges(made: Mapping[str, Any]) -> dict[tuple[str, str, str], str]:
    names = {node["id"]: node["address"] or node["name"] for node in made["nodes"]}
    return {(names[e["source"]], e["kind"], names[e["target"]]): e["mark"] for e in made["edges"]}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write({"iamsync.yaml": CONFIG, "iam/site.yaml": SITE})
    return made


def test_a_plan_marks_what_it_brings_and_takes_and_drift_the_same_from_the_other_side(place: Place) -> None:
    live = changed(
        place.desired(),
        {"user/alice": {"groups": []}, "user/bob": {"groups": ["dev"]}, "user/eve": {"groups": ["dev"]}},
    )
    made = graph(place, live)
    assert edges(made) == {
        ("user/alice", "member", "group/dev"): "added",
        ("user/bob", "member", "group/dev"): "removed",
        ("user/eve", "member", "group/dev"): "",
        ("user/alice", "assume", "role/app"): "",
        ("ec2.amazonaws.com", "assume", "role/app"): "",
        ("group/dev", "holds", "policy/deploy"): "",
        ("role/app", "boundary", "policy/deploy"): "",
    }
    declared = {node["address"]: node["declared"] for node in made["nodes"]}
    assert (declared["user/bob"], declared["user/eve"], declared[None]) == (True, False, None)
    turned = {"added": "removed", "removed": "added", "": ""}
    assert edges(graph(place, live, reality=True)) == {edge: turned[mark] for edge, mark in edges(made).items()}


def test_a_resource_that_is_created_or_deleted_is_marked_itself(place: Place) -> None:
    live = changed(place.desired(), {"user/bob": None})
    marks = {node["address"]: node["mark"] for node in graph(place, live)["nodes"]}
    assert marks == {
        **dict.fromkeys(("user/alice", "group/dev", "policy/deploy", "role/app", None), ""),
        "user/bob": "added",
    }


def test_an_account_as_it_is_has_no_marks(place: Place) -> None:
    state = place.desired()
    made = standing([Permissions(state)], {ACCOUNT: "demo"}, {ACCOUNT: state})
    assert set(edges(made).values()) == {""}
    assert made["accounts"] == [{"account": "demo", "id": ACCOUNT}]


@pytest.mark.slow
def test_five_thousand_principals_take_seconds(place: Place) -> None:
    users = "".join(f"  person-{n}: {{groups: [dev]}}\n" for n in range(4_500))
    role = SITE.partition("roles:\n")[2].replace("permissions_boundary: deploy", "path: /x/")
    roles = "".join(role.replace("  app:", f"  app-{n}:") for n in range(500))
    place.write({"iam/site.yaml": f"{SITE}{roles}".replace("users:\n", f"users:\n{users}")})
    live = changed(place.desired(), {"user/bob": {"groups": ["dev"]}})
    begun = time.process_time()
    made = graph(place, live)
    drawn = Picture.of(made, {(ACCOUNT, "user/bob"): "c0"})
    assert time.process_time() - begun < 30
    assert len(made["nodes"]) > 5_000
    assert drawn.drawing is not None
    assert len(drawn.drawing.spots) < 240
