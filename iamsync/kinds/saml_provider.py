"""SAML providers: identity providers whose assertions roles may trust, each described by its metadata document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iamsync.kinds.fields import Attribute, Tags
from iamsync.kinds.kind import Context, Kind
from iamsync.kinds.metadata import Metadata
from iamsync.model import Call, Resource

NAME: Final = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class SamlProvider:
    """A SAML provider as manifests declare it."""

    metadata: Metadata
    tags: tuple[tuple[str, str], ...] = ()


def _key(provider: Resource, cx: Context) -> dict[str, str]:
    return {"SAMLProviderArn": cx.arn(provider.address, "/")}


def _create(provider: Resource, carried: Mapping[str, Any]) -> Call:
    return Call("CreateSAMLProvider", {"Name": provider.address.name, **carried})


def _describe(provider: Resource, cx: Context) -> Call:
    return Call("UpdateSAMLProvider", {**_key(provider, cx), "SAMLMetadataDocument": provider.spec.metadata.text})


SAML_PROVIDER = Kind(
    name="saml_provider",
    section="saml_providers",
    noun="SAMLProvider",
    spec=SamlProvider,
    max_name=128,
    about="An identity provider whose SAML assertions roles may trust.",
    key=_key,
    name_pattern=NAME,
    name_hint="names of SAML providers hold letters, digits and . _ -",
    required=("metadata",),
    bulk=False,
    creates=_create,
    fields=(
        Attribute(
            "metadata", "SAMLMetadataDocument", _describe, "The identity provider's metadata, or {$file: okta.xml}.",
            form="metadata",
        ),
        Tags("SAMLProvider", _key, folds=False),
    ),
)  # fmt: skip
