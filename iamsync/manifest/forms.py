"""Fields of the rarer forms: lists of texts, SAML metadata, the password policy of an account.

Each reader answers None where the value is wrong; what is wrong has been collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from iamsync.kinds.account import BOUNDS, RULES, PasswordPolicy
from iamsync.kinds.kind import Field, Kind
from iamsync.kinds.metadata import SIZE, Metadata, canonical
from iamsync.manifest import limits, values
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.problems import a, is_null

if TYPE_CHECKING:
    from iamsync.manifest.fields import Reading

_ONLY, _EXPIRES = "only_accounts", "expires"


def names(shape: Field, node: Node, reading: Reading) -> tuple[str, ...] | None:
    """A list of texts, sorted, each short or in its long form with `only_accounts`."""
    problems = reading.problems
    if not isinstance(node, Listing):
        values.listing(node, shape.name, problems)
        return None
    found: dict[str, Node] = {}
    before = len(problems)
    word = str(getattr(shape, "item", "name"))
    for text, at, ends in items(shape, word, "text", node, reading):
        # Thumbprints are hexadecimal: AWS shows them in small letters.
        text = text.lower() if shape.name == "thumbprints" else text
        if wrong := limits.bad_text(text, shape):
            problems.add("bad-text", wrong, at, "40 hexadecimal digits" if shape.name == "thumbprints" else "")
        elif text in found:
            problems.add("duplicate-item", f'"{text}" stands twice in {shape.name}', at, "remove one of the two")
        if text not in found:
            reading.end(ends, shape.name, text)
        found[text] = at
    most: int = getattr(shape, "most", 0)
    if most and len(found) > most:
        problems.add("over-quota", f"{len(found)} {shape.name}; AWS takes {most}", node)
    if not found and getattr(shape, "optional", False) and len(problems) == before:
        problems.add("missing-field", f"{shape.name} is empty", node, f"leave {shape.name} out, and AWS finds them")
    return tuple(sorted(found)) if len(problems) == before else None


def items(
    shape: Field, word: str, what: str, node: Listing, reading: Reading
) -> Iterator[tuple[str, Scalar, Node | None]]:
    """The items of a list that hold for this account, short and long forms alike, and when each ends.

    `word` is the key of the long form that holds the item, `what` what an item is: a name or a text.
    """
    problems = reading.problems
    for item in node:
        held: Node | None = item
        ends = None
        if isinstance(item, Table):
            values.known_keys(item, (word, _EXPIRES, _ONLY), f"the long form of an item of {shape.name}", problems)
            held = item.get(word)
            if held is None:
                hint = f"write {{{word}: {what.upper()}, {_ONLY}: [...]}}"
                says = "names" if what == "name" else "has"
                problems.add("missing-field", f"this item {says} no {word}", item, hint)
                continue
            if not reading.applies(item.get(_ONLY)):
                continue
            ends = item.get(_EXPIRES)
        if isinstance(held, Scalar) and not is_null(held):
            yield held.text, held, ends
        else:
            problems.add("wrong-type", f"an item of {shape.name} is a {what}, not {a(held or item)}", held or item)


def metadata(kind: Kind, shape: Field, node: Node, reading: Reading) -> Metadata | None:
    """A SAML metadata document, written as a text or as `{$file: okta.xml}`."""
    problems = reading.problems
    text = reading.documents.text(node, f"{shape.name} of a {kind.name}", problems)
    if text is None:
        return None
    size, (least, most) = len(text.encode()), SIZE
    if not least <= size <= most:
        message = f"this metadata has {size:,} bytes; AWS takes {least:,} to {most:,}"
        problems.add("out-of-range", message, node, "export it from the identity provider again")
        return None
    try:
        canonical(text)
    except ValueError as error:
        problems.add("bad-metadata", str(error), node, "export it from the identity provider again")
        return None
    return Metadata.of(text)


def settings(shape: Field, node: Node, reading: Reading) -> PasswordPolicy | None:
    """The password policy; a rule left out, or null, is AWS's default."""
    problems = reading.problems
    table = values.table(node, shape.name, problems)
    if table is None:
        return None
    before = len(problems)
    values.known_keys(table, RULES, "a password policy", problems)
    given: dict[str, Any] = {}
    for key, held in table:
        if key.text not in RULES or is_null(held):
            continue
        if key.text in BOUNDS:
            if not isinstance(held, Scalar) or not isinstance(held.value, int) or isinstance(held.value, bool):
                problems.add("wrong-type", f"{key.text} is a whole number, not {a(held)}", held)
            elif wrong := limits.bad_rule(key.text, held.value):
                problems.add("out-of-range", wrong[0], held, wrong[1])
            else:
                given[key.text] = held.value
        elif isinstance(held, Scalar) and isinstance(held.value, bool):
            given[key.text] = held.value
        else:
            problems.add("wrong-type", f"{key.text} is true or false, not {a(held)}", held)
    return PasswordPolicy(**given) if len(problems) == before else None
