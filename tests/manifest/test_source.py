"""Text -> nodes: what is read, what is refused and in which words, with both of PyYAML's parsers."""

from __future__ import annotations

import string
import time
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamsync.errors import InputError, InputErrors, Place
from iamsync.manifest import source
from iamsync.manifest.source import Listing, Scalar, Source, Table, made, parse, parse_json, plain, read
from iamsync.manifest.yamlwords import syntax_error

PARSERS = [loader for loader in ("CSafeLoader", "SafeLoader") if hasattr(yaml, loader)]


@pytest.fixture(params=PARSERS, autouse=True)
def _parser(request, monkeypatch):
    monkeypatch.setattr(source, "_LOADER", getattr(yaml, request.param))


def one(text: str):
    [node] = parse(text, "a.yaml")
    return node


def told(error: InputError) -> tuple[str, str, str, str]:
    """Code, line:column+length, message, hint."""
    place = error.place
    assert place is not None
    assert place.file == "a.yaml"
    return error.code, f"{place.line}:{place.column}+{place.length}", error.message, error.hint


def refused(text: str) -> list[tuple[str, str, str, str]]:
    with pytest.raises((InputError, InputErrors)) as caught:
        parse(text, "a.yaml")
    errors = caught.value.errors if isinstance(caught.value, InputErrors) else [caught.value]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for error in errors:
        assert error.place is not None
        assert error.place.source == lines[error.place.line - 1]
    return [told(error) for error in errors]


READ = [
    ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
    ("tRue", "tRue"), ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"),
    ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("nULL", "nULL"),
    ("0", 0), ("5", 5), ("-5", -5), ("+5", 5), ("123456789012", 123456789012),
    ("001234567012", "001234567012"), ("012345678901", "012345678901"), ("000000000010", "000000000010"),
    ("0123", "0123"), ("0o17", "0o17"), ("0x1F", "0x1F"), ("0b11", "0b11"), ("1_000", "1_000"),
    ("190:20:30", "190:20:30"), ("22:22", "22:22"), ("1.5", "1.5"), ("1e3", "1e3"), (".inf", ".inf"), (".nan", ".nan"),
    ("2012-10-17", "2012-10-17"), ("2027-01-31T18:00:00Z", "2027-01-31T18:00:00Z"), ("-", ["-"]), ("=", "="),
    ('"5"', "5"), ("'true'", "true"), ('"null"', "null"), ("!!str 5", "5"), ('"*"', "*"), ("'<<'", "<<"),
    ("arn:aws:s3:::b/*", "arn:aws:s3:::b/*"), ("${aws:username}", "${aws:username}"), ("$(name)", "$(name)"),
    ("[a, 1, [], {}]", ["a", 1, [], {}]), ("{a: 1, b: ~}", {"a": 1, "b": None}),
    ("|\n  a\n  b", "a\nb"), (">-\n  a\n  b", "a b"), (r'"\u00e9\n"', "é\n"), ("9" * 4001, "9" * 4001),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), [(text, value) for text, value in READ if value != ["-"]])
def test_a_value_is_what_yaml_1_2_says_and_nothing_more(text, value):
    found = plain(one(f"k: {text}"))["k"]
    assert found == value
    assert type(found) is type(value)


def test_a_scalar_keeps_its_text_beside_its_value():
    node = one("[0123, 123456789012, True, ~, '7', 7]")
    assert [(item.text, item.quoted) for item in node.items] == [
        ("0123", False), ("123456789012", False), ("True", False), ("~", False), ("7", True), ("7", False),
    ]  # fmt: skip


def test_keys_are_always_text():
    node = one("{on: 1, 5: 2, 1.5: 3, ~: 4, true: 5, 2012-10-17: 6, '': 7}")
    assert plain(node) == {"on": 1, "5": 2, "1.5": 3, "~": 4, "true": 5, "2012-10-17": 6, "": 7}
    assert all(key.value == key.text for key, _ in node.entries)


def test_documents_are_read_in_order_and_empty_ones_left_out():
    assert [plain(node) for node in parse("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n", "a.yaml")] == [
        {"a": 1},
        {"b": 2},
    ]
    assert parse("", "a.yaml") == ()
    assert parse("# only a comment\n", "a.yaml") == ()
    assert [plain(node) for node in parse("--- ~\n--- ''", "a.yaml")] == [None, ""]


def test_an_alias_is_the_anchored_node_itself():
    node = one("a: &x {b: [1]}\nc: *x\nd: [*x]\n*x2 : 1".replace("*x2 ", "e "))
    assert node.get("a") is node.get("c")
    assert node.get("d").items[0] is node.get("a")


def test_an_anchored_text_can_be_a_key():
    node = one("a: &x 5\n*x : b\n")
    assert plain(node) == {"a": 5, "5": "b"}
    assert (node.key_place("5").line, node.key_place("5").column) == (2, 1)


def test_anchors_end_with_their_document():
    assert refused("a: &x 1\n---\nb: *x\n")[0][0] == "undefined-alias"


POSITIONS = dedent(
    """\
    # été 😀 — a comment
    rôles:
      "dé ploy":
        ünder: [a, {b: 'c d'}]
        text: |
          one
          two
        list:
        - x  # 😀
        -   "y"
        empty:
    last: &a plain words
    """
)


def test_places_count_characters_from_one_whatever_stands_before():
    node = one(POSITIONS)
    roles = node.get("rôles")
    deploy = roles.get("dé ploy")
    under = deploy.get("ünder")
    places = {
        "rôles": node.key_place("rôles"),
        "table": roles.place,
        "quoted key": roles.key_place("dé ploy"),
        "flow list": under.place,
        "in flow": under.items[0].place,
        "flow table": under.items[1].place,
        "in flow table": under.items[1].get("b").place,
        "literal": deploy.get("text").place,
        "list": deploy.get("list").place,
        "x": deploy.get("list").items[0].place,
        "y": deploy.get("list").items[1].place,
        "empty": deploy.get("empty").place,
        "anchored": node.get("last").place,
        "no such key": roles.key_place("nobody"),
    }
    assert {name: f"{place.line}:{place.column}+{place.length}" for name, place in places.items()} == {
        "rôles": "2:1+5",
        "table": "3:3+9",
        "quoted key": "3:3+9",
        "flow list": "4:12+15",
        "in flow": "4:13+1",
        "flow table": "4:16+10",
        "in flow table": "4:20+5",
        "literal": "5:11+1",
        "list": "9:5+8",
        "x": "9:7+1",
        "y": "10:9+3",
        "empty": "11:11+1",
        "anchored": "12:7+14",
        "no such key": "3:3+9",
    }
    assert places["y"] == Place("a.yaml", 10, 9, 3, '    -   "y"')


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_counts_once(ending):
    node = one(ending.join(["a: 1", "", "b:", "  c: '😀'", "  d: e", ""]))
    place = node.get("b").get("d").place
    assert (place.line, place.column, place.source) == (5, 6, "  d: e")


def test_nodes_know_the_text_they_take():
    text = "a: {b: 1}  # x\nc:\n  - d\n  - e   # y\n\nf: 1\n"
    node = one(text)
    assert text[node.get("a").start : node.get("a").end] == "{b: 1}"
    assert text[node.get("c").start : node.get("c").end] == "- d\n  - e"


def test_a_value_left_out_stands_after_its_colon():
    node = one("{a:  , b: c}")
    assert (node.get("a").value, str(node.get("a").place)) == (None, "a.yaml:1:4")


def test_a_table_answers_by_key():
    node = one("a: 1\nb: {}\n")
    assert node.keys() == ("a", "b")
    assert "b" in node
    assert "c" not in node
    assert node.get("c") is None
    assert node.index()["a"] is node.get("a")
    assert [key.text for key, _ in node] == ["a", "b"]
    assert node.get("b"), "an empty table is not false"


def test_a_made_node_stands_where_its_model_stands():
    model = one("k: value").get("k")
    node = made({"a": [1, None, True], "b": ("x",)}, model)
    assert plain(node) == {"a": [1, None, True], "b": ["x"]}
    assert isinstance(node, Table)
    assert isinstance(node.get("a"), Listing)
    assert node.place == node.get("b").items[0].place == model.place
    assert [item.text for item in node.get("a")] == ["1", "null", "true"]


def test_a_source_without_text_has_places_without_lines():
    assert Scalar("x", "x", True, Source("--var")).place == Place("--var")


REFUSED = [
    (
        "a: 1\nb: 2\n'a': 3\n",
        [("duplicate-key", "3:1+3", 'the key "a" stands here twice; the first one is on line 1',
          "remove or rename one of the two")],
    ),
    (
        "{1: a, '1': b}\n",
        [("duplicate-key", "1:8+3", 'the key "1" stands here twice; the first one is on line 1',
          "remove or rename one of the two")],
    ),
    (
        "a: !!python/object:os.system x\nb: !foo [1]\nc: ! x\n",
        [("unknown-tag", "1:4+25", 'the tag "!!python/object:os.system" is not supported',
          "remove it; if it is meant as text, put the whole value in quotes"),
         ("unknown-tag", "2:4+4", 'the tag "!foo" is not supported',
          "remove it; if it is meant as text, put the whole value in quotes"),
         ("unknown-tag", "3:4+1", 'the tag "!" is not supported',
          "remove it; if it is meant as text, put the whole value in quotes")],
    ),
    (
        "a: &é !x b\n".replace("é", "e"),
        [("unknown-tag", "1:7+2", 'the tag "!x" is not supported',
          "remove it; if it is meant as text, put the whole value in quotes")],
    ),
    (
        "a: !x!y z\n",
        [("unknown-tag", "1:4+4", 'the tag "!x!y" is not supported',
          "remove it; if it is meant as text, put the whole value in quotes")],
    ),
    (
        "%TAG ! tag:x,2000:\n---\na: 1\n",
        [("unknown-tag", "1:1+4", "%TAG is not supported: there are no tags", "remove the line")],
    ),
    (
        "x: &b {a: 1}\ny:\n  <<: *b\n  c: 1\n",
        [("merge-key", "3:3+2", 'merge keys ("<<") are not supported',
          'put what is shared under templates: and say "use: NAME"')],
    ),
    (
        "a: &x {b: [*x]}\n",
        [("recursive-alias", "1:12+2", 'the alias "*x" stands inside the value that it names',
          "write out what is meant")],
    ),
    (
        "Action: *foo\nb: 1\n",
        [("undefined-alias", "1:9+4", '"*foo" is an alias, but no anchor "&foo" stands before it in this document',
          'if it is meant as text, quote it: "*foo"')],
    ),
    (
        "Resource: *\n",
        [("unquoted-star", "1:11+1", 'a value that begins with "*" must be quoted', 'write "*"')],
    ),
    (
        "Resource:\n  - *\n",
        [("unquoted-star", "2:5+1", 'a value that begins with "*" must be quoted', 'write "*"')],
    ),
    (
        "Resource: [*]\n",
        [("unquoted-star", "1:12+1", 'a value that begins with "*" must be quoted', 'write "*"')],
    ),
    (
        "a: *.example.com\n",
        [("unquoted-star", "1:4+13", 'a value that begins with "*" must be quoted', 'write "*.example.com"')],
    ),
    (
        "a: {{ env }}\n",
        [("unquoted-braces", "1:4+9", '"{{" opens two YAML tables here; it is not text',
          'quote the value: "{{ env }}"; iamsync\'s own variables are written $(NAME)')],
    ),
    (
        "a: {{ env }}/x\n",
        [("unquoted-braces", "1:4+9", '"{{" opens two YAML tables here; it is not text',
          'quote the value: "{{ env }}"; iamsync\'s own variables are written $(NAME)')],
    ),
    *(
        (
            f"a: {char}b c\n",
            [("unquoted-character", "1:4+2", f'a value that begins with "{char}" must be quoted',
              f'write "{char}b"')],
        )
        for char in "%@`"
    ),
    (
        "a: &\n",
        [("unquoted-character", "1:4+1", 'a value that begins with "&" must be quoted', 'write "&"')],
    ),
    (
        "a: !<x\n",
        [("unquoted-character", "1:4+3", 'a value that begins with "!" must be quoted', 'write "!<x"')],
    ),
    (
        "a:\n\tb: 1\n",
        [("tab-indentation", "2:1+1", "a tab stands where only spaces may", "use spaces")],
    ),
    (
        "a:\n  b: c\n\td: 2\n",
        [("tab-indentation", "3:1+1", "a tab stands where only spaces may", "use spaces")],
    ),
    (
        "é: 'x\nb: 1\n",
        [("unclosed-quote", "1:4+1", "this ' is never closed", "close the quotes")],
    ),
    (
        'a: "x\n---\nb: 1\n',
        [("unclosed-quote", "1:4+1", 'this " is never closed', "close the quotes")],
    ),
    (
        "a: [1, 2\n",
        [("unclosed-bracket", "1:4+1", 'this "[" is never closed', 'add "]"')],
    ),
    (
        "a: [\n",
        [("unclosed-bracket", "1:4+1", 'this "[" is never closed', 'add "]"')],
    ),
    (
        "a: {b: [1]\n\n",
        [("unclosed-bracket", "1:4+1", 'this "{" is never closed', 'add "}"')],
    ),
    (
        "a: [1, 2\nb: 3\n",
        [("unclosed-bracket", "1:4+1", 'this "[" is never closed',
          'add "]", or the "," that is missing before line 2')],
    ),
    (
        "a: ['b' 'c']\n",
        [("yaml-syntax", "1:9+1", 'a "," or "]" is missing here', 'quote a text that holds "," or brackets')],
    ),
    (
        "a: ]\n",
        [("yaml-syntax", "1:4+1", "a value is missing here", "quote a text that begins with one of , [ ] { }")],
    ),
    (
        "a: b: c\n",
        [("yaml-syntax", "1:5+1", 'a ":" cannot stand here',
          'quote a text that holds ": " or begins with "? ", or mend the indentation')],
    ),
    (
        "a: - b\n",
        [("yaml-syntax", "1:4+1", "a list item cannot start here", 'put the "-" on a line of its own below the key')],
    ),
    (
        "a: 1\n- b\n",
        [("yaml-syntax", "2:1+1", "this does not fit what stands above it",
          'check the indentation, and quote texts that hold quotes, brackets or ": "')],
    ),
    (
        "abc: 1\nfoo\nbar: 2\n",
        [("yaml-syntax", "2:1+3", 'a ":" is missing after this key', "write KEY: VALUE")],
    ),
    (
        'a: "x\\d"\n',
        [("yaml-syntax", "1:6+2", '"\\d" is no escape of double quotes',
          "use single quotes, or write the backslash twice")],
    ),
    (
        'a: "x\\uzz"\n',
        [("yaml-syntax", "1:6+2", '"\\u" is no escape of double quotes',
          "use single quotes, or write the backslash twice")],
    ),
    (
        "a: |x\n",
        [("yaml-syntax", "1:5+1", 'no text may follow "|" or ">" on its line', "start the text on the next line")],
    ),
    (
        "%YAML 2.0\n---\na: 1\n",
        [("yaml-syntax", "1:1+5", "this line is no directive that is known here",
          'remove it; quote a text that begins with "%"')],
    ),
    (
        "%YAML 1.1\n%YAML 1.1\n---\na: 1\n",
        [("yaml-syntax", "2:1+5", "this line is no directive that is known here",
          'remove it; quote a text that begins with "%"')],
    ),
    (
        "%foo,\n---\na: 1\n",
        [("yaml-syntax", "1:1+4", "this line is no directive that is known here",
          'remove it; quote a text that begins with "%"')],
    ),
    (
        "a: ? b\n",
        [("yaml-syntax", "1:4+1", 'a "?" cannot stand here',
          'quote a text that holds ": " or begins with "? ", or mend the indentation')],
    ),
    (
        "? [a, b]\n: c\n{d: e}: f\n",
        [("key-not-text", "1:3+6", "a key must be a text, not a list or a table", ""),
         ("key-not-text", "3:1+6", "a key must be a text, not a list or a table", "")],
    ),
    (
        "?\n: 2\n",
        [("key-not-text", "1:2+1", 'a key is missing before this ":"', 'quote an empty key: ""')],
    ),
    (
        "a: 1\nb: x\x00y\n",
        [("control-character", "2:5+1", "a character that YAML does not allow: U+0000",
          'remove it, or write it as "\\x00" in double quotes')],
    ),
    (
        "a: x\u2028y\n",
        [("control-character", "1:5+1", "a character that YAML does not allow: U+2028",
          'remove it, or write it as "\\u2028" in double quotes')],
    ),
    (
        "a: x\ud800y\n",
        [("control-character", "1:5+1", "a character that YAML does not allow: U+D800", "remove it")],
    ),
    (
        "\ufeffa: 1\n",
        [("byte-order-mark", "1:1+1", "this file starts with a byte order mark",
          'save the file as UTF-8 "without BOM"')],
    ),
    (
        "a: \ufeff\n",
        [("control-character", "1:4+1", "a character that YAML does not allow: U+FEFF",
          'remove it, or write it as "\\ufeff" in double quotes')],
    ),
    (
        "é: 1\né: 2\nf: *g\nh: [}\n",
        [("duplicate-key", "2:1+1", 'the key "é" stands here twice; the first one is on line 1',
          "remove or rename one of the two"),
         ("undefined-alias", "3:4+2", '"*g" is an alias, but no anchor "&g" stands before it in this document',
          'if it is meant as text, quote it: "*g"'),
         ("yaml-syntax", "4:5+1", 'a "," or "]" is missing here', 'quote a text that holds "," or brackets')],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "errors"), REFUSED, ids=[repr(text) for text, _ in REFUSED])
def test_what_is_refused_is_told_with_place_and_remedy(text, errors):
    assert refused(text) == errors


def test_a_complaint_without_better_words_is_passed_on():
    mark = SimpleNamespace(index=3)
    complaint = SimpleNamespace(context=None, problem="found a riddle", context_mark=None, problem_mark=mark)
    assert told(syntax_error(complaint, Source("a.yaml", "a: b\n"), [])) == (
        "yaml-syntax", "1:4+1", "this is not valid YAML: found a riddle", "",
    )  # fmt: skip


@pytest.mark.parametrize("escape", [r'"\ud800"', r'"\U00110000"', r'"\Uffffffff"'])
def test_an_escape_that_names_no_character_is_refused(escape):
    [(code, place, _, _)] = refused(f"a: {escape}\n")
    assert code == "yaml-syntax"
    assert place.startswith("1:")


@pytest.mark.parametrize(
    "text", ["[" * 101 + "]" * 101, "{a: " * 101 + "}" * 101, "- " * 101 + "x", "[" * 100_000, "? " * 3000]
)
def test_nesting_ends_at_a_hundred_levels(text):
    [(code, _, message, _)] = refused(text)
    assert (code, message) == ("too-deep", "nested deeper than 100 levels")
    assert plain(one("[" * 100 + "]" * 100))


def test_an_alias_bomb_is_counted_not_exploded():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    started = time.process_time()
    [error] = refused("\n".join(lines))
    assert error == (
        "alias-bomb",
        "6:10+3",
        "the aliases of this file stand for more than 100,000 values",
        "write the values out, or use templates:",
    )
    assert time.process_time() - started < 5


def test_an_alias_bomb_spread_over_documents_is_counted_too():
    document = "---\na: &a [" + "x, " * 999 + "x]\nb: [*a, *a, *a, *a, *a]\n"
    assert len(parse(document * 19, "a.yaml")) == 19
    assert refused(document * 21)[0][0] == "alias-bomb"


def test_a_large_file_without_aliases_is_no_bomb():
    assert len(one("- a\n" * 100_100).items) == 100_100


def test_after_a_hundred_errors_it_gives_up():
    assert len(refused("".join(f"a: {n}\n" for n in range(500)))) == 100


def test_many_directives_are_refused_at_once():
    started = time.process_time()
    refused("".join(f"%TAG !a{n}! x\n" for n in range(100_000)) + "--- a\n")
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"a: 1\nb: \xc3\xa9 \xff\n", ("not-utf8", "2:6+1", "this is not UTF-8 text: byte 0xff")),
        ("a: 1".encode("utf-16"), ("not-utf8", "1:1+1", "this is not UTF-8 text: byte 0xff")),
        (b"\xef\xbb\xbfa: 1\n", ("byte-order-mark", "1:1+1", "this file starts with a byte order mark")),
        (b"#" * 5_000_001, ("too-large", "0:0+1", "this file is over 5 MB")),
    ],
)
def test_a_file_that_is_no_proper_text_is_refused(tmp_path, data, error):
    (tmp_path / "x.yaml").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "x.yaml", "a.yaml")
    assert told(caught.value)[:3] == error
    assert caught.value.hint


def test_a_missing_file_a_folder_and_an_impossible_name_are_refused(tmp_path):
    for path, message in [
        (tmp_path / "none.yaml", "this file cannot be read: No such file or directory"),
        (tmp_path, '"a.yaml" is not a file'),
        (Path("a\0b"), "this file cannot be read: "),
    ]:
        with pytest.raises(InputError) as caught:
            read(path, "a.yaml")
        assert caught.value.code == "unreadable-file"
        # Python's versions word the impossible name differently.
        assert caught.value.message.startswith(message)


def test_read_tells_json_from_yaml_by_the_name(tmp_path):
    (tmp_path / "x.json").write_text('{\n\t"a": [1.5, 2, "é"]}', encoding="utf-8")
    (tmp_path / "x.yml").write_text("a: é\n---\nb: 1\n", encoding="utf-8")
    assert [plain(node) for node in read(tmp_path / "x.json", "x.json")] == [{"a": ["1.5", 2, "é"]}]
    assert [plain(node) for node in read(tmp_path / "x.yml", "x.yml")] == [{"a": "é"}, {"b": 1}]


def test_json_is_read_with_places():
    node = parse_json('{"é😀": 1,\r\n\t"b": ["x\\u0041\\n", true, null, -2, 1e3, {}, []]}\n', "a.json")
    assert plain(node) == {"é😀": 1, "b": ["xA\n", True, None, -2, "1e3", {}, []]}
    assert str(node.get("é😀").place) == "a.json:1:8"
    assert node.get("b").items[0].place == Place(
        "a.json", 2, 8, 11, '\t"b": ["x\\u0041\\n", true, null, -2, 1e3, {}, []]}'
    )
    assert str(node.get("b").items[5].place) == "a.json:2:42"


TEXT_HINT = "texts stand in double quotes; the others are a number, true, false, null, [ and {"
REFUSED_JSON = [
    ("{", ("unclosed-bracket", "1:1+1", 'this "{" is never closed', "")),
    ("", ("json-syntax", "0:0+1", "there is no JSON value here", "")),
    (" \n", ("json-syntax", "1:1+1", "there is no JSON value here", "")),
    ("[1,\n", ("unclosed-bracket", "1:1+1", 'this "[" is never closed', "")),
    ('{"a": ', ("unclosed-bracket", "1:1+1", 'this "{" is never closed', "")),
    ('{"a"', ("unclosed-bracket", "1:1+1", 'this "{" is never closed', "")),
    ('{"a" 1}', ("json-syntax", "1:6+1", 'a ":" is missing after the key', "")),
    ("{a: 1}", ("json-syntax", "1:2+1", "a key in double quotes must stand here", '{"KEY": VALUE}')),
    ("[1 2]", ("json-syntax", "1:4+1", 'a "," or "]" is missing here', "")),
    ("[1,]", ("json-syntax", "1:3+1", 'a "," cannot stand before "]"', "remove it")),
    ('{"a": 1,\n}', ("json-syntax", "1:8+1", 'a "," cannot stand before "}"', "remove it")),
    ("[NaN]", ("json-syntax", "1:2+3", "a JSON value must stand here", TEXT_HINT)),
    ("[01]", ("json-syntax", "1:2+2", "a JSON value must stand here", TEXT_HINT)),
    ("['a']", ("json-syntax", "1:2+1", "a JSON value must stand here", "JSON texts stand in double quotes")),
    (
        "// x\n{}",
        ("json-syntax", "1:1+1", "a JSON value must stand here",
         "JSON has no comments; the same document may be written as YAML"),
    ),
    ("{} {}", ("json-syntax", "1:4+1", "more text after the end of the JSON value", "a file holds one value")),
    ('["a\nb"]', ("unclosed-quote", "1:2+1", 'this " is never closed', "a line break is written \\n")),
    ('["a', ("unclosed-quote", "1:2+1", 'this " is never closed', "a line break is written \\n")),
    ('["a\tb"]', ("control-character", "1:4+1", "a control character in a text: U+0009", "write \\u0009")),
    ('["a\\d"]', ("json-syntax", "1:4+2", '"\\d" is no escape of JSON', "write the backslash twice")),
    ('["\\ud800"]', ("json-syntax", "1:2+8", "half of a surrogate pair, which is no character", "")),
    ('["\ud800"]', ("json-syntax", "1:3+1", "half of a surrogate pair, which is no character", "remove it")),
    ("\ufeff{}", ("byte-order-mark", "1:1+1", "this file starts with a byte order mark", "save it without BOM")),
    ("[" * 200_000, ("too-deep", "1:101+1", "nested deeper than 100 levels", "")),
    (
        '{"a": 1,\n "\\u0061": 2}',
        ("duplicate-key", "2:2+8", 'the key "a" stands here twice; the first one is on line 1',
         "remove or rename one of the two"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error"), REFUSED_JSON, ids=[repr(text[:20]) for text, _ in REFUSED_JSON])
def test_json_that_is_refused_is_told_with_place_and_remedy(text, error):
    with pytest.raises(InputError) as caught:
        parse_json(text, "a.yaml")
    assert told(caught.value) == error


def test_a_text_of_json_that_never_ends_is_given_up_at_once():
    started = time.process_time()
    with pytest.raises(InputError):
        parse_json('["' + "a" * 1_000_000, "a.json")
    with pytest.raises(InputErrors) as caught:
        parse_json("{" + '"a": 1, ' * 100_000 + '"b": 1}', "a.json")
    assert len(caught.value.errors) == 100
    assert time.process_time() - started < 5


MUTATED = REFUSED[0][0] + POSITIONS + "x: &x [*x, 'a', \"b\\n\"]\ny: !!str |-\n  z\n"
ALPHABET = st.sampled_from(
    [*string.printable, "é", "😀", "\u2028", "\x00", "\ufeff", "\ud800", "*a", "&a ", "- ", ": ", "<<: ", "{{", "\n  ",
     "\n",      "---\n", "%TAG ! x\n", "%YAML 1.1\n", "!x ", "? ", "|\n", '"\\u', '"\\U0011', "#"]
)  # fmt: skip


@st.composite
def mutations(draw):
    text = draw(st.sampled_from([MUTATED, "", '{"a": [1, "b", {"c": null}]}', *(text for text, _ in REFUSED)]))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + "".join(draw(st.lists(ALPHABET, max_size=4))) + text[at + draw(st.integers(0, 3)) :]
    return text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations() | st.lists(ALPHABET, max_size=30).map("".join) | st.text(max_size=40))
def test_any_text_gives_nodes_or_input_errors_and_nothing_else(text):
    for reader in (parse, parse_json):
        try:
            nodes = reader(text, "a.yaml")
        except (InputError, InputErrors) as error:
            for each in error.errors if isinstance(error, InputErrors) else [error]:
                assert each.place is not None
                assert each.place.line >= 1 or not text
                assert each.place.column <= len(each.place.source) + 1
        else:
            for node in nodes if isinstance(nodes, tuple) else [nodes]:
                check(node)


def check(node):
    """Every node's place lies in the text, and its value is one of the six shapes."""
    place = node.place
    assert place.line >= 1
    assert place.column + place.length <= len(place.source) + 2
    if isinstance(node, Scalar):
        assert node.value is None or type(node.value) in (str, int, bool)
    elif isinstance(node, Table):
        assert len(set(node.keys())) == len(node.entries)
        for _, value in node.entries:
            check(value)
    else:
        for item in node.items:
            check(item)


@pytest.mark.skipif(len(PARSERS) < 2, reason="libyaml is not there")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations())
def test_both_parsers_read_the_same_values_at_the_same_places(text):
    answers = []
    for loader in PARSERS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(source, "_LOADER", getattr(yaml, loader))
            try:
                answers.append([(plain(node), node.place, scalars(node)) for node in parse(text, "a.yaml")])
            except InputError:
                return  # their complaints about broken text may differ
            except InputErrors:
                return
    assert answers[0] == answers[1]


def scalars(node):
    if isinstance(node, Scalar):
        return [(node.place, node.text, node.quoted)] if node.text else []
    if isinstance(node, Table):
        return [found for key, value in node.entries for found in scalars(key) + scalars(value)]
    return [found for item in node.items for found in scalars(item)]
