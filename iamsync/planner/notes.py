"""What each finding of a plan is about that is no guard: the long form of what stands under `findings`."""

from __future__ import annotations

from typing import Final

# Finding -> its title, why it is told, and what to do.
NOTES: Final[dict[str, tuple[str, str]]] = {
    "AA-access-granted": (
        "AWS says that an action of --fail-on-gain would be granted",
        "CheckAccessNotGranted of IAM Access Analyzer (plan --access-analyzer) was asked about the principal's own and "
        "its groups' policies as the plan leaves them, and grants one of the actions; where it did, the same was asked "
        "about the policies before. High means that it did not grant any of them then, and plan exits with 2; info "
        "that it did. AWS sees no boundary and no policies of the organization here. Narrow the statement, or accept "
        "it.",
    ),
    "AA-new-access": (
        "AWS says that a change gives new access",
        "CheckNoNewAccess of IAM Access Analyzer (plan --access-analyzer) compared the policies before and after: all "
        "of a principal's own and its groups' as one document, or a trust policy. The statement that AWS names stands "
        "with its policy and place, and beside it what iamsync says. AWS sees no boundary, no policies of the "
        "organization and no tags here, so that it may see access where there is none in the end.",
    ),
    "AA-not-checked": (
        "AWS was not asked about something, or did not take it",
        "With plan --access-analyzer: the document of a policy is not known, or AWS refuses the document, which all "
        "policies of a principal together make, as too long or as one that it cannot reason about. What iamsync says "
        "of it stands alone.",
    ),
    "abac-tag-ignored": (
        "a tag that policies ask for is left to others",
        "Policies decide by this tag, and ignore_changes leaves its value to whoever sets it in the account: who may "
        "tag decides what the policies allow. Declare the tag and take it out of ignore_changes, or see to it who may "
        "tag.",
    ),
    "access-untold": (
        "gains and losses of some principals were not computed",
        "A change of one group or one policy can move thousands of principals. Past a limit the rest is counted, not "
        "computed, and --fail-on-gain takes that for a gain. Plan in parts with --target to see them all.",
    ),
    "analyzer-contradicts": (
        "AWS's Access Analyzer contradicts iamsync",
        "With plan --access-analyzer, about the same documents: AWS finds new access where iamsync finds no gain, or "
        "none where iamsync finds one. It is only called so where nothing has a say that AWS does not see: no "
        "boundary, no policies of the organization, no changed tags or paths, nobody of the own account in a trust "
        "policy. Neither is believed: look at both documents before this is applied, and please report it.",
    ),
    "call-lost": (
        "the plan may take from whoever applies it what its own later calls need",
        "Whoever would apply the plan may make these calls today and not after the plan, and nothing makes them wait "
        "until it has been made: the apply may end half done, and nobody but somebody else can finish it. It stops "
        "nothing by itself (self-lockout does). Apply the rest first, and what takes from the one who applies in an "
        "apply of its own.",
    ),
    "call-undecided": (
        "whether some calls are allowed cannot be told beforehand",
        "Each call of the plan is checked against the policies of the user or role that would make it. For these the "
        "answer hangs on something that only AWS knows, such as a second factor, or on a document that is not known. "
        "It stops nothing; a call that is refused stops what waits for it, and running the command again goes on.",
    ),
    "escalation-untold": (
        "not every path to administrator was followed",
        "A principal that may change many groups, policies or other principals comes to many states of the account by "
        "its own means. Each first change is looked at with what it opens; further ones up to the third, and 200 "
        "states for one principal. For those named no path was found up to there, or none that is certain, and there "
        "may be one. It stops nothing. Let them change less, or look at what they may change by hand.",
    ),
    "expired-line": (
        "a line of the manifests is over and does nothing",
        "What it declares has expired, and is gone from the account. Delete the line: leaving it costs the next "
        "reader's time, and says that something is there which is not.",
    ),
    "past-end": (
        "an end is past that nobody agreed to in advance",
        "What expires goes without the consents that a removal needs, since its end was agreed to before it came. "
        "Nothing shows that of this one: no older revision of the project (the one that --base names, or the last one "
        "that git has from before the end), no recorded run, no DateLessThan in the account's own documents. So it "
        "goes like anything that is taken out today: the limits count it, the guards of a removal ask for consent, "
        "and apply --expired leaves it and exits with 3. Correct the time if it is a mistake. In CI, let the checkout "
        "have the history (fetch-depth: 0), or name a revision with --base.",
    ),
    "external-trust": (
        "a role would trust somebody outside the account",
        "A changed trust policy lets in another account, its users or roles, an identity provider or anyone, or asks "
        "less of them than before. What they may do then is decided on both sides, and only this one is known here. "
        "Be sure that you know whose it is, and that it needs this role.",
    ),
    "forgotten": (
        "something is neither declared nor removed any more",
        "The revision that --base names declared it, this one does not mention it, and it still lives. Deleting its "
        "lines deletes nothing in the account. List it under removed: to delete it, or leave it to be reported as "
        "unmanaged.",
    ),
    "gain": (
        "a principal would gain what --fail-on-gain names",
        "Somebody may do one of these actions after the plan and not now, by policies, groups, a boundary, tags or a "
        "trust policy. What cannot be decided counts as a gain. plan exits with 2: have it reviewed, or narrow the "
        "change.",
    ),
    "metadata-put-over": (
        "a SAML provider that roles trust gets other metadata",
        "The metadata document holds the certificates by which AWS knows what the identity provider says. No policy "
        "changes, so nobody gains or loses by the policies; but whoever has the keys of the new document decides who "
        "comes into the roles that trust the provider. A new certificate of the same provider looks like this too: "
        "compare it with what the provider publishes.",
    ),
    "thumbprint-added": (
        "an OIDC provider that roles trust gets another thumbprint",
        "A thumbprint names a certificate authority that may vouch for the host from which AWS takes the provider's "
        "signing keys. AWS asks its own list of authorities first and goes by thumbprints for hosts that are on none "
        "of it. No policy changes; but whoever has a certificate of that authority for the host could let people into "
        "the roles that trust the provider. Leave thumbprints out where you can: AWS finds them itself.",
    ),
    "name-case": (
        "a name differs from the account's in case only",
        "IAM takes `Deploy` and `deploy` for one name and keeps the case in which it was created. The resource is "
        "compared as that one; write the name as the account has it.",
    ),
    "near-quota": (
        "a quota of AWS's is nearly used up, or perhaps passed",
        "The plan leaves little room under a limit of the account. Medium: it would pass AWS's default, and whether "
        "the account's own limit was raised cannot be read. Use fewer or larger policies, a group, or have AWS raise "
        "the quota before it is needed.",
    ),
    "not-compared": (
        "declared resources of a kind were not compared",
        "A snapshot or dump (--live) does not hold everything of this kind. What it lacks may exist, so it is not "
        "called missing and not created. Plan against the account itself.",
    ),
    "not-looked-at": (
        "something that a user signs with could not be looked at",
        "`keys list` and `keys rotate` leave such a user alone and go on with the others. A quarantine denies "
        "everything first and switches off whatever the caller may see. What it may not see stays as it is: the denial "
        "holds for it as well, but its credentials are good again once the denial goes. The evidence names what "
        "failed; run the same command again when that is mended. Until then applying exits with 5.",
    ),
    "not-restored": (
        "a rollback cannot bring this back",
        "No call makes again what a deletion destroyed: ids, passwords, keys, second factors, old versions of a "
        "policy. Trust policies and resource policies that hold an old id do not know the new one. What can be done "
        "about it stands with each.",
    ),
    "oidc-subjects-widened": (
        "a role would let in more subjects of an identity provider",
        "Its trust policy asks less of the subject of a token than before: more repositories, branches, or whatever "
        "else the provider issues tokens for may assume the role, and with a public provider that can be anybody's. "
        "Name what may come in, one by one.",
    ),
    "unassigned-mfa": (
        "a virtual MFA device is assigned to nobody",
        "Looked for when a user is deleted: a device is first taken off the user, then deleted, and a run that broke "
        "off between the two leaves it. What the record of that run tells, or what bears the user's name, the plan "
        "deletes; of any other AWS does not tell whose it was. A device that nobody is setting up can be deleted by "
        "hand. Left in place it counts for the quota, and no other device can be given its name.",
    ),
    "weakened-guardrail": (
        "a change weakens what guards it",
        "Compared with the revision that --base names, or with the operator's --guardrails, this change loosens "
        "something that is there to stop mistakes: a limit, a protection, an acknowledgement, a permission test, the "
        "accounts. Look at it first, and at whether the rest of the change is what it lets through.",
    ),
}
