"""The one selector grammar: `role/app-*`, `role:/ci/**`, `tag:Team=web`, `*`, each with `!` to exclude.

A list selects the union of its plain patterns minus its exclusions; a list of exclusions alone
selects everything else. Names are matched as IAM tells them apart: ignoring case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from iamsync.model import Address
from iamsync.nearness import closest


@dataclass(frozen=True, slots=True)
class Pattern:
    """One selector: `form` is name, path, tag or all; a tag of value None asks for the key alone."""

    text: str
    exclude: bool
    form: str
    kind: str = "*"
    glob: str = "*"
    value: str | None = None

    def matches(self, address: Address, path: str | None, tags: Mapping[str, str]) -> bool:
        """Whether a resource of this address, path and tags is meant (`exclude` is not looked at)."""
        if self.form == "all":
            return True
        if self.form == "tag":
            # Tag keys ignore case on users and roles and not on policies; a selector follows the wider rule.
            return any(
                glob_matches(self.glob.casefold(), key.casefold())
                and (self.value is None or glob_matches(self.value, held))
                for key, held in tags.items()
            )
        if not glob_matches(self.kind, address.kind):
            return False
        if self.form == "path":
            return path is not None and path_matches(self.glob, path)
        return glob_matches(self.glob.casefold(), address.name.casefold())


@dataclass(frozen=True, slots=True)
class Selector:
    """A list of patterns; empty selects nothing.

    `either` are selectors whose choice is selected too, `within` those that must all agree.
    """

    patterns: tuple[Pattern, ...]
    either: tuple[Selector, ...] = ()
    within: tuple[Selector, ...] = ()

    def __bool__(self) -> bool:
        """Whether it can select anything at all."""
        return bool(self.patterns or any(self.either))

    def __call__(self, address: Address, path: str | None = None, tags: Mapping[str, str] | None = None) -> bool:
        tags = tags or {}
        chosen = self._own(address, path, tags) or any(other(address, path, tags) for other in self.either)
        return chosen and all(other(address, path, tags) for other in self.within)

    def _own(self, address: Address, path: str | None, tags: Mapping[str, str]) -> bool:
        wanted = [pattern for pattern in self.patterns if not pattern.exclude]
        if not self.patterns or (wanted and not any(p.matches(address, path, tags) for p in wanted)):
            return False
        return not any(p.exclude and p.matches(address, path, tags) for p in self.patterns)

    @property
    def needs_tags(self) -> bool:
        """Whether deciding takes tags, which a bulk read may not know for certain."""
        others = (*self.either, *self.within)
        return any(pattern.form == "tag" for pattern in self.patterns) or any(other.needs_tags for other in others)


def parse(text: str, kinds: Iterable[str]) -> Pattern:
    """One pattern; ValueError says what is wrong with it in words for its writer."""
    body = text.strip()
    exclude = body.startswith("!")
    body = body.removeprefix("!")
    if not body:
        raise ValueError("a selector is empty")
    if body == "*":
        return Pattern(text, exclude, "all")
    if body.startswith("tag:"):
        key, equals, value = body[4:].partition("=")
        if not key:
            raise ValueError(f"selector {text!r} names no tag key; write tag:KEY or tag:KEY=VALUE")
        return Pattern(text, exclude, "tag", glob=key, value=value if equals else None)
    colon, slash = body.find(":"), body.find("/")
    if colon >= 0 and colon < slash:
        kind, glob = body[:colon], body[colon + 1 :]
        if not glob.startswith("/"):
            raise ValueError(f"selector {text!r}: a path starts with '/'")
        return Pattern(text, exclude, "path", _kind(kind, text, kinds), glob)
    if slash > 0:
        if slash == len(body) - 1:
            raise ValueError(f"selector {text!r} names no resource; write KIND/NAME, for example role/app-*")
        return Pattern(text, exclude, "name", _kind(body[:slash], text, kinds), body[slash + 1 :])
    raise ValueError(f"selector {text!r} is none of KIND/NAME, KIND:/PATH/**, tag:KEY=VALUE, *")


def select(texts: Iterable[str], kinds: Iterable[str]) -> Selector:
    """A selector from its texts; ValueError as in `parse`."""
    known = tuple(kinds)
    return Selector(tuple(parse(text, known) for text in texts))


def glob_matches(pattern: str, text: str) -> bool:
    """Whether `*` (anything) and `?` (one character) in the pattern can stand for this text."""
    return _compiled(pattern, False).fullmatch(text) is not None


def path_matches(pattern: str, path: str) -> bool:
    """Whether an IAM path lies under the pattern: `/ci/` is that path alone, `/ci/**` it and all below.

    Every IAM path ends in a slash, so a pattern without one (`/ci`) is taken to mean it.
    """
    if not pattern.endswith(("/", "**")):
        pattern += "/"
    return _compiled(pattern, True).fullmatch(path) is not None


def _kind(kind: str, text: str, kinds: Iterable[str]) -> str:
    known = tuple(kinds)
    if "*" not in kind and "?" not in kind and kind not in known:
        near = closest(kind, known)
        meant = f"; did you mean {near}? Kinds are" if near else "; kinds are"
        raise ValueError(f"selector {text!r} names no kind of resource{meant} {', '.join(known)}")
    return kind


@lru_cache(maxsize=4096)
def _compiled(pattern: str, is_path: bool) -> re.Pattern[str]:
    """Each wildcard takes as little as lets the text up to the next one fit, for good (an atomic group).

    The first fit is as good as any later one, since a wildcard that reaches as far follows; without the groups a text
    of many wildcards takes time exponential in their number. Those within a segment are grouped between those over it.
    """
    chunks: list[tuple[str, list[tuple[str, list[str]]]]] = [("", [("", [])])]

    def over(one: str) -> None:
        if chunks[-1] != (one, [("", [])]):
            chunks.append((one, [("", [])]))

    def text(part: str) -> None:
        chunks[-1][1][-1][1].append(part)

    at = 0
    while at < len(pattern):
        if is_path and pattern.startswith("/**", at) and pattern[at + 3 :] in ("", "/"):
            text("/")
            over(".*?")
            break
        if is_path and pattern.startswith("/**/", at):
            text("/")
            over("(?:.*?/)??")
            at += 4
            continue
        if is_path and pattern.startswith("**", at):
            over(".*?")
            at += 2
            continue
        mark = pattern[at]
        if mark == "*" and not is_path:
            over(".*?")
        elif mark == "*":
            chunks[-1][1].append(("[^/]*?", []))
        else:
            text(("[^/]" if is_path else ".") if mark == "?" else re.escape(mark))
        at += 1
    made = [(one, _joined([(within, "".join(run)) for within, run in runs])) for one, runs in chunks]
    return re.compile(_joined(made), re.DOTALL)


def _joined(runs: list[tuple[str, str]]) -> str:
    """Wildcards and the texts after them as one expression; but for the first and the last, the first fit counts."""
    out = [runs[0][1]]
    for number, (one, text) in enumerate(runs[1:], start=1):
        out.append(f"(?>{one}{text})" if text and number < len(runs) - 1 else f"{one}{text}")
    return "".join(out)
