"""The canonical layout: what it makes of a text, and what it never does to one."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamsync.errors import InputError
from iamsync.kinds.policy import Policy
from iamsync.kinds.user import User
from iamsync.kinds.wire import dump_state
from iamsync.manifest.dump import Layout, manifests
from iamsync.manifest.keyorder import manifest_order
from iamsync.manifest.nodes import plain
from iamsync.manifest.source import parse
from iamsync.manifest.tidy import tidy
from iamsync.model import Address, Resource, State
from iamsync.policy.document import Document
from tests.laws.law import law
from tests.manifest.sloppy import sloppy
from tests.strategies import states

LARGE = Path(__file__).resolve().parents[3] / "shared" / "data" / "account-dump-large.json"
CASES = Path(__file__).parent / "fmt"
TEXTS = st.one_of(
    st.text(alphabet="ab:#-*'\"[]{}, $\\", max_size=6),
    st.sampled_from(["two\nlines\n", "two\n  lines", "a", "yes", "012", "2012-10-17", "aws:PrincipalTag/x", "s3:*"]),
)
KEYS = st.one_of(
    st.sampled_from(["Sid", "Effect", "Action", "Resource", "path", "tags", "description", "a", "Statement"]),
    st.text(alphabet="ab:#'\" ", min_size=1, max_size=4),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(TEXTS, st.integers(0, 99), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)
MANIFESTS = st.dictionaries(
    st.sampled_from(["users", "roles", "policies", "templates", "tests", "removed", "account"]),
    st.one_of(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), VALUES),
    min_size=1,
    max_size=3,
)


def no_order(path: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return ()


def written(value: dict[str, Any], seed: int, *, comments: bool = True) -> str | None:
    """A sloppy text that reads back as the value, or None where the sloppy writer did not manage one."""
    text = sloppy(value, random.Random(seed), comments=comments)
    try:
        (node,) = parse(text, "a.yaml")
    except (InputError, ValueError):
        return None
    return text if plain(node) == value else None


def comments(text: str) -> Counter[str]:
    return Counter(re.findall(r"# \d+ (?:above|beside)", text))


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("*.in.yaml")))
def test_a_text_becomes_its_canonical_layout(case: str) -> None:
    text = (CASES / case).read_text(encoding="utf-8")
    want = (CASES / case.replace(".in.", ".out.")).read_text(encoding="utf-8")
    assert tidy(text, case, manifest_order) == want
    assert tidy(want, case, manifest_order) == want


@law(150)
@given(MANIFESTS, st.integers(0, 10**9))
def test_it_says_the_same_keeps_each_comment_and_is_done_after_once(value: dict[str, Any], seed: int) -> None:
    text = written(value, seed)
    if text is None:
        return
    made = tidy(text, "a.yaml", manifest_order)
    assert plain(parse(made, "a.yaml")[0]) == value
    assert comments(made) == comments(text)
    assert tidy(made, "a.yaml", manifest_order) == made
    assert "\n\n\n" not in re.sub(r"[|>].*", "", made)


@law(40)
@given(states())
def test_what_an_import_writes_is_laid_out_already(state: State) -> None:
    for layout in get_args(Layout):
        for file, text in manifests(state, layout=layout, only_accounts=("main",)).items():
            assert tidy(text, file, manifest_order) == text


ODD = {
    "Statement": [
        {
            "Resource": "*",
            "Condition": {"StringEquals": {"Version": "1", "Effect": "2"}, "Bool": {"aws:SecureTransport": "true"}},
            "NotAction": ["iam:*", "s3:GetObject"],
            "Effect": "Deny",
            "Sid": "Odd",
        },
        {"Action": "s3:*", "Resource": [f"arn:aws:s3:::{n}" for n in range(9)], "Effect": "Allow"},
    ],
    "Id": "made-by-a-console",
    "Version": "2012-10-17",
}


def test_documents_whose_keys_aws_has_in_odd_orders_are_imported_as_fmt_has_them() -> None:
    held = Document.of(ODD)
    inline = (("Effect", held), ("Statement", held), ("Version", held))
    state = State.of(
        "111122223333",
        [
            Resource(Address("policy", "odd"), Policy(document=held)),
            Resource(
                Address("user", "Statement"), User(inline_policies=inline, tags=(("Effect", "1"), ("Action", "2")))
            ),
        ],
    )
    files = manifests(state)
    for file, text in files.items():
        assert tidy(text, file, manifest_order) == text
    keys = re.findall(r"^ *(?:- )?([A-Z]\w+):", files["policies.yaml"], re.MULTILINE)
    assert keys[:7] == ["Version", "Id", "Statement", "Sid", "Effect", "NotAction", "Resource"]


@pytest.mark.skipif(not LARGE.is_file(), reason="the real account dump is not beside the project")
def test_fmt_leaves_the_import_of_a_real_account_as_it_is() -> None:
    live, _ = dump_state(json.loads(LARGE.read_text(encoding="utf-8")))
    for file, text in manifests(live).items():
        assert tidy(text, file, manifest_order) == text


@law(100)
@given(MANIFESTS, st.integers(0, 10**9))
def test_a_comment_stays_above_the_key_that_it_stood_above(value: dict[str, Any], seed: int) -> None:
    text = written(value, seed)
    if text is None:
        return
    made = tidy(text, "a.yaml", manifest_order)
    for comment in comments(made):
        if comment.endswith(" above"):
            assert owner(made, comment) == owner(text, comment)


def owner(text: str, comment: str) -> str:
    """The first line below a comment that is none, without its spaces, quotes and what follows its key."""
    lines = [line.strip() for line in text.split("\n")]
    below = lines[lines.index(comment) + 1 :]
    line = next(line for line in below if line and not line.startswith("#"))
    return re.sub(r"""[\s'"]""", "", line.lstrip("- ") if line.startswith("-") else line)[:8]


@law(100)
@given(MANIFESTS, st.integers(0, 10**9), st.integers(0, 10**9))
def test_it_does_not_matter_how_blocks_were_indented(value: dict[str, Any], one: int, other: int) -> None:
    class Blocks(random.Random):
        """Always blocks, bare texts and no empty lines; only the indentation differs."""

        def random(self) -> float:
            return 0.99

        def choice(self, seq: Any) -> Any:
            return seq[0]

    texts = [sloppy(value, Blocks(seed), comments=False).rstrip("\n") + "\n" for seq in [()] for seed in (one, other)]
    try:
        if any(plain(parse(text, "a.yaml")[0]) != value for text in texts):
            return
    except InputError:
        return
    first, second = (re.sub(r" +", " ", tidy(text, "a.yaml", no_order)) for text in texts)
    assert first == second


def test_a_manifest_of_five_thousand_lines_keeps_its_comments_and_its_values() -> None:
    roles = {
        f"role-{number}": {
            "tags": {"team": "a", "n": str(number)},
            "path": "/x/",
            "trust_policy": {
                "Statement": [{"Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"},
                               "Effect": "Allow"}],
                "Version": "2012-10-17",
            },
        }
        for number in range(420)
    }  # fmt: skip
    text = sloppy({"roles": roles}, random.Random(7))
    assert text.count("\n") > 5000
    made = tidy(text, "a.yaml", manifest_order)
    assert comments(made) == comments(text)
    assert plain(parse(made, "a.yaml")[0]) == {"roles": roles}
    assert tidy(made, "a.yaml", manifest_order) == made


@pytest.mark.parametrize("lines", [["a: 2"], ["a: 1"], ["# why", "# why", "a: 1"], ["a: 1 # why", "b: 1"]])
def test_a_layout_that_would_say_something_else_is_told_and_not_made(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iamsync.manifest.tidy._Page.lines", lambda page: lines)
    with pytest.raises(InputError) as caught:
        tidy("# why\na:   1\n", "a.yaml", no_order)
    assert caught.value.code == "not-formatted"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a:\n    b\n    c\nd:   1\n", "a: b\n    c\nd: 1\n"),
        ("a:   # x\n    b\n", "a:   # x\n  b\n"),
        ("? >-\n  x\n: y\nz:    1\n", "? >-\n  x\n: y\nz: 1\n"),
        ("-\n -\n  - a\n", "-\n  -\n    - a\n"),
        ("a: {b: c,\n# x\n d: e}\n", "a: {b: c,\n# x\n d: e}\n"),
        ("a: |+\n\n\nb:   1\n", "a: |+\n\n\nb: 1\n"),
        ("k:\n    - |3\n        x\n       y\n", "k:\n  - |3\n      x\n     y\n"),
        ("a: &x   1\nb: *x\n", "a: &x   1\nb: *x\n"),
        (
            "%YAML 1.1\n---\na:   1\n---\n# none\n---\nb:   2\n...\n",
            "%YAML 1.1\n---\na: 1\n---\n# none\n---\nb: 2\n...\n",
        ),
        ("a:\r\n   b:  'x'\r\n\r\n\r\n   c: 'it''s'\r\n", "a:\r\n  b: \"x\"\r\n\r\n  c: 'it''s'\r\n"),
        ("\n\n", ""),
        ("# only", "# only\n"),
        ("a:   1\n\n# end\n", "a: 1\n\n# end\n"),
        ("a:   1\n\n\n# end\n\n# more", "a: 1\n\n# end\n\n# more\n"),
        ("a:   1\n\n# end\n---\nb: 1\n\n # x\n...\n", "a: 1\n\n# end\n---\nb: 1\n\n# x\n...\n"),
        ("a: >\n    x\n    y  \nb:   1\n", "a: >\n  x\n  y  \nb: 1\n"),
    ],
)
def test_forms_that_are_rare(text: str, want: str) -> None:
    assert tidy(text, "a.yaml", no_order) == want
    assert tidy(want, "a.yaml", no_order) == want
