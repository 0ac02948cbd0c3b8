"""The lock file of AWS managed policies: written stably, read strictly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iamsync.errors import InputError
from iamsync.manifest.lockfile import NAME, read_lock, to_text
from iamsync.policy.document import Document

ARN = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DOCUMENT = Document.of(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(to_text({ARN: ("v7", DOCUMENT)}, "1.2"))
    assert read_lock(tmp_path) == {ARN: ("v7", DOCUMENT)}


def test_the_text_does_not_depend_on_the_order_of_policies() -> None:
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    one = to_text({ARN: ("v7", DOCUMENT), other: ("v1", DOCUMENT)}, "1.2")
    assert one == to_text({other: ("v1", DOCUMENT), ARN: ("v7", DOCUMENT)}, "1.2")
    assert one.endswith("}\n")


def test_no_lock_file_means_nothing_is_known(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"format_version": "1.0"}',
        '{"format_version": "1.0", "policies": {"x": {"version": "v1", "document": {}}}}',
        json.dumps({"format_version": "1.0", "policies": {ARN: {"version": 1, "document": {}}}}),
        json.dumps({"format_version": "1.0", "policies": {ARN: {"version": "v1"}}}),
        '{"format_version": "1.0", "policies": {}, "policies": {}}',
        json.dumps({"format_version": "2.0", "policies": {}}),
    ],
)
def test_a_damaged_or_newer_file_is_an_error_that_says_how_to_mend_it(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(InputError) as caught:
        read_lock(tmp_path)
    assert caught.value.code == "bad-lock-file"
    assert "iamsync refresh" in caught.value.hint
