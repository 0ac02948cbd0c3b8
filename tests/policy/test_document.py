"""When two policy documents are one: the equivalences as data, and the laws of the canonical form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamsync.policy.document import Document, canonical, loads, principals, statements, with_principals
from tests.strategies import documents


def statement(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **elements}


def policy(*held: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(held) or [statement()], **top}


def trusting(principal: Any, element: str = "Principal") -> dict[str, Any]:
    return policy({"Effect": "Allow", element: principal, "Action": "sts:AssumeRole"})


def when(**condition: Any) -> dict[str, Any]:
    return policy(statement(Condition=condition))


def key(name: str, values: Any) -> dict[str, Any]:
    return {name: values}


IP = "aws:SourceIp"
ARN = "aws:PrincipalArn"
ROOT = "arn:aws:iam::111122223333:root"

EQUAL: dict[str, tuple[Any, Any]] = {
    "order of keys": (policy(), dict(reversed(policy().items()))),
    "one statement and a list of it": (policy(), {**policy(), "Statement": statement()}),
    "one action and a list of it": (policy(), policy(statement(Action=["s3:GetObject"]))),
    "one resource and a list of it": (policy(), policy(statement(Resource=["*"]))),
    "one principal and a list of it": (trusting({"AWS": ROOT}), trusting({"AWS": [ROOT]})),
    "one value and a list of it": (when(StringEquals=key("a:b", "x")), when(StringEquals=key("a:b", ["x"]))),
    "order of statements": (
        policy(statement(), statement(Effect="Deny")),
        policy(statement(Effect="Deny"), statement()),
    ),
    "order of actions": (policy(statement(Action=["a:b", "c:d"])), policy(statement(Action=["c:d", "a:b"]))),
    "order of resources": (
        policy(statement(NotResource=["arn:x", "arn:y"])),
        policy(statement(NotResource=["arn:y", "arn:x"])),
    ),
    "order of principals": (trusting({"Service": ["a", "b"]}), trusting({"Service": ["b", "a"]})),
    "order of values": (when(StringEquals=key("a:b", ["x", "y"])), when(StringEquals=key("a:b", ["y", "x"]))),
    "repeated actions": (policy(statement(Action=["a:b", "a:b"])), policy(statement(Action="a:b"))),
    "repeated values": (when(StringEquals=key("a:b", ["x", "x"])), when(StringEquals=key("a:b", "x"))),
    "repeated statements": (policy(statement(), statement()), policy(statement())),
    "case of actions": (policy(statement(Action="S3:getOBJECT")), policy()),
    "case of excepted actions": (policy(statement(NotAction="IAM:*")), policy(statement(NotAction="iam:*"))),
    "actions repeated in another case": (policy(statement(Action=["a:B", "A:b"])), policy(statement(Action="a:b"))),
    "case of condition keys": (when(StringEquals=key("AWS:sourceIP", "x")), when(StringEquals=key(IP, "x"))),
    "case of operators": (when(stringequals=key("a:b", "x")), when(StringEquals=key("a:b", "x"))),
    "case of qualifiers": (
        when(**{"forallvalues:StringEqualsIFEXISTS": key("a:b", "x")}),
        when(**{"ForAllValues:StringEqualsIfExists": key("a:b", "x")}),
    ),
    "an account and its root": (trusting({"AWS": "111122223333"}), trusting({"AWS": ROOT})),
    "an account and its root in a list": (
        trusting({"AWS": ["111122223333", "arn:aws:iam::444455556666:root"]}, "NotPrincipal"),
        trusting({"AWS": ["444455556666", ROOT]}, "NotPrincipal"),
    ),
    "true and its text": (when(Bool=key("a:b", True)), when(Bool=key("a:b", "true"))),
    "true in another case": (when(Bool=key("a:b", "False")), when(Bool=key("a:b", False))),
    "true and its text outside of Bool": (when(StringEquals=key("a:b", True)), when(StringEquals=key("a:b", "true"))),
    "null in another case": (when(Null=key("a:b", True)), when(Null=key("a:b", "True"))),
    "a number and its text": (when(NumericLessThan=key("a:b", 300)), when(NumericLessThan=key("a:b", "300"))),
    "a number and its text outside of Numeric": (
        when(StringEquals=key("a:b", 300)),
        when(StringEquals=key("a:b", "300")),
    ),
    "spellings of a number": (
        when(NumericEquals=key("a:b", ["300.0", "+7", "-0", "0.50"])),
        when(NumericEquals=key("a:b", [300, "007", 0, 0.5])),
    ),
    "no condition and an empty one": (policy(), when()),
    "no condition and an operator without keys": (policy(), when(StringEquals={})),
    "no version and the old one": ({"Statement": statement()}, policy(statement(), Version="2008-10-17")),
    "no version where no variable occurs": ({"Statement": statement()}, policy()),
    "both versions where no variable occurs": (policy(Version="2008-10-17"), policy()),
    "ArnEquals and ArnLike": (when(ArnEquals=key(ARN, "arn:*")), when(ArnLike=key(ARN, "arn:*"))),
    "ArnNotEquals and ArnNotLike": (when(ArnNotEquals=key(ARN, "arn:*")), when(ArnNotLike=key(ARN, "arn:*"))),
    "StringLike without wildcards": (when(StringLike=key("a:b", "x")), when(StringEquals=key("a:b", "x"))),
    "StringNotLike without wildcards": (when(StringNotLike=key("a:b", "x")), when(StringNotEquals=key("a:b", "x"))),
    "StringLike of a set without wildcards": (
        when(**{"ForAnyValue:StringLike": key("a:b", ["x", "y"])}),
        when(**{"ForAnyValue:StringEquals": key("a:b", ["x", "y"])}),
    ),
    "an address and its network": (when(IpAddress=key(IP, "203.0.113.7")), when(IpAddress=key(IP, "203.0.113.7/32"))),
    "host bits of a network": (when(IpAddress=key(IP, "203.0.113.7/24")), when(IpAddress=key(IP, "203.0.113.0/24"))),
    "spellings of an IPv6 network": (
        when(NotIpAddress=key(IP, "2001:DB8:0:0::/64")),
        when(NotIpAddress=key(IP, "2001:db8::/64")),
    ),
    "a moment and its epoch": (
        when(DateLessThan=key("aws:CurrentTime", "2027-01-31T18:00:00Z")),
        when(DateLessThan=key("aws:CurrentTime", 1801418400)),
    ),
    "zones of a moment": (
        when(DateLessThan=key("aws:CurrentTime", "2027-01-31T18:00:00Z")),
        when(DateLessThan=key("aws:CurrentTime", ["2027-01-31T18:00:00+00:00", "2027-01-31T19:00:00+01:00"])),
    ),
    "IfExists on a negated operator": (
        when(StringNotEqualsIfExists=key("a:b", "x")),
        when(StringNotEquals=key("a:b", "x")),
    ),
    "two spellings that say one thing": (
        when(ArnEquals=key(ARN, "arn:x"), ArnLike=key(ARN, "arn:x")),
        when(ArnLike=key(ARN, "arn:x")),
    ),
    "two operators of one meaning, exchanged": (
        when(ArnEquals=key(ARN, "arn:x*"), ArnLike=key(ARN, "arn:*y")),
        when(ArnEquals=key(ARN, "arn:*y"), ArnLike=key(ARN, "arn:x*")),
    ),
}

DIFFERENT: dict[str, tuple[Any, Any]] = {
    "another effect": (policy(), policy(statement(Effect="Deny"))),
    "an effect in another case": (policy(), policy(statement(Effect="allow"))),
    "Action and NotAction": (policy(statement(Action="a:b")), policy({"NotAction": "a:b", "Effect": "Allow"})),
    "a resource in another case": (policy(statement(Resource="arn:X")), policy(statement(Resource="arn:x"))),
    "a value in another case": (when(StringEquals=key("a:b", "X")), when(StringEquals=key("a:b", "x"))),
    "versions where a variable occurs": (
        policy(statement(Resource="arn:aws:s3:::${aws:username}"), Version="2008-10-17"),
        policy(statement(Resource="arn:aws:s3:::${aws:username}")),
    ),
    "no version where a variable occurs": (
        {"Statement": statement(Condition={"StringEquals": {"a:b": "${aws:username}"}})},
        when(StringEquals=key("a:b", "${aws:username}")),
    ),
    "everyone and everyone of AWS": (trusting("*"), trusting({"AWS": "*"})),
    "a unique id and an ARN": (trusting({"AWS": "AIDAEXAMPLE"}), trusting({"AWS": f"{ROOT[:-4]}user/alice"})),
    "the root and a role": (trusting({"AWS": ROOT}), trusting({"AWS": f"{ROOT[:-4]}role/x"})),
    "a session and its role": (
        trusting({"AWS": "arn:aws:sts::111122223333:assumed-role/x/y"}),
        trusting({"AWS": f"{ROOT[:-4]}role/x"}),
    ),
    "a service of China": (
        trusting({"Service": "ec2.amazonaws.com"}),
        trusting({"Service": "ec2.amazonaws.com.cn"}),
    ),
    "roots of two partitions": (trusting({"AWS": ROOT}), trusting({"AWS": ROOT.replace("aws", "aws-cn", 1)})),
    "an account id among services": (trusting({"Service": "111122223333"}), trusting({"Service": ROOT})),
    "a value with and without ForAnyValue": (
        when(**{"ForAnyValue:StringEquals": key("a:b", "x")}),
        when(StringEquals=key("a:b", "x")),
    ),
    "ForAnyValue and ForAllValues": (
        when(**{"ForAnyValue:StringEquals": key("a:b", "x")}),
        when(**{"ForAllValues:StringEquals": key("a:b", "x")}),
    ),
    "IfExists on a positive operator": (
        when(StringEqualsIfExists=key("a:b", "x")),
        when(StringEquals=key("a:b", "x")),
    ),
    "IfExists on a negated operator over a set": (
        when(**{"ForAnyValue:StringNotEqualsIfExists": key("a:b", "x")}),
        when(**{"ForAnyValue:StringNotEquals": key("a:b", "x")}),
    ),
    "StringLike with a wildcard": (when(StringLike=key("a:b", "x*")), when(StringEquals=key("a:b", "x*"))),
    "StringLike with one wildcard among two": (
        when(StringLike=key("a:b", ["x*", "y"])),
        when(StringEquals=key("a:b", ["x*", "y"])),
    ),
    "StringLike with an escaped wildcard": (
        when(StringLike=key("a:b", "${*}")),
        when(StringEquals=key("a:b", "${*}")),
    ),
    "numbers outside of Numeric": (when(StringEquals=key("a:b", "300.0")), when(StringEquals=key("a:b", "300"))),
    "long numbers that differ at the end": (
        when(NumericEquals=key("a:b", "1" + "0" * 30 + "1")),
        when(NumericEquals=key("a:b", "1" + "0" * 30 + "2")),
    ),
    "a number that Python alone reads": (when(NumericEquals=key("a:b", "1_0")), when(NumericEquals=key("a:b", "10"))),
    "a netmask that Python alone reads": (
        when(IpAddress=key(IP, "10.0.0.0/255.0.0.0")),
        when(IpAddress=key(IP, "10.0.0.0/8")),
    ),
    "networks of two sizes": (when(IpAddress=key(IP, "10.0.0.0/8")), when(IpAddress=key(IP, "10.0.0.0/9"))),
    "moments a second apart": (
        when(DateLessThan=key("aws:CurrentTime", "2027-01-31T18:00:00Z")),
        when(DateLessThan=key("aws:CurrentTime", "2027-01-31T18:00:01Z")),
    ),
    "a year and seconds since 1970": (
        when(DateLessThan=key("aws:CurrentTime", "2027")),
        when(DateLessThan=key("aws:CurrentTime", "1970-01-01T00:33:47Z")),
    ),
    "tag keys that only casefold makes one": (
        when(StringEquals=key("aws:PrincipalTag/Stra\xdfe", "x")),
        when(StringEquals=key("aws:PrincipalTag/Strasse", "x")),
    ),
    "a value more": (when(StringEquals=key("a:b", ["x", "y"])), when(StringEquals=key("a:b", "x"))),
    "no value and none": (when(StringEquals=key("a:b", [])), policy()),
    "both of two operators and either value": (
        when(ArnEquals=key(ARN, "arn:x"), ArnLike=key(ARN, "arn:y")),
        when(ArnLike=key(ARN, ["arn:x", "arn:y"])),
    ),
    "three operators of which two meet": (
        when(stringlike=key("a:b", "x*"), StringLike=key("a:b", "x"), StringEquals=key("a:b", "y")),
        when(StringLike=key("a:b", "x"), StringEquals=key("a:b", "y")),
    ),
    "Sid": (policy(statement(Sid="a")), policy(statement(Sid="b"))),
    "Id": (policy(Id="a"), policy()),
    "a statement split in two": (
        policy(statement(Action=["a:b", "c:d"])),
        policy(statement(Action="a:b"), statement(Action="c:d")),
    ),
    "an element nobody knows": (policy(statement(Colour="red")), policy()),
    "nobody at all": (trusting({"AWS": []}), trusting({"AWS": ROOT})),
}

ALL: dict[str, tuple[Any, Any]] = EQUAL | DIFFERENT


@pytest.mark.parametrize("case", EQUAL)
def test_documents_are_one_that_differ_only_in(case: str) -> None:
    one, other = map(Document.of, EQUAL[case])
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("case", DIFFERENT)
def test_documents_are_two_that_differ_in(case: str) -> None:
    one, other = map(Document.of, DIFFERENT[case])
    assert one != other


@pytest.mark.parametrize("case", ALL)
def test_the_canonical_form_of_a_canonical_form_is_itself(case: str) -> None:
    for value in ALL[case]:
        assert canonical(canonical(value)) == canonical(value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (policy(statement(Sid="a"), Id="x"), policy(statement(Sid="b")), True),
        (policy(statement(Sid="a"), statement(Sid="b")), policy(statement()), True),
        (policy(statement(Sid="a")), policy(statement(Sid="a", Effect="Deny")), False),
        (policy(statement(Sid="b"), statement(Sid="a", Effect="Deny")), policy(statement(Effect="Deny")), False),
        ({"Statement": "x"}, {"Statement": "x", "Id": "y"}, True),
        ([], {}, False),
    ],
)
def test_sid_and_id_move_no_permission(one: Any, other: Any, same: bool) -> None:
    assert (Document.of(one).permissions_key == Document.of(other).permissions_key) is same


def test_an_account_is_the_root_of_the_partition_that_reads_it() -> None:
    root = ROOT.replace("aws", "aws-cn", 1)
    assert Document.of(trusting({"AWS": "111122223333"}), "aws-cn") == Document.of(trusting({"AWS": root}), "aws-cn")
    assert Document.of(trusting({"AWS": "111122223333"})) != Document.of(trusting({"AWS": root}))


def test_the_text_is_the_writers_and_compact() -> None:
    text = '{ "Statement" : [\n {"Resource": "*", "Action": ["B:c", "a:b"], "Effect": "Allow"} ] }'
    assert Document.parse(text).text == '{"Statement":[{"Resource":"*","Action":["B:c","a:b"],"Effect":"Allow"}]}'
    assert Document.parse('{"Id": "caf\\u00e9"}').text == '{"Id":"caf\xe9"}'
    assert str(Document.parse("{}")) == "{}"


def test_white_space_is_free_in_quotas() -> None:
    assert Document.of({"Id": "a b\tc"}).size == len('{"Id":"ab\\tc"}')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' stands twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ("{", "Expecting"),
        ("", "Expecting"),
        ("[" * 100_000, "nested deeper than 100 levels"),
    ],
)
def test_text_that_is_no_json_or_not_what_it_seems_is_a_value_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loads(text)
    with pytest.raises(ValueError, match=message):
        Document.parse(text)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"Statement": None}, {"Statement": [1]}, {"Statement": {}}])
def test_what_is_no_policy_is_still_a_document(value: Any) -> None:
    document = Document.of(value)
    assert document == Document.parse(json.dumps(value))
    assert not document.bears_deny
    assert document.permissions_key
    assert principals(document) == frozenset()


def test_an_odd_condition_is_left_as_it_is() -> None:
    value = policy(statement(Condition={"StringEquals": "x", "stringequals": {"a:b": "y"}}))
    assert canonical(value)["Statement"][0]["Condition"] == value["Statement"][0]["Condition"]


@pytest.mark.parametrize(
    ("effects", "bears"),
    [("A", False), ("D", True), ("AD", True), ("DD", True), ("", False)],
)
def test_a_document_knows_whether_it_denies(effects: str, bears: bool) -> None:
    held = [statement(Effect={"A": "Allow", "D": "Deny"}[effect]) for effect in effects]
    document = Document.of({"Statement": held})
    assert document.bears_deny is bears


def test_principals_are_those_of_every_statement_and_kind() -> None:
    value = policy(
        {"Effect": "Allow", "Principal": {"AWS": ["a", "b"], "Service": "c"}},
        {"Effect": "Deny", "NotPrincipal": {"Federated": "d"}},
        {"Effect": "Allow", "Principal": "*"},
        {"Effect": "Allow", "Principal": {"AWS": [1, None]}},
    )
    assert principals(Document.of(value)) == {"a", "b", "c", "d", "*"}


def test_a_renamed_principal_is_followed_in_place() -> None:
    document = Document.of(trusting({"AWS": ["a", "b"], "Service": "a"}))
    renamed = with_principals(document, {"a": "z"}, "aws")
    assert renamed.value == trusting({"AWS": ["z", "b"], "Service": "z"})
    assert with_principals(document, {"x": "z"}, "aws") is document
    assert with_principals(Document.of(trusting("*")), {"*": "z"}, "aws").value == trusting("*")


# -- Laws ------------------------------------------------------------------------------------------

_LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(st.characters(max_codepoint=0xFF), max_size=4)
_ANY = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
# Shaped like policies, but with anything anywhere.
ODD = st.fixed_dictionaries(
    {},
    optional={
        "Version": st.sampled_from(("2008-10-17", "2012-10-17")) | _LEAVES,
        "Statement": _ANY
        | st.lists(
            st.dictionaries(
                st.sampled_from(("Effect", "Action", "NotAction", "Resource", "Principal", "Condition", "Sid")),
                _ANY
                | st.dictionaries(
                    st.sampled_from(
                        ("AWS", "StringLike", "stringequals", "NumericEquals", "Bool", "x:ArnLikeIfExists")
                    ),
                    _ANY | st.dictionaries(st.sampled_from(("a:b", "A:b")), _ANY, max_size=2),
                    max_size=3,
                ),
                max_size=4,
            ),
            max_size=2,
        ),
    },
)


@settings(deadline=None)
@given(ODD | documents() | _ANY)
def test_canonical_is_idempotent(value: Any) -> None:
    once = canonical(value)
    assert canonical(once) == once
    assert Document.of(once) == Document.of(value)


@settings(deadline=None, max_examples=50)
@given(ODD | documents() | _ANY)
def test_a_document_gives_back_its_value(value: Any) -> None:
    document = Document.of(value)
    assert document.value == value
    assert json.dumps(document.value) == json.dumps(value)
    assert Document.parse(document.text) == document


_LISTS = frozenset({"Statement", "Action", "NotAction", "Resource", "NotResource"})


@st.composite
def _respelled(draw: st.DrawFn, value: Any, above: tuple[str, ...] = ()) -> Any:
    """The same policy with its keys and lists in another order, single values wrapped or bare, members repeated."""
    if isinstance(value, list):
        return [draw(_respelled(item, above)) for item in draw(st.permutations(value))]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, held in draw(st.permutations(list(value.items()))):
        held = draw(_respelled(held, (*above, name)))
        if name in _LISTS or "Condition" in above[:-1]:
            if not isinstance(held, list):
                held = draw(st.sampled_from((held, [held], [held, held])))
            elif len(held) == 1 and draw(st.booleans()):
                (held,) = held
        out[name] = held
    return out


@settings(deadline=None, max_examples=100)
@given(st.data(), documents())
def test_order_wrapping_and_repetition_do_not_change_the_key(data: st.DataObject, value: Any) -> None:
    assert Document.of(data.draw(_respelled(value))) == Document.of(value)


@settings(deadline=None, max_examples=50)
@given(documents(), documents())
def test_documents_with_other_statements_are_other_documents(one: Any, other: Any) -> None:
    def bare(value: Any) -> set[str]:
        return {json.dumps(held, sort_keys=True).lower() for held in statements(canonical(value))}

    assert (Document.of(one) == Document.of(other)) == (bare(one) == bare(other))
