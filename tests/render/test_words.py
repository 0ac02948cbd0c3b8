"""Lines that fit a terminal: broken at blanks, nothing lost, colours not counted."""

import re

from hypothesis import given
from hypothesis import strategies as st

from iamsync.render.words import cells, fold

LINES = st.lists(st.text("ab 名", max_size=150).map(lambda text: text.rstrip(" ")), max_size=4)


@given(LINES, st.integers(60, 140))
def test_folding_loses_no_word_and_leaves_what_fits_as_it_is(lines: list[str], width: int) -> None:
    text = "\n".join(lines)
    folded = fold(text, width)
    assert folded.split() == text.split()
    for line in folded.split("\n"):
        assert cells(line) <= width or " " not in line.strip()
    if all(cells(line) <= width for line in lines):
        assert folded == text


def test_what_goes_on_stands_a_little_further_in() -> None:
    assert fold("    " + "word " * 14 + "end", 60) == "    " + " ".join(["word"] * 11) + "\n      word word word end"


def test_what_follows_a_label_or_columns_goes_on_under_itself() -> None:
    rest = "word " * 14 + "end"
    assert fold(f"ok    {rest}", 60).split("\n")[1] == "      word word word end"
    assert fold(f"\x1b[32mok  \x1b[0m  {rest}", 60).split("\n")[1] == "      word word word end"
    assert fold(f"nobody  3  {rest}", 60).split("\n")[1] == " " * 11 + "word word word word end"


def test_no_label_is_left_alone_by_a_word_that_fits_nowhere() -> None:
    line = f"request_id:  {'W' * 60}"
    assert fold(line, 60) == line


def test_colours_take_no_room() -> None:
    text = " ".join(f"\x1b[1;31m{word}\x1b[0m" for word in ["word"] * 20)
    folded = fold(text, 60)
    assert [len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in folded.split("\n")] == [59, 41]
