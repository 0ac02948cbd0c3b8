"""A page as one HTML file that works offline: its styles and its script are in it, and nothing else can run or load.

Every text goes through `safe` and through Jinja's escaping; no text becomes the name of anything. The policy in the
file's head names its style and its script by their hashes, so that whatever got in all the same would not run.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib.resources import files
from typing import Any, Final

from iamsync.render.inert import json_text, safe
from iamsync.render.page import Page

_POLICY: Final = (
    "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)


def page_html(page: Page, picture: Any = None) -> str:
    """The page, with the picture (`render.graph.Picture`) of who may become whom where there is one."""
    from markupsafe import Markup

    style, script = _text("report.css"), _text("report.js")
    policy = _POLICY.format(style=_digest(style), script=_digest(script))
    data = json_text(picture.data if picture is not None else None, indent=None)
    # Inside a script element only `</script` and `<!--` mean anything; as \u003c they are the same JSON.
    quoted = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return str(
        _template().render(
            page=page,
            picture=picture,
            policy=policy,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            data=Markup(quoted),  # noqa: S704 - quoted above
        )
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@functools.cache
def _text(name: str) -> str:
    return files("iamsync.render").joinpath("templates", name).read_text(encoding="utf-8")


@functools.cache
def _template() -> Any:
    from jinja2 import DictLoader, Environment, StrictUndefined

    names = ("report.html", "parts.html")
    environment = Environment(
        loader=DictLoader({name: _text(name) for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def _inert(value: Any) -> Any:
    """What a template puts out: markup of the templates as it is, everything else made harmless."""
    return value if hasattr(value, "__html__") else safe(value)
