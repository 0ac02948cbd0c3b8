"""What users, groups and roles share: inline policies, attachments, boundaries, tags."""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.responses import IamResponse

from iamsync.sandbox import checks, views
from iamsync.sandbox.backend import Backend, Holder
from iamsync.sandbox.calls import Call
from iamsync.sandbox.entities import Tagged, tag_list
from iamsync.sandbox.refusal import Refused, over


def boundary_policy(iam: Backend, arn: str) -> str:
    """The ARN, if a policy that can be a boundary has it."""
    if iam.get_policy(arn).path.startswith("/aws-service-role/"):
        raise Refused("PolicyNotAttachable", f"Policy {arn} cannot be used as a permissions boundary.")
    return arn


class HolderCalls(Call, IamResponse):
    """The parts of IAM's calls that do not care whose policies and tags they handle."""

    def put_inline(self, kind: str, holder: Holder) -> ActionResult:
        """Put*Policy; `kind` is "User" and so on."""
        name, text = self.params["PolicyName"], self.params["PolicyDocument"]
        checks.identity_document(text)
        after = holder.policies | {name: text}
        checks.inline_size(kind, holder.name, after.values(), self.iam.quotas)
        holder.policies[name] = text
        return EmptyResult()

    def get_inline(self, kind: str, holder: Holder) -> ActionResult:
        """Get*Policy."""
        text = self._inline(kind, holder)
        return ActionResult(
            {
                f"{kind}Name": holder.name,
                "PolicyName": self.params["PolicyName"],
                "PolicyDocument": views.encoded(text),
            }
        )

    def delete_inline(self, kind: str, holder: Holder) -> ActionResult:
        """Delete*Policy."""
        self._inline(kind, holder)
        del holder.policies[self.params["PolicyName"]]
        return EmptyResult()

    def attach(self, kind: str, holder: Holder) -> ActionResult:
        """Attach*Policy: twice is once."""
        policy = self.iam.get_policy(self.params["PolicyArn"])
        if policy.path.startswith("/aws-service-role/"):
            raise Refused("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
        quota = self.iam.quotas[f"AttachedPoliciesPer{kind}Quota"]
        if policy.arn not in holder.managed_policies:
            if len(holder.managed_policies) >= quota:
                raise over(f"PoliciesPer{kind}", quota)
            holder.managed_policies[policy.arn] = policy
        return EmptyResult()

    def detach(self, holder: Holder) -> ActionResult:
        """Detach*Policy."""
        arn = self.params["PolicyArn"]
        if arn not in holder.managed_policies:
            raise Refused("NoSuchEntity", f"Policy {arn} was not found.")
        del holder.managed_policies[arn]
        return EmptyResult()

    def list_attached(self, holder: Holder) -> ActionResult:
        """ListAttached*Policies."""
        prefix = self.params.get("PathPrefix", "/")
        shown = [
            view
            for view in views.attached(holder)
            if holder.managed_policies[view["PolicyArn"]].path.startswith(prefix)
        ]
        return ActionResult({"AttachedPolicies": shown})

    def new_tags(self, *, fold: bool) -> dict[str, str]:
        """The tags of a create call."""
        quota = self.iam.quotas["TagsPerResourceQuota"]
        return checks.with_tags({}, self.params.get("Tags", []), quota, fold=fold)

    def tag(self, each: Tagged, *, fold: bool = False) -> ActionResult:
        """Tag*: the keys of users and roles differ in more than case."""
        quota = self.iam.quotas["TagsPerResourceQuota"]
        each.tag_map = checks.with_tags(each.tag_map, self.params["Tags"], quota, fold=fold)
        return EmptyResult()

    def untag(self, each: Tagged, *, fold: bool = False) -> ActionResult:
        """Untag*."""
        each.tag_map = checks.without_tags(each.tag_map, self.params["TagKeys"], fold=fold)
        return EmptyResult()

    def list_tags(self, each: Tagged) -> ActionResult:
        """List*Tags."""
        return ActionResult({"Tags": tag_list(each.tag_map)})

    def _inline(self, kind: str, holder: Holder) -> str:
        name = self.params["PolicyName"]
        text = holder.policies.get(name)
        if text is None:
            raise Refused("NoSuchEntity", f"The {kind.lower()} policy with name {name} cannot be found.")
        return text
