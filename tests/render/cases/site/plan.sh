#!/bin/sh
# The calls of an iamsync plan, in order. The account that the credentials belong to is checked first.
set -eu
export AWS_PAGER=''
account=$(aws sts get-caller-identity --query Account --output text)
case "$account" in
111122223333)
  # account prod (111122223333, acme-prod): 25 calls
  # policy/deploy
  aws iam create-policy --policy-name deploy --policy-document '{"Version":"2012-10-17","Statement":[{"Sid":"site","Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::site/*"},{"Effect":"Deny","NotAction":["s3:*","ec2:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}}}]}'
  # group/devs
  aws iam create-group --group-name devs
  # role/r1
  aws iam create-role --role-name r1 --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
  # role/r2
  aws iam create-role --role-name r2 --assume-role-policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/r1"},"Action":"sts:AssumeRole"}}'
  # group/devs
  aws iam attach-group-policy --group-name devs --policy-arn arn:aws:iam::111122223333:policy/deploy
  # role/deploy-site
  aws iam put-role-policy --role-name deploy-site --policy-name assets --policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Get*"],"Resource":"*"}}'
  aws iam attach-role-policy --role-name deploy-site --policy-arn arn:aws:iam::111122223333:policy/deploy
  # role/r1
  aws iam update-assume-role-policy --role-name r1 --policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/r2"},"Action":"sts:AssumeRole"}}'
  # wait: grants settle before revocations begin
  sleep 10
  # user/old-bot
  aws iam remove-user-from-group --user-name old-bot --group-name old
  aws iam delete-user-policy --user-name old-bot --policy-name x
  aws iam detach-user-policy --user-name old-bot --policy-arn arn:aws:iam::111122223333:policy/q
  # role/deploy-site
  aws iam delete-role-policy --role-name deploy-site --policy-name gone
  aws iam detach-role-policy --role-name deploy-site --policy-arn arn:aws:iam::111122223333:policy/q
  aws iam detach-role-policy --role-name deploy-site --policy-arn arn:aws:iam::aws:policy/AmazonS3FullAccess
  # user/old-bot
  aws iam delete-user --user-name old-bot
  # user/al
  aws iam update-user --user-name alan --new-user-name al
  aws iam add-user-to-group --user-name al --group-name devs
  aws iam detach-user-policy --user-name al --policy-arn arn:aws:iam::111122223333:policy/moved
  # policy/moved
  aws iam delete-policy --policy-arn arn:aws:iam::111122223333:policy/moved
  aws iam create-policy --policy-name moved --path /new/ --policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}'
  # user/al
  aws iam attach-user-policy --user-name al --policy-arn arn:aws:iam::111122223333:policy/new/moved
  aws iam tag-user --user-name al --tags '[{"Key": "team", "Value": "data"}]'
  # role/deploy-site
  aws iam update-role --role-name deploy-site --description '' --max-session-duration 7200
  aws iam untag-role --role-name deploy-site --tag-keys '["z"]'
  aws iam tag-role --role-name deploy-site --tags '[{"Key": "a", "Value": "b"}]'
  ;;
*)
  printf 'the credentials are of account %s, which this plan is not for (111122223333)\n' "$account" >&2
  exit 1
  ;;
esac
