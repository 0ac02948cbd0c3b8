"""Commands that are made of their functions when they are asked for: only the one that runs pays for its options.

Making one means evaluating the annotation of every parameter; with all commands at once that is most of a start-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand


class Commands(typer.Typer):
    """A Typer application whose commands are `LateCommand`s."""

    def command(  # type: ignore[override]
        self, name: str | None = None, *, cls: type[TyperCommand] | None = None, **more: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As `Typer.command`."""
        register = super().command(name, cls=cls or LateCommand, **more)

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            def late() -> None:
                raise AssertionError("a command is made before it runs")

            late.__name__, late.__doc__ = function.__name__, function.__doc__
            late.__dict__["function"] = function  # typer hands it on to the command
            register(late)
            return function

        return add


class LateCommand(TyperCommand):
    """A command that takes its parameters and what it does from its function when it is first asked for them."""

    @property
    def params(self) -> Any:
        """The options and arguments."""
        if (function := self.callback.__dict__.pop("function", None)) is not None:
            alone = typer.Typer(add_completion=False)
            alone.command()(function)
            made = typer.main.get_command(alone)
            self._params, self.callback = made.params, made.callback
        return self._params

    @params.setter
    def params(self, value: Any) -> None:
        self._params = value
