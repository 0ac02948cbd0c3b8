"""--metrics: what Prometheus reads after runs that went well, found something, were refused, or failed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from iamsync.cli import metering
from iamsync.errors import InputError
from iamsync.render import metrics
from tests.behaviour.conftest import Site, refusal
from tests.render.reports import HOSTILE, drift_document, plan_document

Read = dict[str, dict[tuple[tuple[str, str], ...], float]]

# https://prometheus.io/docs/instrumenting/exposition_formats/
NAME, LABEL = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} (-?[0-9.]+)")


def read(text: str) -> Read:
    """The samples by family and labels, read strictly: each family's lines together, no sample twice."""
    assert text.endswith("\n")
    found: Read = {}
    family = ""
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in found
            found[family] = {}
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {family} gauge"
        else:
            matched = SAMPLE.fullmatch(line)
            assert matched is not None, line
            assert matched[1] == family
            labels = tuple((one.partition("=")[0], one.partition("=")[2]) for one in re.findall(LABEL, matched[2]))
            assert labels not in found[family]
            found[family][labels] = float(matched[3])
    return found


def figure(held: Read, family: str, **labels: str) -> float:
    (value,) = [
        value
        for known, value in held[f"iamsync_{family}"].items()
        if all((name, f'"{text}"') in known for name, text in labels.items())
    ]
    return value


def seen(site: Site) -> Read:
    return read((site.root / "iamsync.prom").read_text(encoding="utf-8"))


def test_a_failed_run_keeps_what_was_found_and_when_it_last_went_well(
    applied: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering.time, "time", lambda: 1_000.0)
    applied.by_hand(lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": "by", "Value": "hand"}]))
    assert applied.run("drift", "--metrics", "iamsync.prom").code == 2
    held = seen(applied)
    assert figure(held, "drift_entries", account="site", severity="info") == 1
    assert figure(held, "drift_entries", account="site", severity="critical") == 0
    assert figure(held, "run_exit_code", command="drift") == 2
    assert figure(held, "last_success_timestamp_seconds", command="drift") == 1_000
    assert (applied.root / "iamsync.prom").stat().st_mode & 0o777 == 0o644

    monkeypatch.setattr(metering.time, "time", lambda: 2_000.0)
    for fail in ("reading", "manifests"):
        if fail == "reading":
            applied.between = lambda operation, body: refusal("AccessDenied", 403)
        else:
            applied.write("users: {alice: {nonsense: 1}}\n")
        assert applied.run("drift", "--metrics", "iamsync.prom").code == 1
        held = seen(applied)
        assert figure(held, "drift_entries", account="site", severity="info") == 1
        assert figure(held, "run_exit_code") == 1
        assert figure(held, "last_success_timestamp_seconds") == 1_000
        assert figure(held, "last_run_timestamp_seconds") == 2_000
    assert sorted(path.name for path in applied.root.glob("*.prom*")) == ["iamsync.prom"]


def test_a_plan_counts_what_would_change_and_what_refuses(site: Site) -> None:
    site.fine("plan", "--metrics", "iamsync.prom", "--quiet")
    held = seen(site)
    assert figure(held, "plan_changes", account="site", action="create") > 5
    assert figure(held, "plan_guards", account="site", decision="refuse") == 0
    assert figure(held, "run_exit_code", command="plan") == 0


def test_where_the_file_cannot_be_written_the_run_fails_and_says_so(site: Site) -> None:
    told = site.run("plan", "--metrics", "nowhere/iamsync.prom")
    assert (told.code, "error[unwritable]" in told.err) == (1, True)
    site.write("users: {alice: {nonsense: 1}}\n")
    told = site.run("plan", "--metrics", "nowhere/iamsync.prom")
    assert told.code == 1
    assert "error[unknown-field]" in told.err
    assert "warning: nowhere/iamsync.prom: cannot write" in told.err


def test_of_accounts_that_were_looked_at_a_failed_run_tells_the_new_figures(tmp_path: Path) -> None:
    file = tmp_path / "x.prom"
    for times, other, error in ((3, "444455556666", None), (1, "", InputError("no", code="x"))):
        document = drift_document(times=times)
        if other:
            more = drift_document("else", times)["accounts"][0]
            document["accounts"].append({**more, "account": {**more["account"], "id": other}})
        metered = metering.Metered(file, "drift", metrics.of_drift)
        metered.document = document
        metered.__exit__(type(error) if error else None, error, None)
    held = read(file.read_text(encoding="utf-8"))
    assert figure(held, "drift_new_entries", account_id="111122223333") == 1
    assert figure(held, "drift_new_entries", account_id="444455556666") == 2


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_stays_a_label_and_is_read_back_as_it_was(hostile: str) -> None:
    for document, of, command in (
        (drift_document(hostile, 3), metrics.of_drift, "drift"),
        (plan_document(hostile), metrics.of_plan, "plan"),
    ):
        text = metrics.metrics_text(command, of(document))
        assert all(line.isprintable() for line in text.split("\n"))
        again = metrics.earlier(text, command)
        assert metrics.metrics_text(command, again) == text
        assert len(again) == sum(map(len, read(text).values()))
        assert metrics.earlier(text, "audit") == []


def test_a_file_of_somebody_else_is_no_earlier_run(tmp_path: Path) -> None:
    file = tmp_path / "x.prom"
    file.write_bytes(b'\xff\x00 up{command="drift"} 1\nother{command="drift"} 1\n')
    name = metrics.SUCCESS
    assert metrics.earlier(f'{name}{{command="drift"}} soon\n{name}{{command="drift"}} 7\n', "drift") == [
        metrics.Sample(name, (), 7.0)
    ]
    with metering.Metered(file, "drift", metrics.of_drift) as metered:
        metered.document = drift_document()
    held = read(file.read_text(encoding="utf-8"))
    assert "other" not in held
    assert os.listdir(tmp_path) == ["x.prom"]


@pytest.mark.parametrize("option", ["--metrics", "--since-last"])
def test_what_is_no_file_is_neither_waited_for_nor_replaced(applied: Site, option: str) -> None:
    pipe = applied.root / "pipe"
    os.mkfifo(pipe)
    told = applied.run("drift", option, "pipe")
    assert told.code == 1
    assert "this is no file" in told.err
    assert pipe.is_fifo()


def test_a_link_to_the_file_stays_one_and_an_earlier_run_nested_too_deep_is_told(applied: Site) -> None:
    (applied.root / "link.prom").symlink_to("real.prom")
    applied.fine("drift", "--metrics", "link.prom")
    assert (applied.root / "link.prom").is_symlink()
    assert "iamsync_run_exit_code" in (applied.root / "real.prom").read_text(encoding="utf-8")
    (applied.root / "deep.json").write_text("[" * 3000, encoding="utf-8")
    assert "error[bad-drift-file]" in applied.run("drift", "--since-last", "deep.json").err
