#!/bin/sh
# The calls of an iamsync plan, in order. The account that the credentials belong to is checked first.
set -eu
export AWS_PAGER=''
account=$(aws sts get-caller-identity --query Account --output text)
case "$account" in
111122223333)
  # account prod (111122223333): 4 calls
  # role/site
  aws iam put-role-policy --role-name site --policy-name assets --policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}}'
  aws iam update-assume-role-policy --role-name site --policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/site"},"Action":"sts:AssumeRole"}}'
  # policy/deploy
  aws iam delete-policy-version --policy-arn arn:aws:iam::111122223333:policy/deploy --version-id v1
  aws iam create-policy-version --policy-arn arn:aws:iam::111122223333:policy/deploy --policy-document '{"Version":"2012-10-17","Statement":[{"Sid":"site","Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::site/*"},{"Effect":"Deny","NotAction":["s3:*","ec2:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}}}]}' --set-as-default
  ;;
*)
  printf 'the credentials are of account %s, which this plan is not for (111122223333)\n' "$account" >&2
  exit 1
  ;;
esac
