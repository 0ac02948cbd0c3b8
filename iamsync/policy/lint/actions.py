"""Rules about actions: what AWS does not have, what does not go with the resources, roles handed to services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from iamsync.policy.catalog import Action
from iamsync.policy.lint import facts
from iamsync.policy.lint.reading import GRANTS, PERMISSIONS, About, Found, Rule, Statement
from iamsync.policy.lint.statements import covers
from iamsync.policy.match import names_actions

_PASSING: Final = "iam:passrole"
_EVERY_ROLE: Final = (":role/*", ":*")
# Actions that are refused without another permission of the same caller, which is seldom thought of.
_TAKES: Final = {
    action.lower(): (action, "iam:PassRole")
    for action in (
        *("apprunner:CreateService", "autoscaling:CreateLaunchConfiguration", "bedrock:CreateAgent"),
        *("codebuild:CreateProject", "codepipeline:CreatePipeline", "ec2:AssociateIamInstanceProfile"),
        *("ecs:RunTask", "elasticmapreduce:RunJobFlow", "firehose:CreateDeliveryStream", "glue:CreateJob"),
        *("iam:AddRoleToInstanceProfile", "kinesisanalytics:CreateApplication", "lambda:CreateFunction"),
        *("pipes:CreatePipe", "sagemaker:CreateNotebookInstance", "sagemaker:CreateTrainingJob"),
        *("scheduler:CreateSchedule", "states:CreateStateMachine", "glue:CreateCrawler", "eks:CreateCluster"),
    )
}


def unknown_service(statement: Statement, about: About) -> Iterator[Found]:
    for position, text in enumerate(statement.actions):
        if not names_actions(text):
            remedy = "write SERVICE:NAME; IAM itself refuses it, and it covers nothing"
            yield Found(statement.action_at(position), f"{text} names no service before a colon", remedy)
        if facts.unknown_prefix(about.catalog, text):
            near = facts.close(about.catalog, text)
            remedy = f"did you mean {near}?" if near else "a service newer than the action catalogue is fine"
            message = f"no service has the prefix {text.partition(':')[0]!r}"
            yield Found(statement.action_at(position), message, remedy)


def unknown_action(statement: Statement, about: About) -> Iterator[Found]:
    for position, text in enumerate(statement.actions):
        if facts.unknown(about.catalog, text):
            near = facts.close(about.catalog, text)
            what = "matches no action" if "*" in text or "?" in text else "is no action"
            remedy = f"did you mean {near}?" if near else "an action newer than the action catalogue is fine"
            yield Found(statement.action_at(position), f"{text} {what} of {text.partition(':')[0]}", remedy)


def action_without_resource(statement: Statement, about: About) -> Iterator[Found]:
    known = _fits(statement, about)
    used = any(fitting for _, fitting, _ in known)
    for position, fitting, action in known:
        if fitting:
            continue
        if not action.resources:
            message = f"{action} acts on no resource in particular: only Resource * matches it"
            remedy = 'give it a statement of its own with Resource: "*"'
            yield Found(statement.action_at(position), message, remedy)
        elif used:
            message = f"{action} acts on {facts.listed(facts.kinds(action))}; none of these resources is one"
            remedy = f"add {facts.template(about.catalog, action, about.partition)}"
            yield Found(statement.action_at(position), message, remedy)


def resource_without_action(statement: Statement, about: About) -> Iterator[Found]:
    known = _fits(statement, about)
    typed = [action for _, _, action in known if action.resources]
    if not typed or len(known) < len(statement.actions):
        return  # patterns and unknown actions may act on anything
    used = {resource for _, fitting, _ in known for resource in fitting}
    kinds = facts.listed(kind for action in typed for kind in facts.kinds(action))
    for position, text in enumerate(statement.resources):
        if position not in used:
            what = f"{typed[0]} acts on" if len(typed) == 1 else "these actions act on"
            remedy = f"write {facts.template(about.catalog, typed[0], about.partition)}"
            yield Found(statement.resource_at(position), f"{what} {kinds}, and {text} is none", remedy)


def _fits(statement: Statement, about: About) -> list[tuple[int, tuple[int, ...], Action]]:
    """Each action written in full that the catalogue knows: its position, the positions of resources it acts on."""
    if statement.not_action or statement.not_resource or "*" in statement.resources:
        return []
    found = []
    for position, text in enumerate(statement.actions):
        action = about.catalog.action(text) if "*" not in text and "?" not in text else None
        if action is not None:
            fitting = [at for at, held in enumerate(statement.resources) if facts.acts_on(about.catalog, action, held)]
            found.append((position, tuple(fitting), action))
    return found


def passes_every_role(statement: Statement, about: About) -> Iterator[Found]:
    position = _passing(statement)
    if position is None:
        return
    for at, text in enumerate(statement.resources):
        if text == "*" or (text.startswith("arn:") and text.endswith(_EVERY_ROLE)):
            message = f"{statement.actions[position]} lets every role of the account be handed to a service"
            remedy = "name the roles that are meant, or give them a path: arn:...:role/app/*"
            yield Found(statement.resource_at(at), message, remedy)


def passes_to_any_service(statement: Statement, about: About) -> Iterator[Found]:
    position = _passing(statement)
    if position is not None and not statement.names("iam:passedtoservice", "iam:associatedresourcearn"):
        message = f"{statement.actions[position]} does not say to which service"
        remedy = 'add "StringEquals": {"iam:PassedToService": "SERVICE.amazonaws.com"}'
        yield Found(statement.action_at(position), message, remedy)


def _passing(statement: Statement) -> int | None:
    """The position of the action that grants PassRole on purpose; `*` and `iam:*` grant administration anyway."""
    if not statement.allows or statement.not_action or statement.not_resource:
        return None
    for position, text in enumerate(statement.actions):
        folded = text.lower()
        if folded == _PASSING or (folded.startswith("iam:pass") and covers(folded, _PASSING)):
            return position
    return None


def missing_dependency(about: About) -> Iterator[Found]:
    wanted = []
    for statement in about.statements:
        if statement.allows and not statement.not_action:
            for position, text in enumerate(statement.actions):
                folded = text.lower()
                if folded in _TAKES:
                    wanted.append((statement.action_at(position), *_TAKES[folded]))
                elif "*" not in folded:
                    held = about.catalog.action(folded)
                    needs = held.dependents if held is not None else ()
                    wanted += [(statement.action_at(position), text, needed) for needed in needs]
    for path, action, needed in wanted:
        if not any(_grants(statement, needed.lower()) for statement in about.statements):
            message = f"{action} also takes {needed}, which this document does not allow"
            yield Found(path, message, f"allow {needed} on what is meant, here or in another policy")


def _grants(statement: Statement, action: str) -> bool:
    return statement.allows and (
        statement.not_action or any(covers(text.lower(), action) for text in statement.actions)
    )


RULES: Final = (
    Rule(
        "IAM-P047",
        "medium",
        "iam:PassRole on every role",
        "Who may hand any role to a service can start something with the most powerful role of the account and act "
        "through it: one of the best known ways to administrator.",
        passes_every_role,
        uses=GRANTS,
    ),
    Rule(
        "IAM-P048",
        "low",
        "iam:PassRole to any service",
        "iam:PassedToService limits to which service a role may be handed. The role's own trust policy limits it too; "
        "where that names several services, this is what keeps them apart.",
        passes_to_any_service,
        uses=GRANTS,
    ),
    Rule(
        "IAM-P049",
        "info",
        "an action whose companion is missing",
        "Some actions are refused unless the caller may do something else as well: lambda:CreateFunction and its like "
        "hand a role to the service, which takes iam:PassRole. Another policy of the principal may allow it.",
        whole=missing_dependency,
        uses=GRANTS,
    ),
    Rule(
        "IAM-P050",
        "medium",
        "an unknown service",
        "The action catalogue has no service of this prefix. It may be misspelled, retired, or newer than the "
        "catalogue (iamsync version shows its date). An action nobody has grants and denies nothing.",
        unknown_service,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P051",
        "medium",
        "an unknown action",
        "The service has no such action in the catalogue, or none that the pattern matches. IAM takes the policy all "
        "the same, and the statement grants or denies nothing by it. Names of API calls and of actions differ at "
        "times: s3:ListBucket is the action of ListObjects.",
        unknown_action,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P052",
        "medium",
        "an action that none of the resources goes with",
        "Each action acts on certain kinds of resources. With none of them in the statement's list the action is in "
        "vain: s3:ListBucket acts on the bucket, not on its objects; s3:ListAllMyBuckets on no resource, so only * "
        "matches.",
        action_without_resource,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P053",
        "medium",
        "a resource that none of the actions goes with",
        "None of the statement's actions acts on this kind of resource, so it is in vain: objects of a bucket for "
        "s3:ListBucket, a user for iam:GetRole.",
        resource_without_action,
        uses=PERMISSIONS,
    ),
)
