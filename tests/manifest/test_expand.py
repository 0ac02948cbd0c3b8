"""Variables: what they become, where they may stand, and what is told when they are wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamsync.errors import InputError, InputErrors
from iamsync.manifest.expand import Variables, escape, expand, references
from iamsync.manifest.source import Scalar, Source, parse, parse_json, plain

SCOPE = Variables(
    {
        "account.id": "111122223333",
        "account.name": "prod",
        "partition": "aws",
        "name": "alice",
        "var.team": "data",
        "var.groups": ("a", "b"),
        "var.none": (),
        "var.trick": "$(name) $$(name)",
        "arn.role/deployer": "arn:aws:iam::111122223333:role/deployer",
        "arn.oidc_provider/token.actions.githubusercontent.com": "arn:aws:iam::111122223333:oidc-provider/t",
    }
)


def one(text: str):
    [node] = parse(text, "a.yaml")
    return node


def errors(text: str, scope=SCOPE) -> list[tuple[str, str, str, str]]:
    with pytest.raises((InputError, InputErrors)) as caught:
        expand(one(text), scope)
    found = caught.value.errors if isinstance(caught.value, InputErrors) else [caught.value]
    return [(e.code, f"{e.place.line}:{e.place.column}+{e.place.length}", e.message, e.hint) for e in found]


EXPANDED = [
    ("$(name)", "alice"),
    ("role-$(name)-$(account.name)", "role-alice-prod"),
    ("$(arn.role/deployer)", "arn:aws:iam::111122223333:role/deployer"),
    ("'$(arn.oidc_provider/token.actions.githubusercontent.com)'", "arn:aws:iam::111122223333:oidc-provider/t"),
    ("$(account.id)", "111122223333"),
    ("$$(name)", "$(name)"),
    ("$$$(name)", "$$(name)"),
    ("$$(", "$("),
    ("${aws:username} $name $ (x) $", "${aws:username} $name $ (x) $"),
    ("x$${aws:username}$(name)", "x$${aws:username}alice"),
    ("$(var.trick)", "$(name) $$(name)"),
    ("$(var.groups)", ["a", "b"]),
    ("[$(var.groups), c, $(name), $(var.none)]", ["a", "b", "c", "alice"]),
    ("{k: $(var.groups), l: $(var.none)}", {"k": ["a", "b"], "l": []}),
    ("{'$(name)': {x-$(name): 1}, b: 2}", {"alice": {"x-alice": 1}, "b": 2}),
    ("[[$(var.groups)], {a: [x]}]", [["a", "b"], {"a": ["x"]}]),
    ("|\n  one $(name)\n  two $$(x)\n", "one alice\ntwo $(x)\n"),
    ('"\\x24(name)"', "alice"),
]


@pytest.mark.parametrize(("text", "value"), EXPANDED, ids=[text for text, _ in EXPANDED])
def test_variables_are_filled_in(text, value):
    assert plain(expand(one(f"k: {text}"), SCOPE)) == {"k": value}


def test_an_expanded_text_is_text_and_stands_where_it_was_written():
    node = one("k:\n  - $(account.id)\n  - $(var.groups)\n")
    expanded = expand(node, SCOPE)
    [number, first, second] = expanded.get("k").items
    assert (number.value, number.text, number.quoted) == ("111122223333", "111122223333", True)
    assert number.place == node.get("k").items[0].place
    assert first.place == second.place == node.get("k").items[1].place
    assert (expanded.place, expanded.get("k").place) == (node.place, node.get("k").place)


def test_what_has_no_variables_is_the_same_object():
    node = one("a: {b: [x, 5], c: '${aws:username}'}\nd: [$(name)]\ne: y\n")
    expanded = expand(node, SCOPE)
    assert expanded is not node
    assert expanded.get("a") is node.get("a")
    assert expanded.get("e") is node.get("e")
    assert expanded.entries[0][0] is node.entries[0][0]
    assert expand(expanded, SCOPE) is expanded
    assert expand(node.get("a"), SCOPE) is node.get("a")
    assert expand(node.get("e"), SCOPE) is node.get("e")


def test_the_rest_of_a_scope_answers_what_the_first_does_not_know():
    scope = Variables({"param.repo": "site", "name": "x"}, SCOPE)
    assert plain(expand(one("[$(param.repo), $(name), $(partition)]"), scope)) == ["site", "x", "aws"]
    assert set(scope.names()) == {"param.repo", *SCOPE.values}
    with pytest.raises(KeyError):
        scope.lookup("nobody")


LITERAL = 'write "$$(" for a "$(" that is meant as text'
LIST = "a list stands for a whole value or a whole item of a list"
WRONG = [
    (
        "é: arn:$(acount.id):$(name)\n",
        [("unknown-variable", "1:8+12", 'there is no variable "acount.id"', "did you mean $(account.id)?")],
    ),
    (
        "a: \"x $(name) $(nam)\"\nb: ['$(var.tem)']\n",
        [
            ("unknown-variable", "1:15+6", 'there is no variable "nam"', "did you mean $(name)?"),
            ("unknown-variable", "2:6+10", 'there is no variable "var.tem"', "did you mean $(var.team)?"),
        ],
    ),
    (
        "a: |\n  x\n  $$(y) $(nmae)\n",
        [("unknown-variable", "3:9+7", 'there is no variable "nmae"', "did you mean $(name)?")],
    ),
    (
        "a: $(zzzzzz)\n",
        [
            (
                "unknown-variable", "1:4+9", 'there is no variable "zzzzzz"',
                "known here: $(account.id), $(account.name), $(arn.oidc_provider/token.actions.githubusercontent.com), "
                f"$(arn.role/deployer), $(name), $(partition), $(var.groups), $(var.none) and 2 more; {LITERAL}",
            )
        ],
    ),
    (
        "a: $(var.qqqqqqqqqqqqqqq)\n",
        [
            (
                "unknown-variable", "1:4+22", 'there is no variable "var.qqqqqqqqqqqqqqq"',
                f"known here: $(var.groups), $(var.none), $(var.team), $(var.trick); {LITERAL}",
            )
        ],
    ),
    ("a: $()\n", [("unknown-variable", "1:4+3", "a variable without a name", 'write "$$(" for a "$(" meant as text')]),
    (
        "a: x $(name\n",
        [("unclosed-variable", "1:6+2", 'this "$(" has no ")"',
          'write $(NAME), or "$$(" for a "$(" that is meant as text')],
    ),
    (
        "a: $(na$(name)\n",
        [("unclosed-variable", "1:4+2", 'this "$(" has no ")"',
          'write $(NAME), or "$$(" for a "$(" that is meant as text')],
    ),
    (
        "a: x$(var.groups)\n",
        [("list-variable", "1:5+13", '"$(var.groups)" is a list and cannot stand inside a text', LIST)],
    ),
    ("$(var.groups): 1\n", [("list-variable", "1:1+13", '"$(var.groups)" is a list and cannot stand in a key', LIST)]),
    (
        "alice: 1\n'$(name)': 2\n",
        [
            (
                "duplicate-key", "2:1+9",
                'the key "alice" stands here twice once its variables are filled in; the first one is on line 1',
                "remove or rename one of the two",
            )
        ],
    ),
    (
        "a: &a {b: $(nam)}\nc: *a\n",
        [("unknown-variable", "1:11+6", 'there is no variable "nam"', "did you mean $(name)?")],
    ),
    (
        'a: "\\x24(nam) $(nmae)"\n',
        [
            ("unknown-variable", "1:4+19", 'there is no variable "nam"', "did you mean $(name)?"),
            ("unknown-variable", "1:4+19", 'there is no variable "nmae"', "did you mean $(name)?"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_variable_is_told_with_its_column_and_a_remedy(text, expected):
    assert errors(text) == expected


def test_a_scope_without_names_says_so():
    assert errors("a: $(x)\n", Variables({}))[0][3] == f"there are none here; {LITERAL}"


def test_after_a_hundred_wrong_variables_it_gives_up():
    assert len(errors("- '" + "$(qq) $(" * 300 + "'\n")) == 100


def test_places_in_json_are_as_exact():
    with pytest.raises(InputError) as caught:
        expand(parse_json('{"é": "x", "b": ["arn:$(nam)"]}', "d.json"), SCOPE)
    assert str(caught.value) == 'd.json:1:23: there is no variable "nam"'


def test_references_lists_names_in_order_with_places():
    node = one("a-$(name): x $(var.team) $$(no) $(arn.role/x)\nb: [$(name), {c: $(unclosed}]\nd: plain\n")
    assert [(name, f"{place.line}:{place.column}+{place.length}") for name, place in references(node)] == [
        ("name", "1:3+7"),
        ("var.team", "1:14+11"),
        ("arn.role/x", "1:33+13"),
        ("name", "2:5+7"),
    ]


def text_node(text: str) -> Scalar:
    return Scalar(text, text, True, Source("x"))


@given(st.text() | st.text(alphabet="$()a{"))
def test_an_escaped_text_expands_to_itself(text):
    assert expand(text_node(escape(text)), Variables({})).text == text
    assert references(text_node(escape(text))) == ()


@given(st.text(alphabet="$()an") | st.text())
def test_any_text_expands_or_is_an_input_error(text):
    try:
        expanded = expand(text_node(text), Variables({"a": "x", "n": "$(a)"}))
    except (InputError, InputErrors):
        return
    if "$(" not in text:
        assert expanded.text == text
