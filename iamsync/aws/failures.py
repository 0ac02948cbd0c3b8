"""What each error of a call to AWS is about: the long form of its code, why it happens and how to mend it."""

from __future__ import annotations

from typing import Final

from iamsync.aws.errors import HINTS, kebab

# Code -> title, and why and how.
FAILURES: Final[dict[str, tuple[str, str]]] = {
    # AWS's own codes that speak of themselves, in iamsync's spelling.
    **{kebab(code): (f"AWS answers {code}", f"AWS refused the call: {hint}.") for code, hint in HINTS.items()},
    "access-denied": (
        "AWS does not let the caller make this call",
        "No policy of the caller allows the action, or one denies it: its own, a boundary, a session policy, one of "
        "the organization. It is never taken to mean that something does not exist. Allow the action that the message "
        "names; `iamsync required-policy` prints all that a run needs.",
    ),
    "assume-role-denied": (
        "a role could not be assumed",
        "AWS does not say which it is: there is no such role, its trust policy does not name the caller, the caller "
        "may not sts:AssumeRole, or the external id, the second factor or the duration is not what the role asks for.",
    ),
    "mfa-needed": (
        "a code of an MFA device is needed",
        "A role or profile names an MFA device (mfa_serial), and nobody is here to be asked for its code, or the one "
        "of --mfa-token went to another device. A code works once; iamsync makes a session of it (GetSessionToken) "
        "that serves all accounts of the run. Give --mfa-token CODE, or run the command on a terminal.",
    ),
    "mfa-refused": (
        "AWS does not take the code of the MFA device",
        "GetSessionToken refused it: a code is good for half a minute and for one call, the device must be that of "
        "the user who calls, and the user's key must be active. Wait for the next code and run the command again.",
    ),
    "bad-aws-config": (
        "the AWS configuration file cannot be used",
        "botocore could not read ~/.aws/config, or the file that AWS_CONFIG_FILE names, or what a profile there says. "
        "Mend it; the message says where.",
    ),
    "bad-endpoint": (
        "the endpoint is no URL",
        "--endpoint-url, or endpoint_url: of the account, is not an address to talk to. Write it with its scheme, as "
        "http://127.0.0.1:4566.",
    ),
    "bad-identity": (
        "the endpoint does not say who is calling",
        "GetCallerIdentity was answered without an ARN, so which account this is cannot be checked and nothing is "
        "done. Something between here and AWS answers in its place: check --endpoint-url and the proxy.",
    ),
    "bad-lock": (
        "the object where the lock should be is no lock",
        "The bucket holds something under the lock's name that iamsync did not write. It is not overwritten. Give "
        "lock: another prefix, or delete that object by hand once you know what it is.",
    ),
    "bad-request": (
        "the call could not be made",
        "botocore refused to send it, or failed in a way of its own; the message is botocore's. Nothing was answered.",
    ),
    "expired-credentials": (
        "the credentials have expired",
        "Sessions end. Sign in again or fetch new credentials, and run the same command again: it goes on where it "
        "stopped.",
    ),
    "incomplete-read": (
        "an answer was not whole",
        "Pages, documents or members are missing, something changed while it was read, or the account's own counts "
        "say that there is more. From half of an account nothing is planned. Run the command again; if it stays so, "
        "the endpoint or the caller's permissions keep something back.",
    ),
    "invalid-credentials": (
        "AWS does not know these credentials",
        "The access key is unknown, inactive or of another partition, the secret is wrong, this machine's clock is, "
        "or a web identity token was refused. The message says which.",
    ),
    "locked": (
        "somebody else holds the account's lock",
        "Two runs at once would undo each other, so one waits: --lock-timeout says how long. `iamsync lock status` "
        "tells who holds it and since when; a lock whose holder is gone is freed with `iamsync lock release`.",
    ),
    "no-access-analyzer": (
        "there is no Access Analyzer to ask",
        "The region has none, does not answer, or the endpoint is no AWS. Name another region with --region, whose "
        "answers are the same, or leave --access-analyzer out.",
    ),
    "no-answer": (
        "AWS did not answer",
        "The network, a proxy or the endpoint. A call that changes something may have been carried out all the same; "
        "running the command again looks first and goes on where it stopped.",
    ),
    "no-credentials": (
        "there are no credentials",
        "Set AWS_PROFILE or give --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Where their source "
        "failed, try it by itself: aws sts get-caller-identity. With --sandbox none are needed.",
    ),
    "no-simulator": (
        "there is no policy simulator to ask",
        "Only AWS has one. Leave --aws out, and the tests are decided offline.",
    ),
    "operation-refused": (
        "a step is no call that a plan may hold",
        "iamsync executes the operations that its kinds need, and nothing else, whatever a plan says. The plan was "
        "made by something else, or edited: make it again.",
    ),
    "sso-expired": (
        "the sign-in of the profile has ended",
        "Sign in again with the same --profile: aws sso login, or aws login.",
    ),
    "undecodable-document": (
        "a document that AWS holds cannot be read",
        "It is not URL-encoded JSON as AWS stores it. Nothing is planned from a document that was not read: look at it "
        "in the AWS console.",
    ),
    "unknown-profile": (
        "there is no such AWS profile",
        "`aws configure list-profiles` names those that there are.",
    ),
    "unsupported": (
        "the endpoint does not offer this operation",
        "AWS does; an emulator or a proxy may not, or answers with something that is not this API. Check "
        "--endpoint-url and the proxy.",
    ),
    "wrong-account": (
        "this is another account than is meant",
        "The credentials, the plan, the file or the record belong to one account, and the configuration or the command "
        "line names another. Nothing is asked or changed. Use credentials of the account that is meant.",
    ),
}
