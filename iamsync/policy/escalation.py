"""Ways to more permissions than a principal was given, as data: what each takes, and what it leads to.

A rule holds where the principal's *effective* permissions allow all that it needs; `planner.paths`
asks the evaluator and joins the rules to paths. Sources: Rhino Security Labs' list of 2018,
cloudsplaining, DataDog's pathfinding.cloud; the ids are our own, and so are the rules without a reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

# What an action is asked on: the principal itself, a group or customer policy it holds, its boundary, the target
# of the rule or a group, policy or provider of that target, a user or role that does not exist yet, or any resource.
On: TypeAlias = Literal[
    "self",
    "own-group",
    "own-policy",
    "own-boundary",
    "group",
    "target",
    "target-group",
    "target-policy",
    "provider",
    "new",
    "any",
]
# granted: the principal gives itself any permission. reverted: one that an older version of a policy holds.
# joined: that of a group. unbound: its boundary is gone. freed: a policy that denies something is gone. becomes: it
# acts as the target. makes: it gives the target any permission, or takes its boundary off, and acts as it. creates: it
# acts as a new user or role with any permission. passes: it runs code that acts as a role which it passes. uses: it
# runs code in what acts as a role already.
Effect: TypeAlias = Literal[
    "granted", "reverted", "joined", "unbound", "freed", "becomes", "makes", "creates", "passes", "uses"
]
Kind: TypeAlias = Literal["user", "role"]


# The same for a person.
ON: Final[dict[On, str]] = {
    "self": "itself",
    "own-group": "a group it is in",
    "own-policy": "a customer policy it holds",
    "own-boundary": "the customer policy that bounds it",
    "group": "a group",
    "target": "the principal in question",
    "target-group": "a group that the principal in question is in",
    "target-policy": "a customer policy that the principal in question holds",
    "provider": "a provider that the role trusts",
    "new": "a new name",
    "any": "any resource",
}
EFFECTS: Final[dict[Effect, str]] = {
    "granted": "gives itself any permission that its boundary and its denials leave",
    "reverted": "has what an older version of the policy allows",
    "joined": "has what the group has",
    "unbound": "is no longer held by its boundary",
    "freed": "is no longer held by what it is denied there, and goes without what is granted there",
    "becomes": "can act as that principal",
    "makes": "can give that principal more than it has, and act as it",
    "creates": "can act as a new principal with any permission",
    "passes": "runs code with the permissions of a role that it passes",
    "uses": "runs code in what has the permissions of a role already",
}


@dataclass(frozen=True, slots=True)
class Need:
    """One action that a rule takes, and on what."""

    action: str
    on: On = "any"


@dataclass(frozen=True, slots=True)
class Rule:
    """One way up: everything in `needs` together, by principals of the kinds in `by`.

    `target` is the kind of principal it is about, where there is one; `service` the service principal
    that a passed role must trust. `doubt`, where given, is what the account's IAM does not tell.
    """

    id: str
    title: str
    effect: Effect
    needs: tuple[Need, ...]
    target: Kind | None = None
    service: str = ""
    by: tuple[Kind, ...] = ("user", "role")
    doubt: str = ""
    references: tuple[str, ...] = ()


_RHINO: Final = "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/"
_PATHS: Final = "https://pathfinding.cloud/"


def _self(number: int, title: str, effect: Effect, action: str, on: On = "self", by: Kind | None = None) -> Rule:
    kinds: tuple[Kind, ...] = ("user", "role") if by is None else (by,)
    return Rule(f"IAM-E{number:03}", title, effect, (Need(action, on),), by=kinds, references=(_RHINO,))


def _freed(number: int, title: str, action: str, on: On, by: Kind) -> Rule:
    return Rule(f"IAM-E{number:03}", title, "freed", (Need(action, on),), by=(by,))


def _on(number: int, title: str, effect: Effect, target: Kind, *needs: Need, doubt: str = "") -> Rule:
    return Rule(f"IAM-E{number:03}", title, effect, needs, target, doubt=doubt, references=(_RHINO, _PATHS))


def _passes(number: int, title: str, service: str, *actions: str, doubt: str = "") -> Rule:
    needs = (Need("iam:PassRole", "target"), *map(Need, actions))
    known = () if doubt else (_RHINO, _PATHS)
    return Rule(f"IAM-E{number:03}", title, "passes", needs, "role", service, doubt=doubt, references=known)


def _uses(number: int, title: str, service: str, doubt: str, *actions: str) -> Rule:
    needs = tuple(map(Need, actions))
    return Rule(f"IAM-E{number:03}", title, "uses", needs, "role", service, doubt=doubt, references=(_PATHS,))


_ATTACH_ROLE: Final = Need("iam:AttachRolePolicy", "target")
_PUT_ROLE: Final = Need("iam:PutRolePolicy", "target")
_VERSION: Final = Need("iam:CreatePolicyVersion", "target-policy")
_ASSUME: Final = Need("sts:AssumeRole", "target")
_RETRUST: Final = Need("iam:UpdateAssumeRolePolicy", "target")
_ATTACH_USER: Final = Need("iam:AttachUserPolicy", "target")
_PUT_USER: Final = Need("iam:PutUserPolicy", "target")
_UNBIND_ROLE: Final = Need("iam:DeleteRolePermissionsBoundary", "target")
_REBIND_ROLE: Final = Need("iam:PutRolePermissionsBoundary", "target")
_UNBIND_USER: Final = Need("iam:DeleteUserPermissionsBoundary", "target")
_REBIND_USER: Final = Need("iam:PutUserPermissionsBoundary", "target")
_JOIN: Final = Need("iam:AddUserToGroup", "group")
_ATTACH_GROUP: Final = Need("iam:AttachGroupPolicy", "target-group")
_PUT_GROUP: Final = Need("iam:PutGroupPolicy", "target-group")
_OLDER: Final = Need("iam:SetDefaultPolicyVersion", "target-policy")
_NEW_USER: Final = Need("iam:CreateUser", "new")
_ATTACH_NEW: Final = Need("iam:AttachUserPolicy", "new")
_PUT_NEW: Final = Need("iam:PutUserPolicy", "new")
_KEY_NEW: Final = Need("iam:CreateAccessKey", "new")
_LOGIN_NEW: Final = Need("iam:CreateLoginProfile", "new")
_KEY: Final = Need("iam:CreateAccessKey", "target")
_LOGIN: Final = Need("iam:CreateLoginProfile", "target")
_NEW_LOGIN: Final = Need("iam:UpdateLoginProfile", "target")

RULES: Final = (
    # -- itself ----------------------------------------------------------------------------------------------------
    _self(1, "a new version of a policy it holds", "granted", "iam:CreatePolicyVersion", "own-policy"),
    _self(2, "an older version of a policy it holds", "reverted", "iam:SetDefaultPolicyVersion", "own-policy"),
    _self(3, "a policy attached to itself", "granted", "iam:AttachUserPolicy", by="user"),
    _self(4, "a policy attached to itself", "granted", "iam:AttachRolePolicy", by="role"),
    _self(5, "a policy attached to its group", "granted", "iam:AttachGroupPolicy", "own-group", "user"),
    _self(6, "an inline policy of its own", "granted", "iam:PutUserPolicy", by="user"),
    _self(7, "an inline policy of its own", "granted", "iam:PutRolePolicy", by="role"),
    _self(8, "an inline policy of its group", "granted", "iam:PutGroupPolicy", "own-group", "user"),
    _self(9, "membership in a group", "joined", "iam:AddUserToGroup", "group", "user"),
    _self(10, "its own boundary taken off", "unbound", "iam:DeleteUserPermissionsBoundary", by="user"),
    _self(11, "its own boundary taken off", "unbound", "iam:DeleteRolePermissionsBoundary", by="role"),
    _self(12, "another boundary for itself", "unbound", "iam:PutUserPermissionsBoundary", by="user"),
    _self(13, "another boundary for itself", "unbound", "iam:PutRolePermissionsBoundary", by="role"),
    _self(14, "a new version of its boundary", "unbound", "iam:CreatePolicyVersion", "own-boundary"),
    _freed(106, "a policy that denies, detached from itself", "iam:DetachUserPolicy", "self", "user"),
    _freed(107, "a policy that denies, detached from itself", "iam:DetachRolePolicy", "self", "role"),
    _freed(108, "an inline policy of its own that denies, deleted", "iam:DeleteUserPolicy", "self", "user"),
    _freed(109, "an inline policy of its own that denies, deleted", "iam:DeleteRolePolicy", "self", "role"),
    _freed(110, "a policy that denies, detached from its group", "iam:DetachGroupPolicy", "own-group", "user"),
    _freed(111, "an inline policy of its group that denies, deleted", "iam:DeleteGroupPolicy", "own-group", "user"),
    _freed(112, "a group that denies, left", "iam:RemoveUserFromGroup", "own-group", "user"),
    # -- other principals ------------------------------------------------------------------------------------------
    _on(20, "assume the role", "becomes", "role", _ASSUME),
    _on(21, "an access key for the user", "becomes", "user", _KEY),
    _on(22, "a password for the user", "becomes", "user", _LOGIN),
    _on(23, "another password for the user", "becomes", "user", _NEW_LOGIN),
    _on(24, "a trust policy that lets it in", "becomes", "role", _RETRUST),
    _on(25, "a SAML provider of its own making", "becomes", "role", Need("iam:UpdateSAMLProvider", "provider")),
    _on(
        *(26, "an OIDC provider's thumbprint", "becomes", "role"),
        Need("iam:UpdateOpenIDConnectProviderThumbprint", "provider"),
        doubt="who can answer in place of the provider is not known",
    ),
    _on(15, "the boundary of a role that it assumes taken off", "makes", "role", _UNBIND_ROLE, _ASSUME),
    _on(16, "another boundary for a role that it assumes", "makes", "role", _REBIND_ROLE, _ASSUME),
    _on(17, "the boundary of a role that it makes trust it taken off", "makes", "role", _UNBIND_ROLE, _RETRUST),
    _on(18, "another boundary for a role that it makes trust it", "makes", "role", _REBIND_ROLE, _RETRUST),
    _on(100, "the boundary of a user taken off, and a key for it", "makes", "user", _UNBIND_USER, _KEY),
    _on(101, "another boundary for a user, and a key for it", "makes", "user", _REBIND_USER, _KEY),
    _on(102, "the boundary of a user taken off, and a password for it", "makes", "user", _UNBIND_USER, _LOGIN),
    _on(103, "another boundary for a user, and a password for it", "makes", "user", _REBIND_USER, _LOGIN),
    _on(
        104, "the boundary of a user taken off, and another password for it", "makes", "user", _UNBIND_USER, _NEW_LOGIN
    ),
    _on(105, "another boundary for a user, and another password for it", "makes", "user", _REBIND_USER, _NEW_LOGIN),
    _on(27, "a user put into a group, and a key for it", "makes", "user", _JOIN, _KEY),
    _on(28, "a user put into a group, and a password for it", "makes", "user", _JOIN, _LOGIN),
    _on(29, "a user put into a group, and another password for it", "makes", "user", _JOIN, _NEW_LOGIN),
    _on(30, "a policy attached to a role that it assumes", "makes", "role", _ATTACH_ROLE, _ASSUME),
    _on(31, "an inline policy of a role that it assumes", "makes", "role", _PUT_ROLE, _ASSUME),
    _on(32, "a new version of a policy of a role that it assumes", "makes", "role", _VERSION, _ASSUME),
    _on(33, "a policy attached to a role that it makes trust it", "makes", "role", _ATTACH_ROLE, _RETRUST),
    _on(34, "an inline policy of a role that it makes trust it", "makes", "role", _PUT_ROLE, _RETRUST),
    _on(35, "a new version of a policy of a role that it makes trust it", "makes", "role", _VERSION, _RETRUST),
    _on(36, "a policy attached to a user, and a key for it", "makes", "user", _ATTACH_USER, _KEY),
    _on(37, "an inline policy of a user, and a key for it", "makes", "user", _PUT_USER, _KEY),
    _on(38, "a policy attached to a user, and a password for it", "makes", "user", _ATTACH_USER, _LOGIN),
    _on(39, "an inline policy of a user, and a password for it", "makes", "user", _PUT_USER, _LOGIN),
    _on(40, "a policy attached to a user, and another password for it", "makes", "user", _ATTACH_USER, _NEW_LOGIN),
    _on(41, "an inline policy of a user, and another password for it", "makes", "user", _PUT_USER, _NEW_LOGIN),
    _on(42, "a new version of a policy of a user, and a key for it", "makes", "user", _VERSION, _KEY),
    _on(43, "a new version of a policy of a user, and a password for it", "makes", "user", _VERSION, _LOGIN),
    _on(44, "a new version of a policy of a user, and another password for it", "makes", "user", _VERSION, _NEW_LOGIN),
    _on(113, "an older version of a policy of a role that it assumes", "makes", "role", _OLDER, _ASSUME),
    _on(114, "an older version of a policy of a role that it makes trust it", "makes", "role", _OLDER, _RETRUST),
    _on(115, "an older version of a policy of a user, and a key for it", "makes", "user", _OLDER, _KEY),
    _on(116, "an older version of a policy of a user, and a password for it", "makes", "user", _OLDER, _LOGIN),
    _on(
        117, "an older version of a policy of a user, and another password for it", "makes", "user", _OLDER, _NEW_LOGIN
    ),
    _on(118, "a policy attached to a group of a user, and a key for it", "makes", "user", _ATTACH_GROUP, _KEY),
    _on(119, "an inline policy of a group of a user, and a key for it", "makes", "user", _PUT_GROUP, _KEY),
    _on(120, "a policy attached to a group of a user, and a password for it", "makes", "user", _ATTACH_GROUP, _LOGIN),
    _on(121, "an inline policy of a group of a user, and a password for it", "makes", "user", _PUT_GROUP, _LOGIN),
    _on(
        *(122, "a policy attached to a group of a user, and another password for it", "makes", "user"),
        *(_ATTACH_GROUP, _NEW_LOGIN),
    ),
    _on(
        *(123, "an inline policy of a group of a user, and another password for it", "makes", "user"),
        *(_PUT_GROUP, _NEW_LOGIN),
    ),
    _on(45, "a new user with a policy and a key", "creates", "user", _NEW_USER, _ATTACH_NEW, _KEY_NEW),
    _on(46, "a new user with an inline policy and a key", "creates", "user", _NEW_USER, _PUT_NEW, _KEY_NEW),
    _on(124, "a new user with a policy and a password", "creates", "user", _NEW_USER, _ATTACH_NEW, _LOGIN_NEW),
    _on(125, "a new user with an inline policy and a password", "creates", "user", _NEW_USER, _PUT_NEW, _LOGIN_NEW),
    _on(126, "a new user in a group, with a key", "creates", "user", _NEW_USER, _JOIN, _KEY_NEW),
    _on(127, "a new user in a group, with a password", "creates", "user", _NEW_USER, _JOIN, _LOGIN_NEW),
    _on(
        *(47, "a new role that trusts it, with a policy", "creates", "role"),
        *(Need("iam:CreateRole", "new"), Need("iam:AttachRolePolicy", "new")),
    ),
    _on(
        *(48, "a new role that trusts it, with an inline policy", "creates", "role"),
        *(Need("iam:CreateRole", "new"), Need("iam:PutRolePolicy", "new")),
    ),
    # -- a role passed to a service --------------------------------------------------------------------------------
    _passes(50, "an EC2 instance", "ec2.amazonaws.com", "ec2:RunInstances"),
    _passes(51, "an EC2 spot instance", "ec2.amazonaws.com", "ec2:RequestSpotInstances"),
    _passes(52, "a Lambda function, invoked", "lambda.amazonaws.com", "lambda:CreateFunction", "lambda:InvokeFunction"),
    _passes(
        *(53, "a Lambda function, fed by events", "lambda.amazonaws.com"),
        *("lambda:CreateFunction", "lambda:CreateEventSourceMapping"),
    ),
    _passes(
        *(54, "a Lambda function, opened to others", "lambda.amazonaws.com"),
        *("lambda:CreateFunction", "lambda:AddPermission"),
    ),
    _passes(
        *(55, "a Lambda function given another role", "lambda.amazonaws.com"),
        *("lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionCode"),
    ),
    _passes(56, "a Glue development endpoint", "glue.amazonaws.com", "glue:CreateDevEndpoint"),
    _passes(57, "a Glue job, run", "glue.amazonaws.com", "glue:CreateJob", "glue:StartJobRun"),
    _passes(58, "a Glue job, triggered", "glue.amazonaws.com", "glue:CreateJob", "glue:CreateTrigger"),
    _passes(59, "a Glue job given another role", "glue.amazonaws.com", "glue:UpdateJob", "glue:StartJobRun"),
    _passes(60, "a CloudFormation stack", "cloudformation.amazonaws.com", "cloudformation:CreateStack"),
    _passes(
        *(61, "a CloudFormation stack set", "cloudformation.amazonaws.com"),
        *("cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"),
    ),
    _passes(
        *(62, "a CloudFormation stack given another role", "cloudformation.amazonaws.com"),
        "cloudformation:UpdateStack",
    ),
    _passes(
        *(63, "a CloudFormation change set", "cloudformation.amazonaws.com"),
        *("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
    ),
    _passes(
        *(64, "a data pipeline", "datapipeline.amazonaws.com"),
        *("datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition", "datapipeline:ActivatePipeline"),
    ),
    _passes(
        *(65, "a SageMaker notebook", "sagemaker.amazonaws.com"),
        *("sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"),
    ),
    _passes(66, "a SageMaker training job", "sagemaker.amazonaws.com", "sagemaker:CreateTrainingJob"),
    _passes(67, "a SageMaker processing job", "sagemaker.amazonaws.com", "sagemaker:CreateProcessingJob"),
    _passes(68, "a CodeBuild project", "codebuild.amazonaws.com", "codebuild:CreateProject", "codebuild:StartBuild"),
    _passes(
        *(69, "a CodeBuild project, in batches", "codebuild.amazonaws.com"),
        *("codebuild:CreateProject", "codebuild:StartBuildBatch"),
    ),
    _passes(70, "an ECS task", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
    _passes(71, "an ECS service", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition", "ecs:CreateService"),
    _passes(72, "an App Runner service", "tasks.apprunner.amazonaws.com", "apprunner:CreateService"),
    _passes(
        *(73, "a Bedrock code interpreter", "bedrock-agentcore.amazonaws.com"),
        *("bedrock-agentcore:CreateCodeInterpreter", "bedrock-agentcore:StartCodeInterpreterSession"),
        "bedrock-agentcore:InvokeCodeInterpreter",
    ),
    _passes(
        *(74, "a state machine", "states.amazonaws.com"),
        *("states:CreateStateMachine", "states:StartExecution"),
    ),
    _passes(
        *(128, "an EC2 instance given a role", "ec2.amazonaws.com", "ec2:AssociateIamInstanceProfile"),
        doubt="an instance without a role runs, and it can get into it",
    ),
    _passes(
        *(129, "an EC2 instance given another role", "ec2.amazonaws.com", "ec2:ReplaceIamInstanceProfileAssociation"),
        doubt="an instance runs with a role, and it can get into it",
    ),
    # -- what runs already -----------------------------------------------------------------------------------------
    _uses(
        80, "a Lambda function's code", "lambda.amazonaws.com", "a function runs with it", "lambda:UpdateFunctionCode"
    ),
    _uses(
        *(81, "an EC2 instance's user data", "ec2.amazonaws.com", "an instance runs with it"),
        *("ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"),
    ),
    _uses(
        *(82, "a launch template's user data", "ec2.amazonaws.com", "a launch template names it"),
        *("ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"),
    ),
    _uses(
        *(83, "EC2 Instance Connect", "ec2.amazonaws.com", "an instance runs with it"),
        "ec2-instance-connect:SendSSHPublicKey",
    ),
    _uses(84, "a Session Manager session", "ec2.amazonaws.com", "an instance runs with it", "ssm:StartSession"),
    _uses(85, "a command by Systems Manager", "ec2.amazonaws.com", "an instance runs with it", "ssm:SendCommand"),
    _uses(86, "a command in an ECS task", "ecs-tasks.amazonaws.com", "a task runs with it", "ecs:ExecuteCommand"),
    _uses(
        87,
        "a Glue development endpoint's key",
        "glue.amazonaws.com",
        "an endpoint runs with it",
        "glue:UpdateDevEndpoint",
    ),
    _uses(
        *(88, "a Glue job's script", "glue.amazonaws.com", "a job runs with it"),
        *("glue:UpdateJob", "glue:StartJobRun"),
    ),
    _uses(
        89,
        "a CloudFormation stack's template",
        "cloudformation.amazonaws.com",
        "a stack keeps it",
        "cloudformation:UpdateStack",
    ),
    _uses(
        *(90, "a SageMaker notebook's address", "sagemaker.amazonaws.com", "a notebook runs with it"),
        "sagemaker:CreatePresignedNotebookInstanceUrl",
    ),
    _uses(
        *(91, "a SageMaker notebook's start script", "sagemaker.amazonaws.com", "a notebook runs with it"),
        *("sagemaker:CreateNotebookInstanceLifecycleConfig", "sagemaker:UpdateNotebookInstance"),
    ),
    _uses(
        92, "a CodeBuild build's commands", "codebuild.amazonaws.com", "a project runs with it", "codebuild:StartBuild"
    ),
)

ACTIONS: Final = tuple(sorted({need.action for rule in RULES for need in rule.needs}))
