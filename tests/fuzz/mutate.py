"""Files made wrong in the ways of people, editors, transports and attackers: of one seed, the same again."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import yaml

from tests.manifest.sloppy import sloppy

Value = Any

# Bytes that parsers, terminals and other readers trip over.
BYTES: tuple[bytes, ...] = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n", b"\t", b"\x1b[31m", b"\x7f", b"\x85"),
    *(
        "\u202e".encode(),
        "\u2028".encode(),
        "\u0085".encode(),
        "\ufeff".encode(),
        "\u200b".encode(),
        "\U0010ffff".encode(),
    ),
    *(
        b'"',
        b"'",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"-",
        b"#",
        b"|",
        b">",
        b"&",
        b"*",
        b"!",
        b"%",
        b"@",
        b"`",
        b"\\",
    ),
    *(b"<<: *a\n", b"&a ", b"*a", b"!!python/object/apply:os.system ['x']", b"!!binary ", b"!!set", b"---\n", b"...\n"),
    *(b"%YAML 1.1\n", b"%TAG ! x\n", b"? ", b": ", b"- - - - ", b"\\ud800", b"\\u0000", b"\\x", b"NaN", b"Infinity"),
    *(b"1e999", b"-0", b"0x1F", b"0o17", b"1_000", b"null", b"true", b"~", b"9" * 400, b"9" * 5000, b"1e-400"),
    *(b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&lt;", b"<a>", b"</a>", b"]]>", b"<html><body>Please sign in</body></html>"),
    *(b"::error ::x\n", b"##[group]", b"${{ secrets.X }}", b"$(env.HOME)", b"$(var.x)", b"$(", b"{{x}}", b"${aws:x}"),
)
TEXTS: tuple[str, ...] = (
    *(
        "",
        " ",
        "\0",
        "\n",
        "*",
        "?",
        "a" * 300,
        "a" * 20_000,
        "*" * 200,
        "*a" * 100,
        "\ud800",
        "\u202eevil",
        "\x1b]0;x\x07",
    ),
    *("$(", "$(var.x)", "$(env.PATH)", "${aws:username}", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd"),
    *("https://169.254.169.254/", "s3://x/y/", "arn:", "arn:aws:iam::111122223333:role/x", "arn:aws:iam::aws:policy/x"),
    *("role/x", "user/*", "tag:a=b", "!*", "live/x", "aws/x", "label:", "2012-10-17", "9999-12-31T23:59:59-23:59"),
    *("0001-01-01T00:00:00+23:59", "0001-01-01", "1e999", "99999999999999999999", "-1", "1h", "99999999999h", "NaN"),
    *(
        "111122223333",
        "000000000000",
        "\u0661\u0662",
        "=cmd|' /C calc'!A0",
        "<script>",
        "`x`",
        "::error::x",
        "a\tb",
        "null",
    ),
)
NUMBERS: tuple[Any, ...] = (0, -1, 1, 2**31, 2**63, 10**30, 10**400, -(10**20), 0.5, -0.0, 1e308, True, False, None)


def mutated(seeds: list[bytes], rng: random.Random, form: str) -> bytes:
    """One input: some seed with one to four things wrong with it; `form` is json, yaml, xml or text."""
    data = rng.choice(seeds)
    turns = rng.choice((1, 1, 1, 2, 2, 4))
    if form in ("json", "yaml") and rng.random() < 0.55 and (value := parsed(data, form)) is not None:
        try:
            for _ in range(turns):
                value = rng.choice(STRUCTURE)(value, rng)
            return written(value, rng, form)
        except RecursionError:
            turns = 1  # wrapped too often for Python itself; the bytes are mutated instead
    for _ in range(turns):
        data = rng.choice(RAW)(data, rng, seeds)
    return data


def parsed(data: bytes, form: str) -> Value:
    """The seed as a value; None where it is none."""
    try:
        if form == "json":
            return json.loads(data)
        return yaml.load(data, yaml.BaseLoader)
    except (ValueError, yaml.YAMLError, RecursionError):
        return None


def written(value: Value, rng: random.Random, form: str) -> bytes:
    """The value as somebody may write it."""
    if form == "yaml" and isinstance(value, dict) and value and rng.random() < 0.4:
        try:
            return sloppy(value, rng).encode("utf-8", "surrogatepass")
        except (TypeError, ValueError, AttributeError, RecursionError):
            pass
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1, 2)))
    return text.encode("utf-8", "surrogatepass")


# -- Of bytes and tokens ---------------------------------------------------------------------------


def flip(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def insert(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    at = rng.choice((0, len(data), rng.randrange(len(data) + 1)))
    return data[:at] + rng.choice(BYTES) + data[at:]


def cut(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def drop(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.choice((1, 2, 10, 200)) :]


def repeat(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    start = rng.randrange(len(data) + 1)
    part = data[start : start + rng.choice((1, 5, 50))]
    return data[:start] + part * rng.choice((2, 2, 30, 200)) + data[start:]


def splice(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def lines(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """A line doubled, moved, indented otherwise."""
    held = data.split(b"\n")
    at = rng.randrange(len(held))
    line = held[at]
    turn = rng.randrange(5)
    if turn == 0:
        held.insert(at, line)
    elif turn == 1:
        held.insert(rng.randrange(len(held)), held.pop(at))
    elif turn == 2:
        held[at] = b" " * rng.randrange(1, 9) + line
    elif turn == 3:
        held[at] = line.lstrip()
    else:
        held[at] = b"\t" + line
    return b"\n".join(held)


def tokens(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """A word in the place of another."""
    words = data.split(b" ")
    at = rng.randrange(len(words))
    words[at] = rng.choice((rng.choice(words), rng.choice(TEXTS).encode("utf-8", "replace"), rng.choice(BYTES)))
    return b" ".join(words)


def ends(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"", b"\x85")))


def deep(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    opener, closer = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"- ", b""), (b"{a: ", b"}"), (b"<a>", b"</a>")))
    depth = rng.choice((50, 99, 101, 400, 3000, 60_000))
    at = rng.choice((0, rng.randrange(len(data) + 1)))
    return data[:at] + opener * depth + rng.choice((b"", b"1")) + closer * rng.choice((0, depth)) + data[at:]


def nothing(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    return rng.choice((b"", b" ", b"\n", b"null", b"[]", b"{}", b'""', b"0", b"x", b"\xef\xbb\xbf" + data, data[::-1]))


RAW: tuple[Callable[[bytes, random.Random, list[bytes]], bytes], ...] = (
    *(flip, flip, insert, insert, insert, cut, drop, repeat, splice, lines, lines, tokens, tokens, ends, deep, nothing),
)


# -- Of values -------------------------------------------------------------------------------------


def places(value: Value) -> list[tuple[Any, Any]]:
    """Every container with a key or index into it."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        held = todo.pop()
        steps = held.keys() if isinstance(held, dict) else range(len(held)) if isinstance(held, list) else ()
        for step in steps:
            found.append((held, step))
            if isinstance(held[step], (dict, list)):
                todo.append(held[step])
    return found


def strange(rng: random.Random) -> Value:
    return rng.choice(
        (
            rng.choice(TEXTS),
            rng.choice(TEXTS),
            rng.choice(NUMBERS),
            *([], {}, [None], [[]], {"": ""}, {"$file": rng.choice(TEXTS)}, [{}], {"a": {"b": []}}),
            [rng.choice(TEXTS)] * rng.choice((1, 3)),
            {rng.choice(TEXTS): rng.choice(TEXTS)},
        )
    )


def at_a_place(value: Value, rng: random.Random, do: Callable[[Any, Any], None]) -> Value:
    value = copy.deepcopy(value)
    found = places(value)
    if not found:
        return strange(rng)
    do(*rng.choice(found))
    return value


def swap_type(value: Value, rng: random.Random) -> Value:
    return at_a_place(value, rng, lambda held, step: held.__setitem__(step, strange(rng)))


def wrap(value: Value, rng: random.Random) -> Value:
    def do(held: Any, step: Any) -> None:
        depth = rng.choice((1, 1, 2, 98, 99, 100, 300))
        for _ in range(depth):
            held[step] = [held[step]] if rng.random() < 0.7 else {"a": held[step]}

    return at_a_place(value, rng, do)


def unwrap(value: Value, rng: random.Random) -> Value:
    def do(held: Any, step: Any) -> None:
        inner = held[step]
        if isinstance(inner, dict) and inner:
            held[step] = rng.choice(list(inner.values()))
        elif isinstance(inner, list) and inner:
            held[step] = rng.choice(inner)
        else:
            held[step] = None

    return at_a_place(value, rng, do)


def remove(value: Value, rng: random.Random) -> Value:
    return at_a_place(value, rng, lambda held, step: held.pop(step))


def rename(value: Value, rng: random.Random) -> Value:
    def do(held: Any, step: Any) -> None:
        if isinstance(held, dict):
            held[rng.choice((rng.choice(TEXTS), f"{step}x", str(step).upper(), f" {step}"))] = held.pop(step)
        else:
            held.insert(step, held[step])

    return at_a_place(value, rng, do)


def transplant(value: Value, rng: random.Random) -> Value:
    value = copy.deepcopy(value)
    found = places(value)
    if len(found) < 2:
        return strange(rng)
    (held, step), (other, there) = rng.sample(found, 2)
    other[there] = copy.deepcopy(held[step])
    return value


def stretch(value: Value, rng: random.Random) -> Value:
    def do(held: Any, step: Any) -> None:
        inner, times = held[step], rng.choice((10, 200))
        if isinstance(inner, list) and inner:
            held[step] = inner * times
        elif isinstance(inner, dict) and inner:
            held[step] = {**inner, **{f"n{n}": next(iter(inner.values())) for n in range(times)}}
        elif isinstance(inner, str):
            held[step] = inner * times
        else:
            held[step] = rng.choice(NUMBERS)

    return at_a_place(value, rng, do)


def text(value: Value, rng: random.Random) -> Value:
    """A text that is nearly what it was."""

    def do(held: Any, step: Any) -> None:
        inner = str(held[step]) if not isinstance(held[step], (dict, list)) else ""
        at = rng.randrange(len(inner) + 1)
        held[step] = inner[:at] + rng.choice(TEXTS) + inner[at:]

    return at_a_place(value, rng, do)


def root(value: Value, rng: random.Random) -> Value:
    return rng.choice(([value], {"a": value}, strange(rng), strange(rng)))


STRUCTURE: tuple[Callable[[Value, random.Random], Value], ...] = (
    *(swap_type, swap_type, swap_type, wrap, unwrap, remove, remove, rename, rename, transplant, transplant, stretch),
    *(text, text, root),
)
