"""Secrets Manager and the Parameter Store, as far as a delivery of secrets needs them.

moto has both in full, and takes seconds to import: too long for a command that delivers one key. A test
holds that the two answer alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from iamsync.sandbox.entities import now
from iamsync.sandbox.refusal import Answer, Refused

Json = dict[str, Any]
# One region of an account: secrets by name, with their versions by id; parameters by name, with their versions.
Region = dict[str, dict[str, Any]]

SERVICES: Final = frozenset({"secretsmanager", "ssm"})
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_TOKEN: Final = range(32, 65)


def answer(region: Region, where: str, action: str, body: bytes) -> Answer:
    """Answer one call; `where` is what ARNs hold between the service and the name: region and account."""
    call = _CALLS.get(action)
    if call is None:
        raise Refused("NotImplemented", f"The sandbox does not offer {action} of secrets and parameters.")
    result = call(region, where, json.loads(body or b"{}"))
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(result).encode()


def _secrets(region: Region) -> dict[str, Any]:
    return region.setdefault("secrets", {})


def _parameters(region: Region) -> dict[str, Any]:
    return region.setdefault("parameters", {})


def _secret(region: Region, given: Json) -> tuple[str, Json]:
    name = given["SecretId"].rpartition(":secret:")[2]
    if name not in _secrets(region):
        raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    return name, _secrets(region)[name]


def _create_secret(region: Region, where: str, given: Json) -> Json:
    name = given["Name"]
    if given.get("ClientRequestToken") in _secrets(region).get(name, {"versions": ()})["versions"]:
        return _put(region, where, name, given)  # the same call again
    if name in _secrets(region):
        raise Refused("ResourceExistsException", f"The operation failed because the secret {name} already exists.")
    _secrets(region)[name] = {"description": given.get("Description", ""), "versions": {}}
    return _put(region, where, name, given) if "SecretString" in given else _named(where, name)


def _put_secret_value(region: Region, where: str, given: Json) -> Json:
    name, _ = _secret(region, given)
    return _put(region, where, name, given)


def _put(region: Region, where: str, name: str, given: Json) -> Json:
    versions, token, text = _secrets(region)[name]["versions"], given["ClientRequestToken"], given["SecretString"]
    if len(token) not in _TOKEN:
        raise Refused("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
    if token in versions and versions[token]["text"] != text:
        raise Refused("ResourceExistsException", f"ClientRequestToken {token} is in use for another value.")
    if token not in versions:
        for held in versions.values():
            held["stages"] = [_PREVIOUS] if _CURRENT in held["stages"] else []
        versions[token] = {"text": text, "stages": [_CURRENT], "created": now().isoformat() + "Z"}
    return {**_named(where, name), "VersionId": token, "VersionStages": versions[token]["stages"]}


def _describe_secret(region: Region, where: str, given: Json) -> Json:
    name, held = _secret(region, given)
    stages = {version: one["stages"] for version, one in held["versions"].items() if one["stages"]}
    return {**_named(where, name), "Description": held["description"], "VersionIdsToStages": stages}


def _get_secret_value(region: Region, where: str, given: Json) -> Json:
    name, held = _secret(region, given)
    stage = given.get("VersionStage", _CURRENT)
    for version, one in held["versions"].items():
        if (given["VersionId"] == version) if "VersionId" in given else (stage in one["stages"]):
            told = {"VersionId": version, "SecretString": one["text"], "VersionStages": one["stages"]}
            return {**_named(where, name), **told}
    raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")


def _named(where: str, name: str) -> Json:
    return {"ARN": f"arn:aws:secretsmanager:{where}:secret:{name}-sandbx", "Name": name}


def _put_parameter(region: Region, where: str, given: Json) -> Json:
    versions = _parameters(region).setdefault(given["Name"], [])
    if versions and not given.get("Overwrite"):
        raise Refused("ParameterAlreadyExists", "The parameter already exists.")
    versions.append({"value": given["Value"], "type": given["Type"], "description": given.get("Description", "")})
    return {"Version": len(versions), "Tier": "Standard"}


def _describe_parameters(region: Region, where: str, given: Json) -> Json:
    names = [name for one in given.get("ParameterFilters") or () if one["Key"] == "Name" for name in one["Values"]]
    found = [
        {"Name": name, "Type": held[-1]["type"], "Description": held[-1]["description"], "Version": len(held)}
        for name, held in _parameters(region).items()
        if name in names or not names
    ]
    return {"Parameters": found}


def _get_parameter(region: Region, where: str, given: Json) -> Json:
    held = _parameters(region).get(given["Name"])
    if not held:
        raise Refused("ParameterNotFound", f"Parameter {given['Name']} not found.")
    last = held[-1]
    value = last["value"] if given.get("WithDecryption") else "(encrypted)"
    return {"Parameter": {"Name": given["Name"], "Type": last["type"], "Value": value, "Version": len(held)}}


_CALLS: Final[Mapping[str, Callable[[Region, str, Json], Json]]] = {
    "CreateSecret": _create_secret,
    "PutSecretValue": _put_secret_value,
    "DescribeSecret": _describe_secret,
    "GetSecretValue": _get_secret_value,
    "PutParameter": _put_parameter,
    "DescribeParameters": _describe_parameters,
    "GetParameter": _get_parameter,
}
