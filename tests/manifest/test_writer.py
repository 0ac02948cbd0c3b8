"""Values -> text: how it looks, and that every reader reads the same values back."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iamsync.manifest.source import parse, parse_json, plain
from iamsync.manifest.writer import Commented, dump

SHOWN = [
    ({}, "{}"),
    ([], "[]"),
    ({"a": {}, "b": []}, "a: {}\nb: []"),
    ({"a": None, "b": True, "c": False, "d": -5, "e": "x"}, "a: null\nb: true\nc: false\nd: -5\ne: x"),
    ({"a": {"b": {"c": 1}}}, "a:\n  b:\n    c: 1"),
    ({"a": ["b", "c"]}, "a: [b, c]"),
    ({"a": [1, True, None]}, "a: [1, true, null]"),
    ({"a": list("bcdef")}, "a:\n  - b\n  - c\n  - d\n  - e\n  - f"),
    ({"a": ["x" * 50, "y" * 50]}, f"a:\n  - {'x' * 50}\n  - {'y' * 50}"),
    ({"a": ["s3:GetObject", "x,y"]}, 'a: ["s3:GetObject", "x,y"]'),
    ({"a": "s3:GetObject", "b": "x,y"}, "a: s3:GetObject\nb: x,y"),
    ({"a": [{"b": 1, "c": 2}, {"d": {"e": 3}}]}, "a:\n  - b: 1\n    c: 2\n  - d:\n      e: 3"),
    ({"a": [["b", "c"], [{"d": 1}], []]}, "a:\n  - [b, c]\n  - - d: 1\n  - []"),
    (["a", "b"], "[a, b]"),
    ([{"a": 1}], "- a: 1"),
    ({"a": {"$file": "documents/x.json"}}, "a: {$file: documents/x.json}"),
    ({"a": [{"$file": "x y.json"}]}, "a:\n  - {$file: x y.json}"),
    ({"a": {"$file": "x" * 100}}, f"a:\n  $file: {'x' * 100}"),
    ({"a": {"$file": "x\ny"}}, "a:\n  $file: |-\n    x\n    y"),
    ({"a": "b\nc\n"}, "a: |\n  b\n  c"),
    ({"a": "b\n\n  c"}, "a: |-\n  b\n\n    c"),
    ({"a": ["b\nc\n"]}, "a:\n  - |\n    b\n    c"),
    ({"a": "b \nc"}, 'a: "b \\nc"'),
    ({"a": " b\nc"}, 'a: " b\\nc"'),
    ({"a": "b\n\n"}, 'a: "b\\n\\n"'),
    ({"a": "\n"}, 'a: "\\n"'),
    ("b\nc", "|-\n  b\n  c"),
    ("b", "b"),
    ({"2012-10-17": "2012-10-17"}, '"2012-10-17": "2012-10-17"'),
    ({"a\nb": 1}, '"a\\nb": 1'),
    ({"k" * 1001: {"a": 1}}, f"? {'k' * 1001}\n: a: 1"),
    ({"k" * 1001: "a"}, f"? {'k' * 1001}\n: a"),
    ({"é": "ü — 😀"}, "é: ü — 😀"),
    ({"a": "x\u00a0y\u200b\u2028\x00\x85\ufeff\U000e0001"}, 'a: "x\\xa0y\\u200b\\u2028\\0\\x85\\ufeff\\U000e0001"'),
    ({"a": 'say "x"'}, 'a: say "x"'),
    ({"a": '"x"'}, "a: '\"x\"'"),
    ({"a": '{"Version": "2012-10-17"}'}, 'a: \'{"Version": "2012-10-17"}\''),
    ({"a": "'\"\\"}, 'a: "\'\\"\\\\"'),
    ({"a": ("b", "c")}, "a: [b, c]"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN, ids=[text[:40] for _, text in SHOWN])
def test_a_value_has_one_text(value, text):
    assert dump(value) == text + "\n"
    assert plain(parse(dump(value), "a")[0]) == (value if value != {"a": ("b", "c")} else {"a": ["b", "c"]})


PLAIN = [
    "a", "A b", "s3:GetObject", "arn:aws:iam::111122223333:role/x", "/people/", "$(name)", "${aws:username}", "1h",
    "90d", "a#b", "a-b", "repo:acme/site:ref:refs/heads/main", "10.0.0.0/8", "2h30m", "x*", "a'b", 'a"b', "a, b",
    "nobody", "token.actions.githubusercontent.com", "on-call", "11112222333z", "a:b", "(x)", "_", "é",
    "http://example.com/a?b=c&d", "1/2",
]  # fmt: skip
QUOTED = [
    "", " ", "a ", " a", "a: b", "a:", "a #b", "#a", "- a", "-", "-a", "?", "? a", ":", ":a", "*", "*a", "&a", "!a",
    "%a", "@a", "`a", "|", ">", "'a", '"a', "{a", "[a", "}", "]", ",a", "=", "<<", "~", "null", "Null", "NULL",
    "nUll", "true", "True", "TRUE", "false", "yes", "Yes", "YES", "no", "No", "on", "On", "off", "OFF", "y", "Y", "n",
    "N", "0", "5", "-5", "+5", "007", "0o17", "0x1F", "0b11", "1_000", "1.5", ".5", "1.", "1e3", "1E+3", "-.inf",
    ".inf", ".NaN", "123456789012", "012345678901", "001234567012", "190:20:30", "22:22", "2012-10-17",
    "2027-01-31T18:00:00Z", "2027-1-3 4:05:06", "203.0.113.7", "...", "---", "--- a", "a\tb", "\ta",
]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_an_innocent_text_stays_without_quotes(text):
    assert dump(text) == f"{text}\n"
    assert yaml.safe_load(dump(text)) == text


@pytest.mark.parametrize("text", QUOTED)
def test_a_text_that_any_yaml_reads_as_something_else_is_quoted(text):
    assert dump({text: [text]})[0] in "\"'"
    for written in (dump(text), dump({"a": text}), dump([text]), dump({text: 1})):
        assert plain(parse(written, "a")[0]) in (text, {"a": text}, [text], {text: 1})
        assert yaml.safe_load(written) in (text, {"a": text}, [text], {text: 1})


def test_comments_stand_before_their_keys_and_items():
    value = Commented(
        {
            "roles": Commented({"a": Commented("x", "# why\nand how"), "b": [1, 2]}, "the roles"),
            "list": [Commented("one", "first"), "two", Commented({"k": Commented(1, "inner")}, "")],
            "none": Commented({}, "empty"),
        },
        "all of it",
    )
    text = dump(value, header="yaml-language-server: $schema=x.json\n\n# written by hand")
    assert text == dedent(
        """\
        # yaml-language-server: $schema=x.json
        #
        # written by hand
        # all of it
        # the roles
        roles:
          # why
          # and how
          a: x
          b: [1, 2]
        list:
          # first
          - one
          - two
          -
            # inner
            k: 1
        # empty
        none: {}
        """
    ).replace("    -\n      # inner\n      - k: 1", "").replace(
        "  -\n    # inner\n    - k: 1", "  -\n    # inner\n    k: 1"
    )
    assert plain(parse(text, "a")[0]) == {
        "roles": {"a": "x", "b": [1, 2]},
        "list": ["one", "two", {"k": 1}],
        "none": {},
    }


def test_a_comment_on_a_listing_of_tables_under_a_dash_or_a_long_key():
    value = [[Commented(1, "x")], {"k" * 1001: [Commented(1, "y")]}]
    text = dump(value)
    assert plain(parse(text, "a")[0]) == [[1], {"k" * 1001: [1]}]
    assert yaml.safe_load(text) == [[1], {"k" * 1001: [1]}]


def test_a_comment_wrapped_twice_keeps_both():
    assert dump({"a": Commented(Commented(1, "inner"), "")}) == "# inner\na: 1\n"
    assert dump({"a": Commented(Commented(1, "inner"), "outer")}) == "# outer\n# inner\na: 1\n"


def test_spaced_puts_empty_lines_between_sections_and_resources_only():
    value = {
        "version": 1,
        "manifests": ["iam"],
        "roles": {"a": {"path": "/", "tags": {"x": 1, "q": {"z": 1}}}, "b": Commented({"path": "/b/"}, "why")},
        "account": {"alias": "acme", "region": "x"},
    }
    assert dump(value, spaced=True) == dedent(
        """\
        version: 1
        manifests: [iam]

        roles:
          a:
            path: /
            tags:
              x: 1
              q:
                z: 1

          # why
          b:
            path: /b/

        account:
          alias: acme
          region: x
        """
    )
    assert yaml.safe_load(dump(value, spaced=True)) == yaml.safe_load(dump(value))


@pytest.mark.parametrize("value", [1.5, {1: 2}, {"a": object()}, {None: 1}, b"x", {"$file": 1.5}, [1.5]])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError):
        dump(value)


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(ValueError, match="U\\+D800 is half a surrogate pair"):
        dump("\ud800")


WORDS = st.sampled_from(
    [*PLAIN, *QUOTED, "a\nb", "a\nb\n", "\n", "a\n\nb", "a\r\nb", "a\n b", "a\n\tb", "\u2028", "a\x85b"]
)
TEXTS = WORDS | st.text(max_size=20) | st.text(alphabet="ab \n\t:#-'\"\\,[]{}?!&*|>%@`$01\x85\u2028\ufeff", max_size=12)
TEXTS = TEXTS | st.integers(1000, 1100).map("k".__mul__)
LEAVES = TEXTS | st.integers() | st.booleans() | st.none()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.booleans())
@example({"a": ["", "\n", None]}, True)
def test_what_is_written_is_read_back(value, spaced):
    text = dump(value, spaced=spaced)
    assert plain(parse(text, "a")[0]) == value
    assert yaml.safe_load(text) == value
    assert dump(plain(parse(text, "a")[0]), spaced=spaced) == text


@settings(max_examples=150, deadline=None)
@given(VALUES, st.text(max_size=10) | WORDS, st.data())
def test_comments_never_change_the_value(value, comment, data):
    def commented(part):
        if isinstance(part, dict):
            part = {key: commented(item) for key, item in part.items()}
        elif isinstance(part, list):
            part = [commented(item) for item in part]
        return Commented(part, comment) if data.draw(st.booleans()) else part

    text = dump(commented(value), header=comment, spaced=data.draw(st.booleans()))
    assert plain(parse(text, "a")[0]) == value


def test_json_and_yaml_of_one_value_agree():
    value = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": ["a:b", "*"]}]}
    assert plain(parse(dump(value), "a")[0]) == plain(parse_json(json.dumps(value), "b"))
