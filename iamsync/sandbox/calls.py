"""What every IAM and STS call shares: the account it goes to, the checks before it, the pages after it."""

from __future__ import annotations

import re
from typing import Any, Final

from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

from iamsync.sandbox import shapes
from iamsync.sandbox.backend import Accounts, Backend
from iamsync.sandbox.refusal import Refused

_SCOPE: Final = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_PAGE: Final = 100


def scope(authorization: str) -> tuple[str, str, str]:
    """Access key id, region and service of a signature's scope; empty words where there is no signature."""
    match = _SCOPE.search(authorization)
    return (match[1], match[2], match[3]) if match else ("", "", "")


class Call(BaseResponse):
    """One request; made anew for each."""

    accounts: Accounts
    current_account: str
    partition: str
    params: dict[str, Any]

    def get_access_key(self) -> str:
        """The key id that signed the request; moto knows only those of 20 characters."""
        return scope(self.headers.get("Authorization", ""))[0]

    def get_current_account(self) -> str:
        """The account of that key."""
        return self.accounts.of_key(self.get_access_key())

    def get_region_from_url(self, request: Any, full_url: str) -> str:
        """The signed region, which tells the partition; moto misreads GovCloud's host name."""
        region = scope(request.headers.get("Authorization", ""))[1]
        return region or super().get_region_from_url(request, full_url)

    def parse_parameters(self, request: Any) -> None:
        """Read the parameters and refuse what the service model refuses."""
        action = self._get_action()
        model = get_service_model(self.boto3_service_name)
        if action not in model.operation_names or not hasattr(self, camelcase_to_underscores(action)):
            raise Refused("NotImplemented", f"The sandbox does not offer {self.service_name}:{action}.")
        super().parse_parameters(request)
        shape = model.operation_model(action).input_shape
        if shape is not None:
            shapes.check(self.params, shape)

    def call_action(self) -> TYPE_RESPONSE:
        """Make the call; moto's own way searches the whole class for its method each time."""
        try:
            result = getattr(self, camelcase_to_underscores(self._get_action()))()
        except ServiceException as refused:
            result = ActionResult(refused)
        status, headers, body = self.serialized(result)
        headers, body = self._enrich_response(headers, body)
        return status, headers, body

    def serialized(self, action_result: ActionResult) -> TYPE_RESPONSE:
        """The answer on the wire; what can be paged is paged here, so calls answer in full."""
        result = action_result.result
        if isinstance(result, dict) and not isinstance(result, ServiceException):
            shape = get_service_model(self.boto3_service_name).operation_model(self._get_action()).output_shape
            if shape is not None and {"Marker", "IsTruncated"} <= shape.members.keys():
                lists = [name for name, member in shape.members.items() if member.type_name == "list"]
                action_result = ActionResult(_page(result, lists, self.params))
        return super().serialized(action_result)

    @property
    def iam(self) -> Backend:
        """The IAM of the caller's account."""
        return self.accounts[self.current_account][self.partition]


def _page(result: dict[str, Any], names: list[str], params: dict[str, Any]) -> dict[str, Any]:
    marker = params.get("Marker", "0")
    if not marker.isdecimal():
        raise Refused("ValidationError", f"Invalid Marker: {marker}")
    start = int(marker)
    end = start + int(params.get("MaxItems", _PAGE))
    page, seen = dict(result), 0
    for name in names:
        # One count runs over all the lists of an answer, as in GetAccountAuthorizationDetails.
        items = list(result.get(name) or ())
        page[name] = items[max(0, start - seen) : max(0, end - seen)]
        seen += len(items)
    page["IsTruncated"] = seen > end
    page["Marker"] = str(end) if seen > end else None
    return page
