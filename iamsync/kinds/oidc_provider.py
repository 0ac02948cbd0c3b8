"""OIDC providers: issuers of web identity tokens that roles may trust. The name is the issuer's URL without `https://`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iamsync.kinds.fields import Attribute, Names, Tags
from iamsync.kinds.kind import Context, Kind
from iamsync.model import Call, Resource

# A host, perhaps a path: AWS takes no query, and the name becomes part of an ARN.
URL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*", re.ASCII)
CLIENT_ID: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
THUMBPRINT: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An OIDC provider as manifests declare it; `thumbprints` None is not compared: AWS finds them itself."""

    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] | None = None
    tags: tuple[tuple[str, str], ...] = ()


def _key(provider: Resource, cx: Context) -> dict[str, str]:
    return {"OpenIDConnectProviderArn": cx.arn(provider.address, "/")}


def _create(provider: Resource, carried: Mapping[str, Any]) -> Call:
    return Call("CreateOpenIDConnectProvider", {"Url": f"https://{provider.address.name}", **carried})


def _pin(provider: Resource, cx: Context) -> Call:
    params = {**_key(provider, cx), "ThumbprintList": list(provider.spec.thumbprints or ())}
    return Call("UpdateOpenIDConnectProviderThumbprint", params)


OIDC_PROVIDER = Kind(
    name="oidc_provider",
    section="oidc_providers",
    noun="OpenIDConnectProvider",
    spec=OidcProvider,
    max_name=247,  # of the URL's 255, without https://
    about="An issuer of web identity tokens that roles may trust; its name is its URL without https://.",
    key=_key,
    name_pattern=URL,
    name_hint="write the issuer's host and path, without https:// and without a query",
    bulk=False,
    creates=_create,
    fields=(
        Names(
            "client_ids", "ClientIDList", "AddClientIDToOpenIDConnectProvider",
            "RemoveClientIDFromOpenIDConnectProvider", "ClientID", _key, 100, "client_id",
            "Audiences (aud) whose tokens are taken.", pattern=CLIENT_ID,
        ),
        Attribute(
            "thumbprints", "ThumbprintList", _pin, "SHA-1 of the issuer's certificate authority; AWS finds it itself.",
            form="names", optional=True, pattern=THUMBPRINT, max_length=40, item="thumbprint", most=5,
        ),
        Tags("OpenIDConnectProvider", _key, folds=False),
    ),
)  # fmt: skip
