"""The operator's guardrails: where they are read from, and where they let a project send something."""

from __future__ import annotations

from pathlib import Path

from iamsync.delivery import USUAL, allowed
from iamsync.engine.git import file_at
from iamsync.engine.options import Options
from iamsync.errors import InputError, Place, raise_all
from iamsync.guardrails import Guardrails
from iamsync.manifest.config import FILE, Config
from iamsync.manifest.documents import file_name, inside
from iamsync.manifest.rails import read_guardrails
from iamsync.manifest.source import parse, read
from iamsync.model import State
from iamsync.selector import glob_matches


def guardrails(options: Options, cwd: Path, root: Path) -> Guardrails:
    """The operator's guardrails; InputError(s) where the file is missing or wrong."""
    text = options.guardrails
    if text.startswith("git:"):
        revision, colon, path = text.removeprefix("git:").partition(":")
        if not colon or not path:
            raise InputError(
                f"--guardrails {text!r} names no file",
                code="bad-option",
                hint="write git:REV:PATH, or the path of a file",
            )
        return read_guardrails(parse(file_at(root, revision, path), text), text)
    path_of = cwd / text
    name = file_name(path_of.absolute(), root)
    if inside(path_of, root):
        options.warn(f"guardrails {name} lie in the project they guard: whoever changes manifests can change them")
    return read_guardrails(read(path_of, name), name)


def check_sent(rails: Guardrails, config: Config) -> None:
    """InputErrors where the project file has iamsync write or tell somewhere that the guardrails do not allow."""
    errors = []
    for name, place in config.places:
        if rails.send_to is not None and not any(glob_matches(glob, place) for glob in rails.send_to):
            message = f"{name} leads to {place}, which {rails.source} does not allow"
            hint = f"allowed are {', '.join(rails.send_to) or 'none'} (send_to)"
            errors.append(InputError(message, code="target-not-allowed", place=Place(FILE), hint=hint))
    raise_all(errors)


def check_delivered(rails: Guardrails | None, state: State) -> None:
    """InputErrors for each place that a secret may not be delivered to by a manifest's word."""
    patterns: tuple[str, ...] = USUAL
    source = "no guardrails allow"
    if rails is not None and rails.deliver_to is not None:
        patterns, source = rails.deliver_to, f"{rails.source} does not allow"
    errors = []
    for resource in state:
        wishes = resource.credentials
        for wish, at in ((wishes.keys, wishes.keys_at), (wishes.console, wishes.console_at)) if wishes else ():
            target = wish.deliver_to if wish is not None else None
            if target is None or allowed(target, patterns):
                continue
            message = f'{resource.address} is to get a secret at "{target}", which {source}'
            hint = f"targets are {', '.join(patterns) or 'none'}; an operator may name another with --deliver-to"
            errors.append(InputError(message, code="target-not-allowed", place=at, hint=hint))
    raise_all(errors)
