"""The benchmark's fleet is a project like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fleet import write
from iamsync.cli.app import run


def test_the_fleet_of_the_benchmark_validates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, 20)
    monkeypatch.chdir(tmp_path)
    assert run(["validate"]) == 0
    assert "1 group, 10 policies, 20 roles and 10 users" in capsys.readouterr().out
