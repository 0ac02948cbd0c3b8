#!/bin/sh
# The calls of an iamsync plan, in order. The account that the credentials belong to is checked first.
set -eu
export AWS_PAGER=''
account=$(aws sts get-caller-identity --query Account --output text)
case "$account" in
111122223333)
  # account \x1b[2J\u202egnp*prod* <b> (111122223333): 2 calls
  # user/gone
  aws iam create-user --user-name gone --tags '[{"Key": "k", "Value": "--version"}]'
  # role/x
  aws iam create-role --cli-input-json '{"RoleName": "x", "Description": "file:///etc/passwd `````` </details><script>alert(1)</script> @everyone", "AssumeRolePolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}}", "Tags": [{"Key": "<b>", "Value": "`````\n```\n# pwned"}, {"Key": "esc", "Value": "\u001b[2J\u202egnp"}, {"Key": "quote", "Value": "it'"'"'s $(id) `id`; rm -rf /"}]}'
  ;;
*)
  printf 'the credentials are of account %s, which this plan is not for (111122223333)\n' "$account" >&2
  exit 1
  ;;
esac
