"""What an audit can find, and the controls of published standards that it answers: ids, words, references.

The ids are our own. CIS is the CIS AWS Foundations Benchmark, whose section on IAM is numbered 1.x up to version 3 and
2.x in version 6; PCI is PCI DSS 4.0. The standards' own texts are not repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Grade = Literal["critical", "high", "medium", "low", "info"]
GRADES: Final[tuple[Grade, ...]] = ("critical", "high", "medium", "low", "info")
PREFIX: Final = "IAM-A"
# What a control needs to be decided; a source that cannot tell it leaves the control open, and says so.
Need = Literal["users", "groups", "roles", "policies", "report", "password-policy", "root-mfa", "certificates"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding: `severity` is its usual one, `pci` the requirements of PCI DSS 4.0 that it is about."""

    id: str
    severity: Grade
    title: str
    text: str
    pci: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A control of the CIS benchmark by its numbers in versions 3 and 6, the rule that answers it, and what that needs.

    Without a rule nothing that iamsync reads can decide it: `why` says so.
    """

    v3: str
    v6: str
    title: str
    rule: str = ""
    needs: tuple[Need, ...] = ()
    why: str = ""

    @property
    def references(self) -> tuple[str, ...]:
        return (f"CIS AWS Foundations 3.0: {self.v3}", f"CIS AWS Foundations 6.0: {self.v6}")


CONTROLS: Final = (
    Control("1.4", "2.3", "no access key of the root user", "IAM-A001", ("report",)),
    Control("1.5", "2.4", "a second factor for the root user", "IAM-A002", ("report",)),
    Control("1.6", "2.5", "a hardware second factor for the root user", "IAM-A003", ("report", "root-mfa")),
    Control("1.7", "2.6", "the root user is not used from day to day", "IAM-A004", ("report",)),
    Control("1.8", "2.7", "passwords of at least 14 characters", "IAM-A005", ("password-policy",)),
    Control("1.9", "2.8", "passwords are not used again", "IAM-A006", ("password-policy",)),
    Control("1.10", "2.9", "a second factor for everybody with a password", "IAM-A010", ("report",)),
    Control("1.11", "2.10", "no access key made along with a console user", "IAM-A011", ("report",)),
    Control("1.12", "2.11", "credentials unused for 45 days are off", "IAM-A012", ("report",)),
    Control("1.13", "2.12", "one active access key a user", "IAM-A013", ("report",)),
    Control("1.14", "2.13", "access keys are changed every 90 days", "IAM-A014", ("report",)),
    Control("1.15", "2.14", "users have permissions through groups alone", "IAM-A015", ("users",)),
    Control("1.16", "2.15", "no policy in use allows everything", "IAM-A016", ("users", "groups", "roles", "policies")),
    Control("1.17", "2.16", "somebody may manage support cases", "IAM-A017", ("users", "groups", "roles")),
    Control(
        *("1.18", "2.17", "instances use roles"),
        why="EC2 would have to be asked which instances there are and what runs on them",
    ),
    Control("1.19", "2.18", "no expired server certificate is kept", "IAM-A018", ("certificates",)),
    Control(
        *("1.20", "2.19", "Access Analyzer looks at every region"),
        why="Access Analyzer would have to be asked in every region",
    ),
    Control(
        *("1.21", "2.20", "people are managed in one place"),
        why="whether people come from one directory is for a person to judge",
    ),
    Control("1.22", "2.21", "AWSCloudShellFullAccess is not handed out", "IAM-A019", ("users", "groups", "roles")),
)
CONTROL_OF: Final = {control.rule: control for control in CONTROLS if control.rule}

RULES: Final = (
    # -- the root user and the account -----------------------------------------------------------------------------
    Rule(
        "IAM-A001", "critical", "the root user has an access key",
        "No policy limits the root user, and an access key of it is a file that can be copied. Nothing needs one: "
        "delete it, and use a role.",
        ("8.2.2", "8.6.1"),
    ),
    Rule(
        "IAM-A002", "critical", "the root user has no second factor",
        "Whoever has the password of the root user, or the mailbox by which it is reset, has the account. A root user "
        "without a password and without keys, as central management of root access leaves it, needs none.",
        ("8.4.2",),
    ),
    Rule(
        "IAM-A003", "medium", "the second factor of the root user is a virtual one",
        "A virtual device is a secret on a telephone or in a password store: it can be copied, and is lost with it. "
        "A FIDO key or a hardware token cannot be copied.",
        ("8.4.2",),
    ),
    Rule(
        "IAM-A004", "medium", "the root user was used lately",
        "The root user is for the few tasks that nobody else can do. What happens as root is nobody's doing in "
        "particular. Told for 30 days after a use.",
        ("8.2.2",),
    ),
    Rule(
        "IAM-A005", "medium", "passwords may be short",
        "The account's password policy lets passwords be shorter than 14 characters, or there is none, in which case "
        "AWS asks for 8.",
        ("8.3.6",),
    ),
    Rule(
        "IAM-A006", "low", "old passwords may be used again",
        "The account's password policy does not remember the last 24 passwords of a user. Without it, a password that "
        "leaked comes back.",
        ("8.3.7",),
    ),
    # -- users and their credentials -------------------------------------------------------------------------------
    Rule(
        "IAM-A010", "high", "a user signs in without a second factor",
        "The user has a password and no MFA device: one leaked password is enough. Critical where the user is an "
        "administrator or can become one.",
        ("8.4.2",),
    ),
    Rule(
        "IAM-A011", "low", "an access key that was made along with a console user, and never used",
        "A key that a wizard made when the user was made is one that nobody asked for. Told where a user with a "
        "password has an active key that is as old as the user (to the minute) and was never used. It is a guess by "
        "the times: the report holds no more.",
        ("7.2.5",),
    ),
    Rule(
        "IAM-A012", "medium", "a credential that was not used for 45 days",
        "A password or an active access key that nobody misses is one that nobody notices being used. One that was "
        "never used counts from the day it was made or last changed.",
        ("8.2.6",),
    ),
    Rule(
        "IAM-A013", "low", "a user with two active access keys",
        "The second key is there for the days of a rotation. Two that stay are one secret too many, and no room to "
        "rotate in.",
        ("8.6.3",),
    ),
    Rule(
        "IAM-A014", "medium", "an access key older than 90 days",
        "Keys leak into histories, images and backups. Rotated, what leaked is worthless. A user with access_keys in "
        "its manifest is rotated by `iamsync keys rotate`. The report counts from the key's last change of any kind.",
        ("8.3.9", "8.6.3"),
    ),
    Rule(
        "IAM-A015", "low", "a user has permissions of its own",
        "Policies that are attached to users or written into them are seen by nobody who reviews groups and roles. "
        "Give them to a group, and put the user in it.",
        ("7.2.2",),
    ),
    # -- what policies say -----------------------------------------------------------------------------------------
    Rule(
        "IAM-A016", "high", "a policy in use allows everything",
        "Whoever holds this policy, and has no boundary or denial against it, may do anything on anything. Decided by "
        "what the document does, however it is written. Those who are kept for emergencies (safety.break_glass) are "
        "left out; for roles that AWS alone can change it is info.",
        ("7.2.1", "7.2.2"),
    ),
    Rule(
        "IAM-A017", "low", "nobody may manage support cases",
        "No user, group or role holds AWSSupportAccess, so that in an incident somebody signs in as an administrator, "
        "or as root, to talk to AWS.",
        ("12.10.3",),
    ),
    Rule(
        "IAM-A018", "medium", "an expired server certificate is kept",
        "A certificate in IAM whose time is over can still be put on a load balancer by mistake.",
        ("4.2.1",),
    ),
    Rule(
        "IAM-A019", "medium", "AWSCloudShellFullAccess is handed out",
        "CloudShell with this policy moves files in and out of an environment that no network control of yours "
        "watches. Give the few who need it a policy without file transfer.",
        ("7.2.1",),
    ),
    Rule(
        "IAM-A030", "medium", "a policy in use allows all of a service on every resource",
        "Everything a service has, on all there is of it, today's and tomorrow's, with no condition. Customer managed "
        "and inline policies are looked at, by what they do. High for iam and organizations, by which permissions are "
        "given.",
        ("7.2.1", "7.2.5"),
    ),
    Rule(
        "IAM-A031", "medium", "a policy in use allows all but what it lists",
        "Allow with NotAction or NotResource grants whatever is not listed, AWS's future actions and your future "
        "resources with it.",
        ("7.2.1", "7.3.3"),
    ),
    Rule(
        "IAM-A032", "medium", "a policy in use may pass every role",
        "iam:PassRole on every role lends its holder, through whatever service it may use, the permissions of any "
        "role that trusts that service.",
        ("7.2.1",),
    ),
    # -- unused ----------------------------------------------------------------------------------------------------
    Rule(
        "IAM-A020", "low", "a role that was not used for 90 days",
        "AWS remembers the last use of a role for 400 days. A role that nobody uses is a door that nobody watches. "
        "Roles younger than that, roles that AWS alone can change and those kept for emergencies are left out.",
        ("7.2.4", "7.2.5.1"),
    ),
    Rule(
        "IAM-A021", "medium", "a user that was not used for 90 days",
        "Neither its password nor any access key of it was used for 90 days, and it is older than that. Inactive "
        "accounts are removed or disabled within 90 days.",
        ("8.2.6",),
    ),
    Rule(
        "IAM-A022", "low", "a user that nothing can sign in as",
        "The user has no password, no active access key and no active signing certificate. What it may do waits for "
        "whoever gives it a credential. SSH keys and passwords of single services are not in the report: look before "
        "you delete.",
        ("8.2.4",),
    ),
    Rule(
        "IAM-A023", "low", "a group without members",
        "What it grants waits for whoever is put into it, and nobody looks at it meanwhile.",
        ("7.2.4",),
    ),
    Rule(
        "IAM-A024", "low", "a policy that nobody holds",
        "A customer managed policy that is attached to nobody and bounds nobody does nothing but invite.",
        ("7.2.4",),
    ),
    Rule(
        "IAM-A025", "low", "services that are allowed and were never used",
        "By AWS's records of service last accessed, which reach back 400 days and count attempts, this principal never "
        "called services that its policies allow. `iamsync audit --suggest` writes the manifests without them.",
        ("7.2.1", "7.2.5.1"),
    ),
    Rule(
        "IAM-A026", "info", "a policy with no room for another version",
        "Five versions of the policy are kept, which is all that AWS keeps. The older ones are ways back to what they "
        "allowed. iamsync makes room by itself when it changes the policy.",
    ),
    # -- trust -----------------------------------------------------------------------------------------------------
    Rule(
        "IAM-A040", "critical", "a role that strangers may assume",
        "The trust policy lets in principals that nobody of you has chosen: everyone, everyone on a shared identity "
        "provider, or everyone but those listed.",
        ("7.2.1", "7.3.3"),
    ),
    Rule(
        "IAM-A041", "medium", "a provider is trusted without asking what it says",
        "The trust policy lets in whatever token the provider signs: no condition on the audience or the subject.",
        ("7.2.1",),
    ),
    Rule(
        "IAM-A042", "low", "a role that another party's account may assume",
        "The account is none of this project's (accounts: in iamsync.yaml). High where the role is an administrator or "
        "can become one: then whoever breaks into that account has yours.",
        ("7.2.4", "8.2.7"),
    ),
    Rule(
        "IAM-A043", "medium", "a third party may be talked into using the role",
        "A party that acts for many customers from one account, and is asked for no sts:ExternalId, can be given the "
        "ARN of your role by another of its customers (the confused deputy).",
        ("7.2.1", "8.2.7"),
    ),
    Rule(
        "IAM-A044", "low", "a service may be talked into using the role",
        "The service acts for whoever names the role, in other accounts too, and no condition on aws:SourceAccount or "
        "aws:SourceArn stops it (the confused deputy). Told for services that send these keys alone.",
        ("7.2.1",),
    ),
    Rule(
        "IAM-A045", "medium", "a trust policy names what there is none of",
        "A user, role or provider that was deleted, or was never there. Whoever may create one of that name gets in; "
        "where AWS shows an id, nobody does, and the line only misleads.",
        ("7.2.4", "8.2.5"),
    ),
    Rule(
        "IAM-A046", "medium", "a boundary is expected and missing",
        "defaults: in iamsync.yaml gives principals of this kind a permissions boundary. This one has none, or another "
        "one, so that what limits everybody else does not limit it.",
        ("7.2.5", "7.3.3"),
    ),
    # -- administrators --------------------------------------------------------------------------------------------
    Rule(
        "IAM-A050", "critical", "a principal that can make itself administrator",
        "By permissions that it has, all denials, boundaries, resources and conditions counted, this principal comes "
        "to hold any permission. Each step says what it uses; `iamsync explain` tells about the step's own id. High "
        "where it hangs on conditions, medium where it hangs on what runs in the account, which IAM does not tell.",
        ("7.2.1", "7.2.2", "7.2.5"),
    ),
    Rule(
        "IAM-A051", "info", "an administrator",
        "Who may do anything on anything, for the review that every account needs twice a year.",
        ("7.2.4",),
    ),
)  # fmt: skip
RULES_BY_ID: Final = {rule.id: rule for rule in RULES}


def references(rule: str) -> tuple[str, ...]:
    """The published controls that a rule answers, in words."""
    cis = CONTROL_OF[rule].references if rule in CONTROL_OF else ()
    return (*cis, *(f"PCI DSS 4.0: {number}" for number in RULES_BY_ID[rule].pci))
