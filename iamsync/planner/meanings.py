"""What each guard, and each finding about order, is about in a paragraph: the long form of what a plan shows."""

from __future__ import annotations

from typing import Final

# Guard -> its title, and why it is there.
MEANINGS: Final[dict[str, tuple[str, str]]] = {
    "boundary-removed": (
        "a permissions boundary would come off somebody who stays",
        "A boundary caps what a user or role may do, whatever its policies say. Without it all that they say counts "
        "at once, and what looks like a tidy-up can be an escalation. Put another boundary over it, or acknowledge "
        "it at this address.",
    ),
    "boundary-replace": (
        "a permissions boundary would be replaced",
        "Replacing a policy means taking it off whoever holds it. Principals that it bounds would be unbounded "
        "until it is back, so this is never done: declare the new policy under another name with renamed_from, and its "
        "principals move over in one call each.",
    ),
    "break-glass": (
        "an emergency principal would lose its reach",
        "Users and roles that `safety.break_glass` selects are kept for the day when nothing else works. Each must "
        "be administrator after the plan as before it, by its own permissions or by roles that it can assume, no "
        "less surely than before; none may be deleted. Conditions, denials and boundaries count. What cannot be "
        "decided, since a document is not known, is refused as well. `keys rotate`, `keys deactivate` and `keys "
        "delete` may not take the last key or password of such a user.",
    ),
    "call-denied": (
        "AWS would refuse calls of this plan to whoever applies it",
        "Before the first call, each one is checked against the policies and the permissions boundary of the user or "
        "role that would make it. A Deny, or no grant at all, certainly stops these, and the plan would end half done. "
        "Apply as somebody who may make them, or grant what `iamsync required-policy plan.json` prints. What hangs on "
        "something that only AWS knows (a second factor, service control policies) is not refused but counted.",
    ),
    "changed-since": (
        "others changed what a rollback would bring back",
        "A rollback undoes what one run did. Where the account is neither as the run found it nor as it left it, "
        "somebody else had a reason since, and going back would undo that too; or the resource is gone, or another one "
        "of the same name. Look who changed it, then acknowledge it for that address.",
    ),
    "delete-credentials": (
        "a user to be deleted still has credentials",
        "AWS deletes no user that has a password, keys, certificates, service-specific credentials or a second factor. "
        "The plan takes them away one by one, keys first, and none of them can be had back: whatever still signs in "
        "with one stops working. Acknowledge it for the user once nobody does.",
    ),
    "deny-removed": (
        "something that denies would go",
        "A live user, group, role or policy would lose an inline policy, an attachment or a document with a Deny. What "
        "looks like drift may be somebody stopping an attacker: ask before it is undone, or declare it too. A new key "
        "or password for a user whose keys were all switched off, or who is in quarantine, is the same.",
    ),
    "place-taken": (
        "a delivery would replace what was not delivered for this user",
        "The place that a manifest names holds a value that iamsync did not put there, or another user's secret. "
        "Whoever reads it there would lose it. Name another place, or move away what is there; an empty secret, file "
        "or place is nobody's. With consent it is replaced (Secrets Manager and the Parameter Store keep the version "
        "before). `keys rotate` holds back this user alone, goes on with the others and exits with 3.",
    ),
    "escalation": (
        "a principal gains a path to administrator",
        "An administrator is whoever may do anything on anything, whatever its policies are called. A path to it is "
        "one rule after another (`iamsync explain IAM-E020` and so on): assuming a role, giving oneself a policy, a "
        "key for another user, a role passed to a service. Every principal is looked at before and after the plan, "
        "so that a role that becomes powerful is told at everybody who can assume it. Whoever lives today and gains "
        "a path, or a surer one, is refused; a path that hangs on what IAM does not tell (an unknown document, a "
        "function that may run with a role) is a warning, and so are the administrators among what the plan itself "
        "creates: a new account needs some. A second factor is taken to be at hand.",
    ),
    "failing-test": (
        "a permission test of the manifests would not hold",
        "Whenever a plan changes something, the tests: of the manifests run on the account as it would be, with the "
        "principals that nobody declares. A test that fails stops the plan, also where it fails already: the line then "
        "says so. One that cannot be decided, since it hangs on a document or a condition that is not known, is a "
        "warning. Mend the policies or the test; to go on all the same, acknowledge it for that principal.",
    ),
    "foreign-owned": (
        "another tool owns it",
        "Its path, name or tags say that CloudFormation, StackSets, Control Tower, CDK or another tool made it. That "
        "tool will undo the change, or fail over it at its next update. Change it where its owner keeps it, or "
        "acknowledge it at this address. A declared resource that only carries the tags of a tool, or still stands in "
        "a Terraform state, is being taken over, which is a warning: have the tool forget it. What is merely called "
        "as a tool calls its own is refused where unmanaged: delete would take it.",
    ),
    "held-out-of-scope": (
        "what would be deleted is held by others",
        "AWS refuses to delete a policy or a group that something holds, and this plan may not change the holder: it "
        "is undeclared, or an ignored field keeps it. Declare the holder, or take it off by hand.",
    ),
    "incomplete-read": (
        "not everything was read",
        "Something would be deleted in a kind of which the source does not hold everything, so what else hangs on it "
        "is not known. Plan against the account itself.",
    ),
    "last-admin": (
        "nobody would be left who administers the account",
        "At least one administrator must be left that a person can enter: a user with a password or an access key that "
        "is on, or a role that an identity provider or another account may assume. A role for services alone is none, "
        "nor is a user that the plan creates, which has nothing to sign in with yet. Who can sign in is asked of AWS "
        "only where an administrator loses something and no such role is left, of 25 users at most; where it is not "
        "known, nobody is taken to be left. Only told where there was one before, or may have been. Of `keys rotate`, "
        "`keys deactivate` and `keys delete` it is told where the last password or access key goes of the last one: "
        "let another sign in first, in a run of its own; what a user gets in the same run does not count for others.",
    ),
    "max-change-percent": (
        "too large a share would change",
        "More of what is managed would change than safety.max_change_percent. A wrong branch or a wrong account looks "
        "like this. Apply in smaller parts, raise the limit, or acknowledge it once.",
    ),
    "max-deletes": (
        "too many deletions at once",
        "More resources would be deleted or replaced than safety.max_deletes. A mistyped path or an emptied directory "
        "looks like this. Apply in smaller parts, raise the limit, or acknowledge it once.",
    ),
    "orphan-principal": (
        "a document names a principal that there is none of",
        "A trust policy that nobody declares would go on naming a user or role that the plan deletes, by an id that "
        "nobody can be again; or a policy newly names a user or role of this account that does not exist, and "
        "whoever creates one of that name gets what is written for it. Stops nothing.",
    ),
    "out-of-reach": (
        "AWS lets nobody but the owner change it",
        "Service-linked roles and those of Identity Center are changed by their service alone, whoever asks. Take them "
        "out of the manifests; change the permission set or the service instead.",
    ),
    "outside-guardrails": (
        "the operator's guardrails leave it to others",
        "The file that --guardrails names has a scope, and this resource lies outside of it: by its name, by its path, "
        "or by the tags of what is there. No declaration and no acknowledgement reaches over that; whoever owns the "
        "guardrails can change their scope.",
    ),
    "over-quota": (
        "AWS would refuse it as too much",
        "The plan would end above one of the account's quotas, as the account tells them: attachments, memberships, "
        "sizes of documents, tags, resources in all. AWS would refuse the call half way through, so nothing is called "
        "at all. Merge policies, use a group, or have AWS raise the quota.",
    ),
    "key-in-use": (
        "an access key goes off, or for good, that somebody may be using",
        "AWS tells when a key was used last, for which service and in which region, some minutes late. `keys "
        "deactivate` and `keys delete` refuse a key that was used within the rule's quiet time (48 hours without a "
        "rule), or one that is on. Find out who uses it, or consent for that user. Where the rule has a deadline and "
        "it has come, `keys rotate` only warns: that was agreed to when the rule was written. As an error of a run: a "
        "key that was to be deleted was switched on since the plan was made, and stays.",
    ),
    "last-key": (
        "a user would have no working key left",
        "`keys deactivate` would switch off the only key of the user that is on, and whatever signs with it stops "
        "working. `keys rotate` makes and delivers the next one first. Consent where the user is to have none; for an "
        "incident there is `respond quarantine`. As an error of a run: the keys changed since the plan was made, and "
        "the one that is left stays.",
    ),
    "password-policy": (
        "passwords would expire at once",
        "A lower max_password_age counts from when each password was set, so those that are older by now end with the "
        "call; with hard_expiry their owners cannot even set a new one. When each was set is not read. Have passwords "
        "changed first, or lower the age in steps.",
    ),
    "principals-losing-access": (
        "many principals would lose access at once",
        "More users and roles would lose a permission than safety.max_principals_losing_access, reckoned from the "
        "policies on both sides; whoever may lose one, since it cannot be told, counts too. One group or one policy "
        "that everybody has looks like this. Apply in smaller parts, raise the limit, or acknowledge it once.",
    ),
    "protected": (
        "a protected resource would change",
        "safety.protected names it, under its old name or its new one: the operator wants no change of it without "
        "being asked. Acknowledge it at this address for this one time.",
    ),
    "provider-deleted": (
        "roles trust an identity provider that would be deleted",
        "AWS deletes an OIDC or SAML provider whoever trusts it. From then on nobody can assume these roles through "
        "it, and a pipeline fails at its next run. Take it out of their trust policies first, or delete the roles too.",
    ),
    "recently-used": (
        "what would be deleted was used lately",
        "A user or role that would be deleted or replaced was used within safety.recently_used: its password, one of "
        "its access keys, or the role was assumed. AWS notes it with some delay, and for roles for 400 days. Find "
        "out who uses it, then acknowledge it at this address. What has expired is not held up.",
    ),
    "rename-conflict": (
        "both names of a rename live",
        "renamed_from names a user or group that still exists, and so does the new name: which of the two is meant "
        "cannot be told. Delete one, or take renamed_from out.",
    ),
    "replace": (
        "a resource would be deleted and created again",
        "AWS cannot change this value in place. The new resource has a new id: sessions end, trust policies and "
        "resource policies that hold the old one lose it, in other accounts too. Keep the value, or give the new "
        "resource another name and move over in two steps.",
    ),
    "self-lockout": (
        "iamsync would change its own way in",
        "iamsync reaches an account as a user or through roles: the caller, whoever would apply the plan, and every "
        "role under assume_role: in the project file. No change of one of these goes through unasked, deletion and "
        "replacement included. Their groups, policies and boundaries, and who may assume them, may change as long "
        "as nothing is lost that a later plan needs: that is asked of the evaluator. Acknowledge it where another "
        "way in is sure.",
    ),
    "trust-anyone": (
        "a role would let in whoever likes",
        "A trust policy newly names everyone without a condition that says who is meant, or everyone but some; an "
        "OIDC provider without a condition on the subject, or with one that strangers meet; a SAML provider without "
        "one on the audience. `iamsync validate` shows the statement.",
    ),
    "trust-unknown-account": (
        "a role would trust an account that nobody knows",
        "A trust policy newly names another account, or its users or roles, that is not among accounts: of the "
        "project file. Be sure whose it is, list it there if it is yours, and acknowledge it for the role if it is "
        "a partner's.",
    ),
    "unknown-principal": (
        "a trust policy names somebody who does not exist",
        "AWS refuses to save a trust policy with a user or role that it cannot find. Declare them, or take them out.",
    ),
    "unknown-reference": (
        "a policy or group that would be used exists nowhere",
        "What is attached or joined must exist in the account, be declared, or be one of AWS's own policies.",
    ),
    "whole-kind-deleted": (
        "all that is managed of a kind would go",
        "Every managed user, or role, or any other kind, would be deleted, three or more of them. A file or folder "
        "that was not found looks like this. Acknowledge it if it is meant.",
    ),
}

# What a plan cannot keep up while it is carried out -> its title, and when that is so.
RESIDUAL: Final[dict[str, tuple[str, str]]] = {
    "access-gap": (
        "what a resource grants is missing while it is replaced",
        "AWS cannot change the value, so the resource is deleted and created again under its own name. In between "
        "nobody has what it grants. Give the new one another name with renamed_from, and it is there before the old "
        "one goes. An instance profile that changes its role stands empty for a moment too: it holds only one.",
    ),
    "boundary-swap": (
        "a permissions boundary changes beside other changes of what it bounds",
        "AWS swaps a boundary in one call. Where the principal gains some permissions and loses others in the same "
        "plan, no place for that call is right: before the gains come, the new boundary lets through old permissions "
        "that the old one held back, afterwards the old one lets through new ones. Apply the boundary and the rest in "
        "two plans, or let the new boundary only narrow or only widen the old one.",
    ),
    "mixed-edit": (
        "a document gives and takes at once, beside other changes that it overlaps with",
        "A policy document is put over in one call, which adds and removes at the same moment. Where what it adds or "
        "removes overlaps with what another call of the plan removes or adds, one of the two comes first, and for that "
        "moment somebody lacks what both sides allow, or has what neither does. The plan denies first, then grants, "
        "edits, revokes and takes denials off. Apply in two steps what must not be seen: first what only adds, then "
        "the rest.",
    ),
    "crossed-moves": (
        "principals cross between groups and policies that change as well",
        "Somebody joins a group, or attaches a policy, before a change to it that should come first, because that "
        "change waits for others in turn; or policies that each grant and deny replace each other. Until the plan is "
        "through they have the group's or the policy's old content, or lack some of theirs. Apply the moves and the "
        "changes in two plans.",
    ),
    "tag-edit": (
        "a tag that policies ask for changes beside other changes of what it gives",
        "Where a policy asks for aws:PrincipalTag, aws:ResourceTag or iam:ResourceTag, writing the tag grants and "
        "revokes, in one call for all its keys. Beside other changes of the same permissions one of them comes first, "
        "and for that moment somebody lacks what both sides allow, or has what neither does. Change the tags in an "
        "apply of their own.",
    ),
    "key-due": (
        "something is due about a user's access keys or password",
        "Plan, apply and drift never touch keys and passwords; they only say what the rules of the manifest make due. "
        "`iamsync keys rotate` does it, best from a cron; `iamsync keys list` tells all. Where what is due cannot "
        "be told, a call was refused: the evidence names it.",
    ),
    "key-waiting": (
        "something about a user's keys will be due later",
        "A rotation waits for its overlap, for the old key to be quiet, or for the time that a key stays off before it "
        "is deleted. A key that is still used after the overlap stays on until nobody used it for the quiet time, or "
        "until the rule's deadline: its last use is told, so that whoever uses it can be found.",
    ),
    "sessions-go-on": (
        "sessions that run are not ended by this",
        "AWS asks a role's trust policy when a session begins, and never again: whoever is in keeps the session until "
        "it runs out, at most the role's max_session_duration. `iamsync respond revoke-sessions ROLE` denies "
        "everything to sessions that began before now. A user in quarantine keeps the sessions it opened in roles as "
        "well; its own are ended by the denial.",
    ),
    "two-keys": (
        "a user has two access keys, and which one is old is not known",
        "A rotation tells old and new apart by what was delivered: the place of delivery names the key it holds. Where "
        "it names neither, or a newer key appeared beside the one that was delivered, or the delivered one is off, "
        "nothing is guessed and nothing is done. Find out which key is used; switch the other off with `keys "
        "deactivate --user NAME --key ID`, later delete it, and the rotation goes on by itself.",
    ),
    "quota-swap": (
        "old and new do not fit under a quota together",
        "AWS limits how many policies may be attached, and how long inline documents may be. Where both sides fit and "
        "their union does not, just enough is taken off before the new is put on, so that for a moment what it grants "
        "is missing and what it denies is not denied.",
    ),
}
