"""The fleet in Terraform: a configuration, the state after its apply, and terraform itself where it is installed.

The state is written, not applied: an apply of a thousand roles takes longer than all else here. That it is what an
apply leaves is shown where both are run (`run.py`): the same calls by operation and no change either way.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import ACCOUNT, MADE, Fleet, arn, identity, policy_arn
from benchmarks.spending import surroundings

PLUGINS: Final = "TF_PLUGIN_DIR"
MADE_BY: Final = "1.5.0"  # whose form of a state this is; any later terraform reads it
PROVIDER: Final = "registry.terraform.io/hashicorp/aws"
_PRIVATE: Final = "bnVsbA=="  # `null`: nothing that the provider keeps for itself

Attributes = dict[str, Any]


class Absent(Exception):
    """Terraform or its AWS provider cannot be had here; the message says why."""


def prepare(folder: Path, endpoint: str, fleet: Fleet, *, applied: bool) -> dict[str, str]:
    """A folder that terraform can plan in, with the fleet as applied or nothing yet; the environment to run it in.

    The provider is looked for in the folder that TF_PLUGIN_DIR names (as a filesystem mirror is laid out), or where
    the command's own configuration says. Absent where it is not found.
    """
    if shutil.which("terraform") is None:
        raise Absent("terraform is not installed")
    plugins = os.environ.get(PLUGINS)
    folder.mkdir(parents=True, exist_ok=True)
    configured = os.environ.get("TF_CLI_CONFIG_FILE", str(Path.home() / ".terraformrc"))
    own = {"TF_CLI_CONFIG_FILE": configured} if Path(configured).exists() and not plugins else {}
    environment = surroundings(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", **own)
    if not (plugins or own or (Path.home() / ".terraform.d" / "plugins").exists()):
        raise Absent(f"no AWS provider: set {PLUGINS} to a folder that has it (a filesystem mirror)")
    (folder / "main.tf.json").write_text(json.dumps(configuration(fleet, endpoint), indent=1), encoding="utf-8")
    if applied:
        (folder / "terraform.tfstate").write_text(json.dumps(state(fleet), indent=1), encoding="utf-8")
    command = ["terraform", "init", "-input=false", "-no-color", *([f"-plugin-dir={plugins}"] if plugins else ())]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise Absent(f"terraform init: {(done.stderr or done.stdout).strip()[-300:]}")
    return environment


def versions(folder: Path) -> dict[str, str]:
    """Which terraform and which provider are in use in a folder that was prepared."""
    command = ["terraform", "version", "-json"]
    done = subprocess.run(
        command, cwd=folder, env=surroundings(CHECKPOINT_DISABLE="1"), capture_output=True, check=True
    )
    told = json.loads(done.stdout)
    return {"terraform": told["terraform_version"], "provider": told["provider_selections"].get(PROVIDER, "")}


def configuration(fleet: Fleet, endpoint: str) -> dict[str, Any]:
    """The fleet in Terraform's JSON syntax, each thing a resource of its own, as its documentation has it."""
    provider = {
        "region": "us-east-1",
        "access_key": ACCOUNT,
        "secret_key": "sandbox",
        "skip_metadata_api_check": True,
        "skip_region_validation": True,
        "endpoints": [{"iam": endpoint, "sts": endpoint}],
    }
    held: dict[str, dict[str, Attributes]] = {}
    for kind, name, wanted, _ in _resources(fleet):
        held.setdefault(kind, {})[name] = wanted
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {"aws": provider},
        "resource": held,
    }


def state(fleet: Fleet) -> dict[str, Any]:
    """What terraform.tfstate says after the configuration was applied."""
    resources = [
        {
            "mode": "managed",
            "type": kind,
            "name": name,
            "provider": f'provider["{PROVIDER}"]',
            "instances": [{"schema_version": 0, "attributes": known, "sensitive_attributes": [], "private": _PRIVATE}],
        }
        for kind, name, _, known in _resources(fleet)
    ]
    lineage = "00000000-0000-4000-8000-000000000000"
    return {"version": 4, "terraform_version": MADE_BY, "serial": 1, "lineage": lineage, "outputs": {},
            "resources": resources, "check_results": None}  # fmt: skip


def _resources(fleet: Fleet) -> Iterator[tuple[str, str, Attributes, Attributes]]:
    """Each resource: type, name, what the configuration says of it, what the state knows of it."""
    held = fleet.sections
    for name, each in held["policies"].items():
        yield _policy(name, each)
    for name, each in held["groups"].items():
        yield "aws_iam_group", name, {"name": name}, _known("group", "AGPA", name, "/") | {"name": name}
        yield from _attachments("group", name, each)
    for name, each in held["users"].items():
        yield _user(name, each)
        groups = [f"${{aws_iam_group.{group}.name}}" for group in each["groups"]]
        member = {"user": name, "groups": each["groups"], "id": f"terraform-{name}"}
        yield (
            "aws_iam_user_group_membership",
            name,
            {"user": f"${{aws_iam_user.{name}.name}}", "groups": groups},
            member,
        )
    for name, each in held["roles"].items():
        yield _role(name, each)
        yield from _attachments("role", name, each)
        for label, document in each.get("inline_policies", {}).items():
            said = {"name": label, "policy": _text(document)}
            own = {"role": name, "id": f"{name}:{label}", "name_prefix": ""}
            wanted = {"role": f"${{aws_iam_role.{name}.name}}"}
            yield "aws_iam_role_policy", f"{name}-{label}", said | wanted, said | own
    for name, each in held["instance_profiles"].items():
        said = {"name": name, "path": each["path"], "tags": each["tags"]}
        wanted = {"role": f"${{aws_iam_role.{each['role']}.name}}"}
        known = _known("instance-profile", "AIPA", name, each["path"])
        known |= {"role": each["role"], "create_date": MADE, "name_prefix": "", "tags_all": each["tags"]}
        yield "aws_iam_instance_profile", name, said | wanted, known | said


def _policy(name: str, each: Mapping[str, Any]) -> tuple[str, str, Attributes, Attributes]:
    said = {"name": name, "policy": _text(each["document"]), "tags": each["tags"]}
    own = arn("policy", name)
    known = {"arn": own, "id": own, "policy_id": identity("ANPA", name), "path": "/", "tags_all": each["tags"]}
    known |= {"description": "", "name_prefix": "", "attachment_count": 0}
    return "aws_iam_policy", name, said, known | said


def _user(name: str, each: Mapping[str, Any]) -> tuple[str, str, Attributes, Attributes]:
    said = {"name": name, "path": each["path"], "tags": each["tags"]}
    known = _known("user", "AIDA", name, each["path"]) | {"tags_all": each["tags"], "force_destroy": False}
    return (
        "aws_iam_user",
        name,
        said | _bound(each, "${%s}"),
        known | said | (_bound(each, "") or {"permissions_boundary": ""}),
    )


def _role(name: str, each: Mapping[str, Any]) -> tuple[str, str, Attributes, Attributes]:
    said = {
        "name": name,
        "path": each["path"],
        "description": each["description"],
        "assume_role_policy": _text(each["trust_policy"]),
        "max_session_duration": each.get("max_session_duration", 3600),
        "tags": each["tags"],
    }
    known = _known("role", "AROA", name, each["path"]) | {"tags_all": each["tags"], "create_date": MADE}
    known |= {"force_detach_policies": False, "inline_policy": [], "name_prefix": "", "id": name}
    known |= {"managed_policy_arns": [], "permissions_boundary": ""}
    return "aws_iam_role", name, said | _bound(each, "${%s}"), known | said | _bound(each, "")


def _attachments(kind: str, name: str, each: Mapping[str, Any]) -> Iterator[tuple[str, str, Attributes, Attributes]]:
    for policy in each["managed_policies"]:
        own = policy_arn(policy)
        wanted = own if policy.startswith("aws/") else f"${{aws_iam_policy.{policy}.arn}}"
        label = f"{name}-{policy.replace('/', '-')}"
        said = {kind: f"${{aws_iam_{kind}.{name}.name}}", "policy_arn": wanted}
        known = {kind: name, "policy_arn": own, "id": f"{name}-terraform"}
        yield f"aws_iam_{kind}_policy_attachment", label, said, known


def _known(kind: str, prefix: str, name: str, path: str) -> Attributes:
    return {"arn": arn(kind, name, path), "id": name, "unique_id": identity(prefix, name), "path": path}


def _bound(each: Mapping[str, Any], reference: str) -> Attributes:
    policy = each.get("permissions_boundary")
    if policy is None:
        return {}
    own = reference % f"aws_iam_policy.{policy}.arn" if reference else policy_arn(policy)
    return {"permissions_boundary": own}


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
