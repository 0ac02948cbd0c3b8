"""The commands of `iamsync` by name, each with the line that `--help` has for it and the module it is in.

A module is imported when one of its commands is asked for: most of a start-up would else be modules of other commands.
"""

from __future__ import annotations

from copy import copy
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from iamsync.cli.commands import Commands

# In the order of `--help`; a module is one of `iamsync.cli`, and its `add` puts its commands on an application.
COMMANDS: Final = {
    "init": ("starting", "Write a starter project, with a pipeline if wanted."),
    "validate": ("check", "Check all that can be known offline, permission tests too."),
    "fmt": ("formatting", "Lay out manifests canonically; comments survive."),
    "plan": ("planning", "Show what would change, in order, and change nothing."),
    "show": ("planning", "Show a saved plan, or a state as Terraform."),
    "apply": ("applying", "Plan, ask and apply; or apply a saved or approved plan."),
    "drift": ("drifting", "Show what the account has otherwise than the manifests."),
    "audit": ("auditing", "Find what is unsafe, unused, or a way to administrator."),
    "adopt": ("adopting", "Write what was changed by hand into the manifests."),
    "import": ("states", "Write an account's, or another tool's, state as manifests."),
    "snapshot": ("states", "Save the whole live state as one JSON file."),
    "diff": ("states", "Compare any two states; exits 2 where they differ."),
    "test": ("permissions", "Run the permission tests of the manifests."),
    "simulate": ("permissions", "Decide a request, and say which statements decided."),
    "who-can": ("permissions", "List who may do something, on what and through what."),
    "what-can": ("permissions", "List what a principal may do, and through what."),
    "graph": ("permissions", "Draw who is in which group and who may assume which role."),
    "refresh": ("permissions", "Keep the documents of AWS's policies in use."),
    "required-policy": ("needed", "Print the least IAM policy that iamsync needs."),
    "schema": ("info", "Print a JSON Schema (draft-07), for editors and checks."),
    "explain": ("info", "Tell what a finding, guard or error is about."),
    "version": ("info", "Print versions: of iamsync, file formats and libraries."),
    "keys": ("keys", "Access keys and passwords, by their rules."),
    "respond": ("respond", "Incident response: end sessions, shut a user out."),
    "runs": ("local", "The record of past applies."),
    "sandbox": ("local", "The embedded IAM: try everything."),
    "lock": ("locking", "The team lock on S3."),
    "accounts": ("accounts", "The accounts of the project, and ways into them."),
}


class Root(TyperGroup):
    """The group of all commands: `commands` are their names and lines, and the one that runs is made of its module."""

    def __init__(self, **given: Any) -> None:
        lines = {name: TyperCommand(name, short_help=line) for name, (_, line) in COMMANDS.items()}
        super().__init__(**{**given, "commands": lines})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The name, the command as it runs and the words after it."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and _family(COMMANDS[str(name)][0])[str(name)], rest


@lru_cache(maxsize=1)
def command_tree() -> Any:
    """The whole command line, of which nothing is made yet."""
    app = Commands(
        name="iamsync",
        cls=Root,
        help="Keep the IAM of AWS accounts equal to YAML manifests in git.",
        epilog="Begin with: iamsync init acme-iam --sandbox. `iamsync COMMAND --help` tells of a command.",
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_nothing)  # what makes it a group while it holds no command
    return typer.main.get_command(app)


def whole_tree() -> Any:
    """The same with each command of its first level as it runs, for what is written and tested of them all."""
    tree = copy(command_tree())
    tree.commands = {name: _family(module)[name] for name, (module, _) in COMMANDS.items()}
    return tree


def _nothing() -> None:
    pass


@cache
def _family(module: str) -> dict[str, Any]:
    """The commands of a module by name; the parameters of each are made when they are asked for."""
    family = Commands(rich_markup_mode=None)
    import_module(f"iamsync.cli.{module}").add(family)
    return dict(typer.main.get_group(family).commands)
