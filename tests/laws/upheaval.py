"""Two states between which everything happens that a plan can hold: the longest way from one to the other."""

from __future__ import annotations

from tests.behaviour.account import SITE, load

BEFORE = load(
    SITE
    + """\
  old-job:
    managed_policies: [aws/ReadOnlyAccess, audit]
    inline_policies:
      own: &own
        Version: 2012-10-17
        Statement: {Effect: Allow, Action: sqs:SendMessage, Resource: "*"}
    trust_policy: &ec2
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
  moving:
    tags: {team: web}
    managed_policies: [deploy, aws/SecurityAudit]
    inline_policies: {own: *own}
    trust_policy: *ec2
"""
)
AFTER = load(
    """\
policies:
  deploy:                       # replaced: another path; its holders let go and take hold again
    path: /site/
    tags: {team: web}
    document:
      Version: 2012-10-17
      Statement: {Sid: site, Effect: Allow, Action: "s3:*", Resource: "arn:aws:s3:::site/*"}
  fence:                        # a new version, other tags
    tags: {owner: security}
    document:
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: ["s3:*", "ec2:*", "sqs:*"], Resource: "*"}
  wide-fence:                   # a new version
    document: &s3
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}
  queue:                        # created
    tags: {team: queue}
    document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "sqs:*", Resource: "*"}}
  stop:                         # created; it only denies
    document: {Version: 2012-10-17, Statement: {Effect: Deny, Action: "iam:*", Resource: "*"}}
groups:
  engineers:                    # renamed
    renamed_from: developers
    path: /people/
    managed_policies: [deploy, queue]
  operators:                    # created
    path: /people/
    managed_policies: [queue, stop]
    inline_policies: {own: *s3}
users:
  alicia:                       # renamed, moved, another boundary
    renamed_from: alice
    path: /staff/
    groups: [engineers, operators]
    managed_policies: [stop]
    permissions_boundary: wide-fence
    tags: {Team: ops}
  carol:                        # created
    groups: [operators]
    permissions_boundary: fence
    managed_policies: [queue]
    inline_policies: {own: *s3}
    tags: {team: queue}
roles:
  site:                         # every field
    path: /ci/
    description: ""
    max_session_duration: 4h
    tags: {owner: ops}
    managed_policies: [queue, stop]
    inline_policies: {assets: *s3, more: *s3}
    trust_policy:
      Version: 2012-10-17
      Statement:
        Effect: Allow
        Principal: {AWS: ["$(arn.user/carol)", "$(arn.role/left)"]}
        Action: sts:AssumeRole
  reader:
    permissions_boundary: fence
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: $(arn.user/alicia)}, Action: sts:AssumeRole}
  moving:                       # replaced: another path
    path: /moved/
    tags: {team: web}
    managed_policies: [deploy, aws/SecurityAudit]
    inline_policies: {own: *s3}
    trust_policy: &lambda
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
  left:                         # created: two that trust each other
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: $(arn.role/right)}, Action: sts:AssumeRole}
  right:
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: $(arn.role/left)}, Action: sts:AssumeRole}
removed:
  - user/bob
  - group/admins
  - policy/audit
  - role/old-job
""".replace("$(arn.role/right)", "arn:aws:iam::111122223333:role/right")
)
