"""Who a client signs as: sessions that are another one but for their credentials, and clients of many accounts.

A client takes as much CPU to make as two or three calls, so what an account asks once is asked by a client that all
accounts of a run have together, and that signs each call by the credentials of whoever makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any


@cache
def acting() -> Any:
    """The class of sessions that are another one but for their credentials: a new one takes as long as a client."""
    from botocore.session import Session

    class Acting(Session):  # type: ignore[misc]
        def __init__(self, parent: Any, credentials: Any) -> None:
            self.__dict__.update(parent.__dict__)
            self.__given = credentials

        def get_credentials(self) -> Any:
            return self.__given

    return Acting


@cache
def _whoever() -> Any:
    from botocore.credentials import Credentials
    from botocore.exceptions import NoCredentialsError

    class Whoever(Credentials):  # type: ignore[misc]
        def __init__(self, now: ContextVar[Any]) -> None:
            super().__init__("", "")
            self.__now = now

        def get_frozen_credentials(self) -> Any:
            held = self.__now.get()
            if held is None:
                raise NoCredentialsError()
            return held.get_frozen_credentials()

    return Whoever


class Whoever:
    """Whoever the call under way is made for; `credentials` are theirs, as botocore signs with them.

    botocore signs in the thread of the call, and again for each repetition. A role's credentials that have to be
    fetched meanwhile are fetched by a call within the call, for whoever may assume it.
    """

    __slots__ = ("_now", "credentials")

    def __init__(self) -> None:
        self._now: ContextVar[Any] = ContextVar("whoever", default=None)
        self.credentials = _whoever()(self._now)

    def call(self, credentials: Any, method: Callable[..., Any], **params: Any) -> Any:
        """A method of the client, for the owner of these credentials."""
        before = self._now.set(credentials)
        try:
            return method(**params)
        finally:
            self._now.reset(before)


class For:
    """A client of many accounts, as one of them uses it."""

    __slots__ = ("_client", "_credentials", "_whoever")

    def __init__(self, client: Any, whoever: Whoever, credentials: Any) -> None:
        self._client, self._whoever, self._credentials = client, whoever, credentials

    def __getattr__(self, name: str) -> Any:
        held = getattr(self._client, name)
        if name.startswith("_") or not callable(held):
            return held
        return lambda **params: self._whoever.call(self._credentials, held, **params)
