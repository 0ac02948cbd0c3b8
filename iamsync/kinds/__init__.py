"""Every kind iamsync manages: one module and one line each."""

from __future__ import annotations

from typing import Final

from iamsync.kinds.account import ACCOUNT
from iamsync.kinds.group import GROUP
from iamsync.kinds.instance_profile import INSTANCE_PROFILE
from iamsync.kinds.kind import Kind
from iamsync.kinds.oidc_provider import OIDC_PROVIDER
from iamsync.kinds.policy import POLICY
from iamsync.kinds.role import ROLE
from iamsync.kinds.saml_provider import SAML_PROVIDER
from iamsync.kinds.user import USER

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind for kind in (USER, GROUP, ROLE, POLICY, INSTANCE_PROFILE, OIDC_PROVIDER, SAML_PROVIDER, ACCOUNT)
}
FURTHER: Final = frozenset(kind.name for kind in KINDS.values() if not kind.bulk)
SECTIONS: Final[dict[str, Kind]] = {kind.section: kind for kind in KINDS.values()}
