"""Errors: the place with its line and a caret, the hint, nothing that a terminal obeys."""

from iamsync.errors import AccessDenied, AwsError, InputError, InputErrors, Place, StalePlan
from iamsync.render.errors import error_text
from iamsync.render.words import cells


def input_error(source: str, column: int, length: int, line: int = 12, **rest: str) -> InputError:
    place = Place("iam/site.yaml", line, column, length, source)
    return InputError("it is wrong", code="wrong", place=place, **rest)


def caret(text: str) -> tuple[str, str]:
    """The shown source line and what of it stands over the caret, by terminal cells."""
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip(" |").startswith("^"))
    start, end = lines[at].index("^"), lines[at].rindex("^") + 1
    shown, column = "", 0
    for mark in lines[at - 1]:
        if start <= column < end:
            shown += mark
        column += cells(mark)
    return lines[at - 1], shown


def test_an_input_error_shows_its_line_a_caret_and_the_way_out() -> None:
    error = InputError(
        'unknown field "pathh" of role',
        code="unknown-field",
        place=Place("iam/site.yaml", 12, 5, 5, "    pathh: /ci/"),
        hint='did you mean "path"?',
    )
    assert error_text(error) == (
        'error[unknown-field]: unknown field "pathh" of role\n'
        "  --> iam/site.yaml:12:5\n"
        "   |\n"
        "12 |     pathh: /ci/\n"
        "   |     ^^^^^\n"
        '   = help: did you mean "path"?'
    )


def test_an_error_without_a_place_is_its_words_and_its_hint() -> None:
    assert error_text(InputError("no", code="x", hint="do")) == "error[x]: no\n  = help: do"


def test_a_caret_stands_under_wide_characters_and_after_tabs() -> None:
    assert caret(error_text(input_error("\t文字列: wrong", 7, 5)))[1] == "wrong"
    assert caret(error_text(input_error("名前: 間違い!", 5, 3)))[1] == "間違い"


def test_a_long_line_is_windowed_around_the_caret_to_a_hundred_columns() -> None:
    line, under = caret(error_text(input_error("a" * 300 + "WRONG" + "b" * 300, 301, 5)))
    assert under == "WRONG"
    assert line.startswith("12 | ...a")
    assert line.endswith("b...")
    assert cells(line) <= 100


def test_a_stretch_longer_than_the_line_or_beyond_its_end_still_has_a_caret() -> None:
    assert caret(error_text(input_error("a" * 20 + "W" * 500, 21, 500)))[1].strip("W.") == ""
    assert "^" in error_text(input_error("short", 99, 4))


def test_escapes_in_names_lines_and_hints_are_spelled_out() -> None:
    error = InputError(
        "name \x1b[2J\u202e",
        code="bad-\x07",
        place=Place("iam/\x1b]0;x.yaml", 1, 3, 1, "a:\x1b[31m b\x9b"),
        hint="say\x00 it",
    )
    text = error_text(error)
    assert all(line.isprintable() for line in text.split("\n"))
    assert "\\x1b[2J\\u202e" in text


def test_of_many_errors_fifty_are_shown_and_the_rest_counted() -> None:
    text = error_text(InputErrors(input_error("abc", 1, 1, line) for line in range(1, 61)))
    assert text.count("error[wrong]") == 50
    assert text.endswith("... and 10 more\n\n60 errors in 1 file")


def test_an_aws_error_names_its_call_and_request() -> None:
    error = AccessDenied("CreateRole: no", code="access-denied", operation="CreateRole", request_id="r-1", hint="ask")
    assert error_text(error) == (
        "error[access-denied]: CreateRole: no\n  = call: CreateRole (request id r-1)\n  = help: ask"
    )


def test_a_doubtful_failure_says_that_it_may_have_worked() -> None:
    text = error_text(AwsError("no answer", code="no-answer", operation="CreateUser", doubtful=True))
    assert "= note: AWS may have carried it out all the same" in text
    text = error_text(AwsError("no answer", code="no-answer", operation="GetCallerIdentity", doubtful=True))
    assert "carried it out" not in text  # it would make no difference


def test_a_stale_plan_lists_what_moved() -> None:
    text = error_text(StalePlan("moved", difference=("+ AttachRolePolicy {}", "~ role/x path"), hint="plan again"))
    assert "  | + AttachRolePolicy {}\n  | ~ role/x path\n  = help: plan again" in text


def test_colour_adds_codes_and_changes_no_letter() -> None:
    error = input_error("    pathh: x", 5, 5, hint="path?")
    colored = error_text(error, color=True)
    assert "\x1b[" in colored
    plain = error_text(error)
    for code in ("1;31", "1", "34", "0"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == plain
