"""Every document that AWS itself wrote: as a manifest, in an account, imported, and still the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iamsync.engine import applying
from iamsync.engine.importing import imports, write
from iamsync.engine.options import Options
from iamsync.engine.planning import Planned, plans
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways, open_sandbox
from iamsync.engine.validating import validate
from iamsync.errors import InputErrors
from iamsync.manifest.expand import escape
from iamsync.manifest.limits import MANAGED_SIZE
from iamsync.policy.document import Document
from iamsync.policy.grammar import problems
from iamsync.sandbox import aws_policies
from tests.laws.law import FULL

ACCOUNT = "111122223333"
# One in so many where time is short.
STEP = 1 if FULL else 8


def documents() -> dict[str, Any]:
    """AWS's managed policies as moto's copy has them: name to document."""
    # Under a name of our own: a policy named as Control Tower names its own would be left to Control Tower.
    held = {f"copy-of-{policy.name}": json.loads(policy.versions[0].document) for policy in aws_policies.every("aws")}
    return {name: held[name] for name in sorted(held)}


def fits(document: Any) -> bool:
    return _size(document) <= MANAGED_SIZE


def _size(document: Any) -> int:
    return len("".join(json.dumps(document, separators=(",", ":"), ensure_ascii=False).split()))


SMALL = {name: document for name, document in documents().items() if fits(document)}
LARGE = {name: document for name, document in documents().items() if not fits(document)}


def some(held: dict[str, Any]) -> dict[str, Any]:
    return {name: held[name] for name in list(held)[::STEP]}


def manifest(held: dict[str, Any]) -> str:
    """A manifest in JSON, which is YAML; "$(" in a document must not be read as a variable."""
    policies = {name: {"document": document} for name, document in held.items()}
    return escape(json.dumps({"policies": policies}, indent=1))


def options(folder: Path) -> Options:
    return Options(folder, account_id=ACCOUNT, sandbox=True, now="2026-11-24T00:00:00Z")


def planned(folder: Path) -> Iterator[tuple[Project, Planned]]:
    project = Project.open(options(folder))
    with Ways(project) as ways:
        yield project, plans(project, ways)[0]


def test_the_copy_holds_what_it_should() -> None:
    assert len(SMALL) > 1400
    assert len(LARGE) > 50


def test_the_grammar_takes_every_document_that_aws_wrote() -> None:
    wrong = {name: [*problems(document, "identity")] for name, document in (SMALL | LARGE).items()}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_documents_of_aws_survive_apply_and_import(tmp_path: Path) -> None:
    chosen = some(SMALL)
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "iam").mkdir(parents=True)
    (first / "iam" / "aws.yaml").write_text(manifest(chosen), encoding="utf-8")
    with open_sandbox(first / ".iamsync", ACCOUNT) as server:
        server.quotas["PoliciesQuota"] = len(chosen)
    for project, found in planned(first):
        assert len(found.plan.changes) == len(chosen)
        done = applying.run(project, found, parallelism=1, report=lambda event: None, stop=threading.Event())
        assert (done.summary.failed, done.summary.skipped) == (0, 0)
    for _, found in planned(first):
        assert not found.plan.changes
        assert {resource.address.name: resource.spec.document for resource in found.live} == {
            name: Document.of(document) for name, document in chosen.items()
        }
    second.mkdir()
    (first / ".iamsync").rename(second / ".iamsync")
    project = Project.open(options(second))
    with Ways(project) as ways:
        [made] = imports(project, ways, second / "iam", "file-per-kind")
    write(made.files, second / "iam")
    assert len(made.taken) == len(chosen)
    for _, found in planned(second):
        assert not found.plan.changes
        assert len(found.desired) == len(chosen)


def test_documents_over_the_limit_are_refused_with_their_sizes(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "aws.yaml").write_text(manifest(LARGE), encoding="utf-8")
    with pytest.raises(InputErrors) as raised:
        validate(Project.open(replace(options(tmp_path), sandbox=False)))
    said = [error.message for error in raised.value.errors]
    assert len(said) == len(LARGE)
    for message, document in zip(said, LARGE.values(), strict=True):
        assert f"{_size(document):,} characters" in message
        assert f"{MANAGED_SIZE:,}" in message
