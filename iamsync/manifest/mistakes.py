"""What each mistake in a file is about: the long form of its code, why it is one and how to mend it."""

from __future__ import annotations

from typing import Final

# Code -> title, and why and how.
MISTAKES: Final[dict[str, tuple[str, str]]] = {
    # Text, YAML and JSON.
    "alias-bomb": (
        "aliases stand for too much",
        "A few lines of YAML aliases can stand for billions of values. Write the values out, or use templates:.",
    ),
    "byte-order-mark": ("the file begins with a byte order mark", 'Save it as UTF-8 "without BOM".'),
    "control-character": (
        "a character that may not stand there",
        "YAML and JSON take no control characters as they are, and nobody sees them. Remove it, or write its escape.",
    ),
    "duplicate-key": (
        "a key stands twice",
        "Of two values only one could count, and which one is a guess. Remove or rename one of the two.",
    ),
    "json-syntax": ("this is no JSON", "The message says where the parser stopped."),
    "key-not-text": ("a key is not a text", "Keys are texts; quote an empty one, and write no list or table as one."),
    "list-variable": (
        "a list stands where a text belongs",
        "A variable that is a list stands for a whole value or a whole item of a list, not inside a text or a key.",
    ),
    "merge-key": ("merge keys are not supported", 'Put what is shared under templates: and say "use: NAME".'),
    "not-utf8": ("the file is not UTF-8 text", "Save it as UTF-8; the place is that of the first byte that is not."),
    "recursive-alias": ("an alias stands inside what it names", "It would never end. Write out what is meant."),
    "tab-indentation": ("a tab stands where only spaces may", "YAML takes no tabs in indentation. Use spaces."),
    "too-deep": ("values are nested too deeply", "No manifest needs that much; something is probably generated wrong."),
    "too-large": ("the file is too large", "Over 5 MB. Split it into several files."),
    "unclosed-bracket": (
        "a bracket is never closed",
        "The place is that of the bracket. Close it, or quote the value.",
    ),
    "unclosed-quote": ("a quote is never closed", "The place is that of the quote. Close it."),
    "unclosed-variable": (
        'a "$(" has no ")"',
        'Write $(NAME), or "$$(" for a "$(" that is meant as text.',
    ),
    "undefined-alias": (
        "an alias without an anchor",
        "What begins with * is an alias in YAML, and its anchor does not stand before it. Quote it where it is text.",
    ),
    "unknown-tag": (
        "YAML tags are not supported",
        "What begins with ! changes the type of a value in YAML. Remove it, or quote the value where it is text.",
    ),
    "unknown-variable": (
        "there is no such variable",
        "Variables come from iamsync.yaml, --var, --variables-from and iamsync itself. The hint names what is close; "
        'write "$$(" for a "$(" that is meant as text.',
    ),
    "unquoted-braces": (
        'a value that begins with "{{" must be quoted',
        "YAML reads two tables there, not text. iamsync's own variables are written $(NAME).",
    ),
    "unquoted-character": ("this value must be quoted", "YAML keeps its first character for itself."),
    "unquoted-star": (
        'a value that begins with "*" must be quoted',
        'YAML reads an alias there. Write "*" in quotes, as in "*:ReadOnly".',
    ),
    "yaml-syntax": ("this is no YAML", "The message says what is wrong at that place."),
    # Files and paths.
    "empty-manifests": (
        "nothing is declared",
        "No manifest was found, or none declares anything. An empty set is never taken for a wish to delete "
        "everything.",
    ),
    "no-such-path": (
        "there is no such file or folder in the project",
        "Give a manifest file or folder inside the project.",
    ),
    "not-a-manifest": (
        "this is no manifest",
        "A manifest is a mapping of sections (users:, roles:, policies: ...). Move other files out of the folder.",
    ),
    "outside-project": (
        "a path leaves the project",
        "Files are read from inside the project alone, whatever a manifest or a link says. Move the file into it.",
    ),
    "unreadable-file": (
        "a file cannot be read",
        "It is not there, may not be read, is not UTF-8, or has an ending that no document has.",
    ),
    # The project file, snapshots, the lock file.
    "bad-account-id": ("this is no account id", "It has 12 digits, zeros at the front included."),
    "bad-config": (
        "the project file, or the guardrails file, is not right",
        "The message says what; `iamsync schema config` and `iamsync schema guardrails` print all that they may hold.",
    ),
    "bad-lock-file": (
        "iamsync.lock.json cannot be used",
        "It is damaged or of another format. Write it anew with: iamsync refresh.",
    ),
    "bad-terraform-state": (
        "this is no Terraform state",
        "Make one with: terraform state pull > FILE.",
    ),
    "bad-source": (
        "another tool's file is not as that tool writes it",
        "`iamsync import --from` reads IAMbic's templates and iamy's files, and this one it cannot read: the message "
        "says what is wrong and where. Nothing was written. Mend the file, or move it out of the folder and declare "
        "what is in it by hand.",
    ),
    "duplicate-account": (
        "two accounts are one",
        "They have the same id. Remove one of the two.",
    ),
    "secret-in-file": (
        "a secret stands in the project file",
        "A URL of a webhook lets whoever has it write there, and a repository is read by many. Make a "
        "new one, and set it in IAMSYNC_SLACK_WEBHOOK or IAMSYNC_WEBHOOK_URL.",
    ),
    "nested-variable": (
        "a variable inside a variable",
        "The value of a variable is not searched for others. Write it where the variable is used, or give each account "
        "a value of its own.",
    ),
    "no-snapshot": ("this is no snapshot", "`iamsync snapshot --out FILE` writes one."),
    "snapshot-format": (
        "the snapshot is of another format",
        "Read it with the iamsync that wrote it, or take it again.",
    ),
    "unknown-key": ("a snapshot has a key that it cannot have", "It was edited, or written by something else."),
    # What is declared.
    "bad-context-key": ("this is no condition key", "Write it as policies do, for example aws:SourceIp."),
    "bad-duration": ("this is no duration", "Write a number and a unit, as 90m, 8h or 7d, or a number of seconds."),
    "bad-metadata": (
        "this is no SAML metadata",
        "AWS takes the XML that the identity provider exports. Export it again.",
    ),
    "bad-name": (
        "this name cannot be",
        "It is too long, or has a character that AWS or iamsync does not take; the hint says what is taken.",
    ),
    "bad-path": (
        "this path cannot be",
        "An IAM path begins and ends with /, as /ci/. The path of a file stays inside the project.",
    ),
    "bad-reference": (
        "this names nothing that can stand here",
        "Write a declared name, aws/NAME for one of AWS's own policies, live/NAME for what lives in the account, or an "
        "ARN of the right kind.",
    ),
    "bad-rename": (
        "renamed_from cannot be",
        "It names the resource itself, one that is declared as well, or one that something else is renamed from.",
    ),
    "bad-selector": (
        "this selects nothing",
        "A selector is KIND/NAME or KIND:/PATH/, with * and **, or tag:KEY=VALUE; ! in front excepts.",
    ),
    "bad-tag": ("this tag cannot be", "Its key or value is too long, has a character AWS does not take, or is AWS's."),
    "bad-text": ("this text cannot be", "AWS does not take its length or one of its characters."),
    "bad-time": (
        "this is no date and no time",
        "Write 2027-01-31, which means its first moment in UTC, or 2027-01-31T18:00:00Z; a time needs its zone.",
    ),
    "boundary-expires": (
        "a permissions boundary expires before what it bounds",
        "Nothing would cap the user or role from then on. Let the boundary stay, or give what it bounds the same end.",
    ),
    "duplicate-item": ("an item stands twice", "Remove one of the two."),
    "duplicate-name": (
        "two inline policies differ in case only",
        "IAM takes them for one name. Remove or rename one of the two.",
    ),
    "duplicate-reference": ("a reference stands twice", "Remove one of the two."),
    "duplicate-removal": ("a removal stands twice", "Remove one of the two lines."),
    "duplicate-resource": (
        "a resource is declared twice",
        "IAM tells names apart without case, within a kind and whatever the path. Remove or rename one of the two.",
    ),
    "duplicate-tag": (
        "two tags are one key",
        "IAM takes tag keys on users and roles that differ in case only for one. Remove one of the two.",
    ),
    "duplicate-template": ("a template stands twice", "Remove or rename one of the two."),
    "duplicate-test": ("two tests have one name", "Remove or rename one of the two."),
    "excluded-resource": (
        "a declared resource is outside of the scope",
        "scope.exclude leaves it to others, so that the two contradict each other. Remove the declaration, or "
        "except it there.",
    ),
    "malformed-policy": (
        "AWS would refuse this document",
        "An element is missing, not known, or of the wrong form; the place is the one that is meant.",
    ),
    "missing-document": ("a policy document is missing", "Write it out, or {$file: PATH}."),
    "missing-field": ("something that is needed is missing", "The hint shows how to write it."),
    "missing-parameter": ("a template's parameter has no value", "Give it under with:, or give it a default."),
    "out-of-range": ("a number or a size is too small or too large", "The message names the limits, which are AWS's."),
    "out-of-reach": (
        "it belongs to AWS",
        "Service-linked roles and those of Identity Center are changed by their service alone. Take them out of the "
        "manifests.",
    ),
    "over-quota": (
        "AWS would refuse it as too much",
        "A limit that no account can have raised, or the size of what an owner's inline policies may be together.",
    ),
    "removed-and-declared": (
        "something is declared and removed at once",
        "Which of the two is meant cannot be told. Remove one of them.",
    ),
    "delivered-twice": (
        "two secrets would be delivered to one place",
        "The second would push the first out. Give each a place of its own, for example with $(name) in it.",
    ),
    "unknown-field": (
        "there is no such field",
        "A typing error, or a field of another kind; the hint names a near one.",
    ),
    "unknown-kind": ("there is no such kind", "An address is KIND/NAME, with the kinds that `iamsync schema` knows."),
    "unknown-parameter": ("the template has no such parameter", "The hint names those that it has."),
    "unknown-section": ("there is no such section", "The hint names a near one; docs/manifest.md lists them."),
    "unknown-template": ("there is no such template", "The hint names a near one, or where templates are declared."),
    "unknown-value": ("this value is none of those that can be", "The hint names what is taken."),
    "wrong-template": (
        "the template is of another kind",
        "A template for roles makes no user. Its place stands with the message.",
    ),
    "wrong-type": (
        "this is of another type than is needed",
        "A list, a mapping, a text, a number or true and false: the message says which stands there and which is "
        "needed.",
    ),
}
