"""What each error of a run is about that is neither AWS's nor a manifest's: options, plans, records, the sandbox."""

from __future__ import annotations

from typing import Final

# Code -> title, and why and how.
REFUSALS: Final[dict[str, tuple[str, str]]] = {
    "account-not-allowed": (
        "the operator's guardrails do not allow this account",
        "The file that --guardrails names lists the accounts that may be touched, and this is none of them. Whoever "
        "owns that file can add it.",
    ),
    "aimless-test": (
        "the action is never about the resource",
        "What is asked could only be answered with no, whatever the policies say: the action takes resources of "
        "another kind. Look at the resource, or at the action.",
    ),
    "applied-in-part": (
        "some steps failed, and what waits for them was not done",
        "Each failure is named with its step. Mend the cause and run the same command again: what is done is not done "
        "twice. Where the time was over (--timeout), what was not begun is named too, steps and whole accounts.",
    ),
    "bad-action": (
        "this is no action",
        "An action is a service and a name with a colon between: s3:GetObject, or s3:Get* where patterns are taken.",
    ),
    "bad-drift-file": (
        "this is no file of an earlier drift run",
        "--since-last names a file that an earlier run wrote there. Name that one, or delete it: the next run writes a "
        "new one.",
    ),
    "bad-notify": (
        "a place to notify cannot be used",
        "The URL or the signing secret of slack or webhook comes from the environment, and is not set, or not "
        "what is needed. Set it as a secret of the CI system, or take the place out of notify:.",
    ),
    "already-there": (
        "init would write over a file that is there",
        "The folder holds a file of the starter project that says something else. Nothing was written: take an empty "
        "folder, or move the file away.",
    ),
    "bad-option": (
        "an option's value makes no sense, or two do not go together",
        "The message names the option and the hint a value that would do. It was checked before anything was asked.",
    ),
    "bad-baseline": (
        "this file is no audit to compare with",
        "--baseline takes what `iamsync audit --report json=FILE` writes, of a format that this iamsync knows.",
    ),
    "bad-plan-file": (
        "this is no plan file, or an edited one",
        "A saved plan carries a digest of what it does, and one whose steps do not fit it is refused, as is one of "
        "another format. Make a new one: iamsync plan --out plan.json.",
    ),
    "bad-report": (
        "this file is no credential report",
        "--credential-report takes the CSV that AWS makes, as `aws iam get-credential-report --query Content --output "
        "text | base64 -d` prints it. Columns are found by their names; one that is missing is named.",
    ),
    "bad-revision": (
        "git does not have what --base or git:REV names",
        "The revision, or the file or folder in it, is not there, or is no text. A CI checkout is often shallow: fetch "
        "the revision first.",
    ),
    "bad-snapshot": (
        "this file is neither a snapshot nor a dump of an account",
        "--live and the sandbox's seed take what `iamsync snapshot --out FILE` writes, or the whole answer of "
        "`aws iam get-account-authorization-details --output json`.",
    ),
    "bad-target": (
        "this is no place to deliver a secret to",
        "A target is secretsmanager:NAME, ssm:NAME or age:RECIPIENT:FILE; with --deliver-to an operator may "
        "also name file:PATH or hook:COMMAND. Each secret needs a place of its own: $(name) in it stands for "
        "the user.",
    ),
    "bad-variables": (
        "the file of variables is not one",
        'It is a JSON object whose values are texts or lists of texts, as {"env": "prod", "groups": ["a", "b"]}.',
    ),
    "declined": ("the answer was not yes", "A person was asked and did not agree. Nothing was changed."),
    "dependency-ring": (
        "resources wait for each other in a ring",
        "Each needs the next to exist first, so no order of the calls is possible. Take one of them out of the "
        "manifests, apply, and put it back.",
    ),
    "file-changed": (
        "a file was changed while the command ran",
        "Somebody saved it after it was read, and their work is not written over. Run the command again.",
    ),
    "guard-refused": (
        "a guard refuses",
        "What is planned may be a mistake, and each guard says in figures why, and how to go on. `iamsync explain` "
        "with a guard's id tells what it is there for.",
    ),
    "interrupted": (
        "the run was interrupted",
        "Calls under way were finished, nothing was begun after them, and what was done is recorded. The same command "
        "goes on from there.",
    ),
    "journal-behind": (
        "the bucket lacks part of this run's record",
        "All was applied, and the record is whole on this machine, but not in the bucket that journal: names. Copy the "
        "file from .iamsync/runs/ there before this machine goes away.",
    ),
    "journal-unreadable": (
        "the record of a run cannot be read",
        "The file or the object is damaged, or may not be read. The message says which; nothing is rolled back from a "
        "record that was not read.",
    ),
    "journal-unwritable": (
        "the record of this run cannot be written",
        "No call is made without a record of it on disk, and in the bucket that journal: names. Free the disk, or mend "
        "the access to it.",
    ),
    "key-in-use": (
        "a key that is on again is not deleted",
        "The key was off when the plan was made, and somebody has switched it on since: whoever did it misses it. Ask"
        " who, and for what; the next run counts the time it is off from anew.",
    ),
    "last-key": (
        "the only working key of a user stays on",
        "A rotation switches an old key off only while another one works, and looks right before it does. The"
        " keys changed since the plan was made: run the command again.",
    ),
    "missing-resource": (
        "the action is about a resource, and none is given",
        "What the answer is depends on the resource. Give --resource ARN, or resource: in a test.",
    ),
    "needs-account-id": (
        "which account is meant is not written anywhere",
        "Without id: in iamsync.yaml the account is whichever the credentials lead to, and nobody is at a terminal to "
        "look at it. Give --account-id, or id: in iamsync.yaml.",
    ),
    "needs-approval": (
        "nobody is here to agree",
        "A change is made after somebody agreed to it, and this is no terminal. Give one of what the hint names: an "
        "approval digest, a saved plan, or --auto-approve.",
    ),
    "needs-tls": (
        "a Dask scheduler on another machine is asked by TLS alone",
        "Whoever may send work to a cluster may do what its workers may do, so nothing goes to another machine without "
        "certificates on both sides. Name them in Dask's own configuration: distributed.comm.tls.ca-file, client.cert "
        "and client.key (docs/accounts.md).",
    ),
    "no-age": (
        "delivery to age-encrypted files needs an extra",
        "Encrypting to an age recipient is done by pyrage, which `iamsync[age]` installs.",
    ),
    "no-dask": (
        "Dask is not installed",
        "--executor sends accounts to the workers of a Dask cluster. It comes with pip install 'iamsync[dask]'.",
    ),
    "no-git": (
        "git is not installed",
        "--base and git:REV read older revisions with it. Install it, or leave them out.",
    ),
    "no-lock": (
        "there is no team lock here",
        "The project has no lock:, or the run is in the sandbox, which needs none. Write lock: s3://BUCKET/PREFIX/ "
        "into iamsync.yaml.",
    ),
    "no-manifests": (
        "there are no manifests to suggest anything in",
        "audit --suggest writes edits of manifests, and this account has none. iamsync import writes what it holds; "
        "then suggestions have a place.",
    ),
    "no-notify": (
        "nobody is to be notified",
        "--notify is given and the project file has no notify:. Write one, or leave the option out.",
    ),
    "no-sandbox": (
        "the embedded IAM is not installed",
        "It comes with pip install 'iamsync[sandbox]'.",
    ),
    "no-scheduler": (
        "no Dask scheduler answers at the address of --executor",
        "Look whether it is started, and whether both sides are of one version of Dask and speak TLS, or both not.",
    ),
    "no-tests": (
        "there are no permission tests",
        "Nothing tested is nothing passed, so this is an error. Write some below tests: in a manifest, or name a path "
        "that holds some.",
    ),
    "no-way-back": (
        "the record does not say what to go back to",
        "The run was cut off before it said what it found, was recorded by an older iamsync, or its record is damaged. "
        "Declare what you want and apply that.",
    ),
    "key-unclaimed": (
        "a key appeared while the answer to its creation was lost, and may be somebody else's",
        "CreateAccessKey got no answer. Only one key that appeared, is on and unused, and was made while the call was "
        "under way, by AWS's clock, is taken for the call's own and removed. Anything else stays, is noted so that no "
        "later run removes it, and nothing more is made. Find out who made it (CreateAccessKey in CloudTrail), switch "
        "off and delete what is nobody's, and run the command again.",
    ),
    "nobody-tested": (
        "a permission test is about nobody",
        "Its selector means no user and no role here, so that it could never fail. Mend the name, or delete the test.",
    ),
    "not-adopted": (
        "some values of the account were not written into the manifests",
        "Each is named with what is in the way. Change it by hand where it comes from, or take it back with apply.",
    ),
    "not-confirmed": (
        "a delivery cannot be told to have worked",
        "The place took the secret, but when it is asked it names another key, or gives no answer. The old "
        "key is not touched. Look at the place, then run the command again: a new key whose secret nobody has"
        " is found and removed.",
    ),
    "not-delivered": (
        "a secret could not be delivered",
        "The file or the command failed, so the new key was removed again and the old one stays as it is. "
        "What a command prints is not shown, since it might be the secret: run it by itself.",
    ),
    "not-editable": (
        "a manifest cannot be edited at that place",
        "It is written in a way that adopt cannot change without touching more than what is meant. Change it by hand.",
    ),
    "not-formatted": (
        "a file cannot be laid out without a change of what it says",
        "Its text was laid out, read again, and said something else: a form that is rare and hangs on its spaces. The "
        "file is left as it is. Write such a value in double quotes, or leave the file out of fmt.",
    ),
    "not-notified": (
        "all went well, but somebody was not told",
        "A place that notify: names did not take the message. What the run did is done and recorded.",
    ),
    "nothing-to-restrict": (
        "there is no role's session to limit",
        "--restrict narrows the session of a role that iamsync assumes, and none is assumed. Give assume_role in "
        "iamsync.yaml or --assume-role ARN; a role may be trusted to assume itself.",
    ),
    "other-checkout": (
        "a worker has other files than this run",
        "A worker reads the project's files itself, so that nobody can send it any. They must be the same as here: "
        "bring every worker to the same revision, at the same path or where IAMSYNC_WORKER_PROJECT says on it.",
    ),
    "other-version": (
        "a worker has another iamsync than this run",
        "What a plan says hangs on the version of iamsync and of its catalogue of actions, and a run is to be the same "
        "wherever it is worked at. Install the same versions on scheduler and workers.",
    ),
    "sandbox-and-real": (
        "an option for a real account meets the sandbox",
        "The run would use the embedded IAM, and a flag asks for AWS. Leave one of the two out.",
    ),
    "sandbox-busy": (
        "another process uses the sandbox",
        "Its state is one file, used by one at a time. Wait for the other command, or stop `iamsync sandbox serve`.",
    ),
    "sandbox-port": ("the port is not free", "Name another --port, or none: then a free one is taken."),
    "sandbox-seed": (
        "the sandbox cannot be filled from this",
        "It takes the whole answer of `aws iam get-account-authorization-details`, whose parts fit together.",
    ),
    "sandbox-state": (
        "the sandbox's state cannot be used",
        "Its file is damaged, not one of its, or its directory cannot be written. Check the directory, its owner and "
        "free space; the state of a sandbox can be deleted.",
    ),
    "shared-declaration": (
        "a change would reach further than what is adopted",
        "The value comes from a template, a default, a variable or a declaration that others or accounts share. "
        "Write it at the resource, or declare it for each account with only_accounts.",
    ),
    "shared-value": (
        "a value is used in several places",
        "An anchor with aliases, or a file that several documents name, with different values in the account. Write it "
        "out where it is used, then adopt again.",
    ),
    "stale-plan": (
        "the plan is not what would be done now",
        "Since it was made or approved, the manifests or the account changed so that other calls would be made; the "
        "lines that differ are shown. Plan again and have that reviewed.",
    ),
    "target-not-allowed": (
        "a file of the repository may not deliver or write there",
        "Where guardrails have send_to, lock, journal and notify of the project file lead to what it names and nowhere "
        "else. Manifests deliver into the account itself (Secrets Manager, Parameter Store) or to an age-encrypted "
        "file of the project, unless deliver_to of the operator's guardrails says more or less. An operator "
        "may name any place with --deliver-to.",
    ),
    "unknown-access-key": (
        "no chosen user has this access key",
        "--key takes the whole id of a key of one of the users that --user names. `iamsync keys list --user "
        "NAME` shows them.",
    ),
    "unknown-account": (
        "no account is called that",
        "--account or only_accounts: names an account that is not among accounts: of iamsync.yaml.",
    ),
    "unknown-action": (
        "there is no such action",
        "The catalogue of AWS's actions does not have it: a typing error, or an action newer than the catalogue that "
        "is installed.",
    ),
    "unknown-finding": (
        "no finding has this id",
        "`iamsync explain`, without an id, lists them all.",
    ),
    "unknown-principal": (
        "there is no such user or role here",
        "A question names somebody whom the manifests, the account or the file do not have. Write user/NAME, "
        "role/NAME or an ARN.",
    ),
    "unknown-reference": (
        "what is referred to is not there",
        "A policy, group, role or provider that is named is neither declared for this account nor AWS's own. Mend the "
        "name, declare it, or write live/NAME for one that lives in the account and nobody declares.",
    ),
    "unknown-run": (
        "no such run is recorded",
        "`iamsync runs list` shows those that are; the beginning of an id is enough where it means one alone.",
    ),
    "unknown-target": (
        "--target names nothing that is there",
        "A name without a wildcard is meant to be somebody's, and no resource that is declared, removed or in the "
        "account (or in the files that are imported) has it: nothing would be looked at. Mend the name. In a run of "
        "several accounts one of them must have it. A pattern that selects nothing is noted.",
    ),
    "unknown-user": (
        "--user names nobody",
        "No user of the account is called so or lies under that path; for `keys rotate`, none whose manifest "
        "has access_keys or console_access.",
    ),
    "unreadable": (
        "a file that an option names cannot be read",
        "Check the path, who may read it, and that it is UTF-8 text.",
    ),
    "unwritable": ("a file cannot be written", "Check that the folder exists, who may write there, and free space."),
    "users-failed": (
        "the keys of some users could not be looked at",
        "A call about them was refused, or the place that their keys are delivered to gave no answer: each is named "
        "with what happened. Nothing is done about these; the others are complete. Mend the cause and run the command "
        "again.",
    ),
    "accounts-failed": (
        "some of the accounts failed",
        "The run was about several accounts, and some of them denied access, throttled, or gave no answer. Each is in "
        "the report with what happened; the others are complete. Mend the cause and run the command again: accounts "
        "that are done have nothing left to do. Where a wave of applies had a failure, later waves were not begun "
        "(--max-failed).",
    ),
    "empty-shard": (
        "no account is in this shard",
        "--shard I/N takes a part of the accounts by their ids, and there are so few that this part is empty. Use "
        "fewer shards; `iamsync accounts matrix --shards N` lists those that hold accounts.",
    ),
    "which-account": (
        "several accounts could be meant",
        "This is done for one account at a time, or nothing is written before it is said where. Give --account NAME.",
    ),
    "worker-lost": (
        "a worker went away with an account",
        "The worker of --executor that had the account died, or the scheduler gave up on it. Nothing was changed. Its "
        "log says why; often it is memory. Run the command again.",
    ),
}
