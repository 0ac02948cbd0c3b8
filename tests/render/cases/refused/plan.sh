#!/bin/sh
# The calls of an iamsync plan, in order. The account that the credentials belong to is checked first.
# REFUSED by guard deny-removed: user/eve would lose what denies it something: aws/AWSCompromisedKeyQuarantineV2
# REFUSED by guard incomplete-read: policy/versions would be deleted, but not every policy was read
set -eu
export AWS_PAGER=''
account=$(aws sts get-caller-identity --query Account --output text)
case "$account" in
111122223333)
  # account dev (111122223333): 4 calls
  # user/eve
  aws iam detach-user-policy --user-name eve --policy-arn arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2
  # policy/versions
  aws iam delete-policy-version --policy-arn arn:aws:iam::111122223333:policy/versions --version-id v1
  aws iam delete-policy-version --policy-arn arn:aws:iam::111122223333:policy/versions --version-id v2
  aws iam delete-policy --policy-arn arn:aws:iam::111122223333:policy/versions
  ;;
*)
  printf 'the credentials are of account %s, which this plan is not for (111122223333)\n' "$account" >&2
  exit 1
  ;;
esac
