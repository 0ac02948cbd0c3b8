"""A value written as YAML in any of the ways people write it: indentation, dashes, quotes, brackets, comments."""

from __future__ import annotations

import random
from typing import Any

from iamsync.manifest import writer

PLAIN = "abcdefghij"


def sloppy(value: dict[str, Any], rng: random.Random, *, comments: bool = True) -> str:
    """The text of a table that is not empty."""
    return "\n".join(_Writer(rng, comments).block(value, 0)) + "\n" * rng.randint(1, 3)


class _Writer:
    def __init__(self, rng: random.Random, comments: bool) -> None:
        self.rng = rng
        self.comments = comments
        self.count = 0

    def block(self, value: Any, column: int) -> list[str]:
        lines: list[str] = []
        step = self.rng.randint(1, 5)
        gap = " " * self.rng.choice([1, 1, 2, 4])
        for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            lines += self.above(column)
            pad = " " * column
            if key is None:
                entry = self.value(f"{pad}-", item, column, len(gap) + 1, gap)
            else:
                dashes = isinstance(item, list) and self.rng.random() < 0.5
                entry = self.value(f"{pad}{self.text(key)}:", item, column, 0 if dashes else step, "")
            lines += entry
        return lines

    def above(self, column: int) -> list[str]:
        lines = [""] * self.rng.choice([0, 0, 0, 1, 3])
        if self.comments and self.rng.random() < 0.3:
            self.count += 1
            lines.append(" " * column + f"# {self.count} above")
        return lines + [""] * (self.rng.random() < 0.1)

    def value(self, head: str, item: Any, column: int, step: int, gap: str) -> list[str]:
        if isinstance(item, (dict, list)) and item:
            if self.rng.random() < 0.3:
                return [f"{head} {self.flow(item)}{self.remark()}"]
            below = self.block(item, column + step)
            first = next((at for at, line in enumerate(below) if line.strip()), 0)
            if gap and first == 0 and not below[0].lstrip().startswith("#"):
                return [head + gap + below[0].lstrip(), *below[1:]]
            return [head + self.remark(), *below]
        if isinstance(item, str) and "\n" in item and self.rng.random() < 0.7:
            inner = " " * (column + self.rng.randint(1, 4))
            sign = "|" if item.endswith("\n") else "|-"
            body = item.removesuffix("\n").split("\n")
            return [f"{head} {sign}", *(inner + line if line else "" for line in body)]
        return [f"{head}{' ' * self.rng.randint(1, 3)}{self.flow(item)}{self.remark()}"]

    def flow(self, item: Any) -> str:
        if isinstance(item, dict):
            return self.bracketed("{}", [f"{self.text(key)}: {self.flow(held)}" for key, held in item.items()])
        if isinstance(item, list):
            return self.bracketed("[]", [self.flow(held) for held in item])
        return self.text(item) if isinstance(item, str) else writer.flow(item)

    def bracketed(self, marks: str, parts: list[str]) -> str:
        inner = self.rng.choice([", ", " , ", ",  "]).join(parts)
        space = self.rng.choice(["", " "])
        return f"{marks[0]}{space}{inner}{space}{marks[1]}"

    def text(self, text: str) -> str:
        if self.rng.random() < 0.3:
            return writer.quoted(text, self.rng.choice("'\""))
        return writer.flow(text)

    def remark(self) -> str:
        if not self.comments or self.rng.random() < 0.8:
            return ""
        self.count += 1
        return f"{' ' * self.rng.randint(1, 3)}# {self.count} beside"
