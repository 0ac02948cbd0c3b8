"""Errors: the place with its line and a caret, the hint, nothing that a terminal obeys."""

import re

import pytest

from iamsync.errors import AccessDenied, AwsError, InputError, InputErrors, Place, StalePlan, raise_once
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


def several(*files: tuple[str, int]) -> InputErrors:
    """Errors of which no two say the same."""
    return InputErrors(
        InputError(f"{file} {line} is wrong", code="wrong", place=Place(file, line, 1, 1, "abc"))
        for file, lines in files
        for line in range(1, lines + 1)
    )


def test_of_many_errors_fifty_are_shown_and_the_rest_counted_by_file() -> None:
    more = "--verbose shows all"
    text = error_text(several(("a.yaml", 60)), more=more)
    assert text.count("error[wrong]") == 50
    assert text.endswith("\n\n... and 10 more in a.yaml; --verbose shows all\n\n60 errors in 1 file")
    text = error_text(several(("a.yaml", 45), ("b.yaml", 8), ("c.yaml", 1)), more=more)
    assert "... and 4 more in 2 files (b.yaml 3, c.yaml 1); --verbose shows all" in text
    assert text.endswith("54 errors in 3 files")
    assert error_text(several(("a.yaml", 60)), verbose=True).count("error[wrong]") == 60


def test_errors_that_say_the_same_are_told_once_with_all_their_places() -> None:
    same = InputErrors([*(input_error("abc", 1, 1, line) for line in (4, 8, 12, 16)), *several(("a.yaml", 1)).errors])
    text = error_text(same)
    assert text.count("error[wrong]: it is wrong\n") == 1
    assert " --> iam/site.yaml:4:1\n" in text
    assert "  = also: iam/site.yaml:8:1, iam/site.yaml:12:1, iam/site.yaml:16:1" in text
    assert text.endswith("5 errors in 2 files")
    assert error_text(same, verbose=True).count("error[wrong]: it is wrong\n") == 4


def test_two_errors_that_say_the_same_each_show_their_line() -> None:
    assert error_text(InputErrors(input_error("abc", 1, 1, line) for line in (4, 8))).count("^") == 2


def test_where_looking_ended_early_the_count_does_not_claim_to_be_all() -> None:
    text = error_text(InputErrors(several(("a.yaml", 2)).errors, stopped=True))
    assert text.endswith("2 errors in 1 file; looking ended there, and there may be more")


def test_a_stop_at_too_many_mistakes_is_kept_when_accounts_are_put_together() -> None:
    with pytest.raises(InputErrors) as raised:
        raise_once([InputErrors(several(("a.yaml", 3)).errors, stopped=True), several(("a.yaml", 2))])
    assert (len(raised.value.errors), raised.value.stopped) == (3, True)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_on_a_terminal_no_line_is_wider_than_it_is(width: int) -> None:
    place = Place("iam/site.yaml", 12, 301, 5, "a" * 300 + "WRONG" + "b" * 300)
    error = InputError("many words " * 20 + "end", code="wrong", place=place, hint="do as told " * 20)
    text = error_text(InputErrors([error, *several(("z.yaml", 3)).errors]), width=width, color=True)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(cells, bare.split("\n"))) in range(width - 10, width + 1)
    assert caret(bare)[1] == "WRONG"
    assert " ".join(bare.split()).startswith("error[wrong]: many words many words")


def test_a_terminal_narrower_than_sixty_columns_is_written_to_as_if_it_had_sixty() -> None:
    error = input_error("a" * 300, 150, 5, hint="do as told " * 20)
    assert error_text(error, width=20) == error_text(error, width=60)


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
