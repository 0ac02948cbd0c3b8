"""The selector grammar: what each pattern means, and what is none."""

from __future__ import annotations

import pytest

from iamsync.model import Address
from iamsync.selector import glob_matches, parse, path_matches, select

KINDS = ("user", "group", "role", "policy", "oidc_provider")
TAGS = {"Team": "web", "env": "prod", "empty": ""}


def selected(texts: list[str], address: str, path: str | None = "/", tags: dict[str, str] | None = None) -> bool:
    return select(texts, KINDS)(Address.parse(address), path, tags)


@pytest.mark.parametrize(
    ("pattern", "address", "path", "wanted"),
    [
        ("*", "role/x", "/", True),
        ("role/app-*", "role/app-1", "/", True),
        ("role/app-*", "role/App-1", "/", True),
        ("role/app-*", "user/app-1", "/", False),
        ("role/app-*", "role/my-app-1", "/", False),
        ("role/app-?", "role/app-12", "/", False),
        ("role/a.b", "role/axb", "/", False),
        ("role/[ab]", "role/a", "/", False),
        ("role/a+b", "role/a+b", "/", True),
        ("*/admin", "group/admin", "/", True),
        ("r*/admin", "role/admin", "/", True),
        ("oidc_provider/host.example/id/*", "oidc_provider/host.example/id/X", "/", True),
        ("role/a:b/*", "role/a:b/c", "/", True),
        ("role:/ci/**", "role/x", "/ci/", True),
        ("role:/ci/**", "role/x", "/ci/deep/er/", True),
        ("role:/ci/**", "role/x", "/cicd/", False),
        ("role:/ci/**", "role/x", "/CI/", False),
        ("role:/ci/**", "user/x", "/ci/", False),
        ("*:/ci/**", "user/x", "/ci/", True),
        ("role:/ci/", "role/x", "/ci/", True),
        ("role:/ci/", "role/x", "/ci/deep/", False),
        ("role:/ci", "role/x", "/ci/", True),
        ("role:/ci*", "role/x", "/cicd/", True),
        ("role:/ci*", "role/x", "/ci/deep/", False),
        ("role:/", "role/x", "/", True),
        ("role:/", "role/x", "/ci/", False),
        ("role:/**", "role/x", "/", True),
        ("role:/**", "role/x", "/a/b/", True),
        ("role:/**/", "role/x", "/a/b/", True),
        ("role:/**/eu/", "role/x", "/a/b/eu/", True),
        ("role:/**/eu/", "role/x", "/eu/", True),
        ("role:/**/eu/", "role/x", "/neu/", False),
        ("role:/a/*/c/", "role/x", "/a/b/c/", True),
        ("role:/a/*/c/", "role/x", "/a/b/b/c/", False),
        ("role:/?/", "role/x", "/a/", True),
        ("role:/?/", "role/x", "//", False),
        ("role:/ci/**", "role/x", None, False),
        ("tag:Team=web", "role/x", "/", True),
        ("tag:team=web", "role/x", "/", True),
        ("tag:Team=Web", "role/x", "/", False),
        ("tag:Team", "role/x", "/", True),
        ("tag:T*=w?b", "role/x", "/", True),
        ("tag:Owner", "role/x", "/", False),
        ("tag:empty=", "role/x", "/", True),
        ("tag:Team=", "role/x", "/", False),
        (" role/x ", "role/x", "/", True),
    ],
)
def test_a_pattern_means(pattern: str, address: str, path: str | None, wanted: bool) -> None:
    assert selected([pattern], address, path, TAGS) is wanted
    assert selected([f"!{pattern.strip()}"], address, path, TAGS) is not wanted


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        ([], ""),
        (["role/a", "role/b"], "ab"),
        (["role/*", "!role/b"], "ac"),
        (["!role/b", "role/*"], "ac"),
        (["!role/b"], "ac"),
        (["!role/b", "!role/c"], "a"),
        (["role/a", "!*"], ""),
        (["!*"], ""),
    ],
)
def test_a_list_is_a_union_minus_its_exclusions(patterns: list[str], wanted: str) -> None:
    assert "".join(name for name in "abc" if selected(patterns, f"role/{name}")) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a selector is empty"),
        ("!", "a selector is empty"),
        ("  ", "a selector is empty"),
        ("role", "none of KIND/NAME"),
        ("role:x", "none of KIND/NAME"),
        ("/x", "none of KIND/NAME"),
        ("role/", "names no resource"),
        ("robot/x", "[kK]inds are user, group"),
        ("robot:/x/", "[kK]inds are user, group"),
        ("roles/x", "did you mean role[?] Kinds are user, group"),
        ("role:x/", "a path starts with '/'"),
        ("tag:", "names no tag key"),
        ("tag:=x", "names no tag key"),
        ("tags:a/b", "names no kind|a path starts"),
    ],
)
def test_what_is_no_selector_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text, KINDS)


def test_a_selector_knows_whether_it_needs_tags() -> None:
    assert select(["role/*", "!tag:a"], KINDS).needs_tags
    assert not select(["role/*", "!role:/ci/**", "*"], KINDS).needs_tags


def test_a_resource_without_tags_has_none_of_them() -> None:
    assert not selected(["tag:*"], "group/x")
    assert selected(["!tag:*"], "group/x")


def test_globs_take_texts_as_a_whole() -> None:
    assert glob_matches("a*c", "a\nc")
    assert not glob_matches("a", "ab")
    assert not glob_matches("b", "ab")
    assert glob_matches("", "")
    assert path_matches("/a/**", "/a/")
