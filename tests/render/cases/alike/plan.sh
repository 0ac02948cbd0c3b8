#!/bin/sh
# The calls of an iamsync plan, in order. The account that the credentials belong to is checked first.
set -eu
export AWS_PAGER=''
account=$(aws sts get-caller-identity --query Account --output text)
case "$account" in
111122223333)
  # account prod (111122223333): 13 calls
  # role/deploy-api
  aws iam create-role --role-name deploy-api --assume-role-policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
  # role/deploy-cron
  aws iam create-role --role-name deploy-cron --assume-role-policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
  # role/deploy-docs
  aws iam create-role --role-name deploy-docs --assume-role-policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
  # role/deploy-mail
  aws iam create-role --role-name deploy-mail --assume-role-policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
  # role/deploy-site
  aws iam create-role --role-name deploy-site --assume-role-policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
  # role/deploy-api
  aws iam attach-role-policy --role-name deploy-api --policy-arn arn:aws:iam::111122223333:policy/deploy
  # role/deploy-cron
  aws iam attach-role-policy --role-name deploy-cron --policy-arn arn:aws:iam::111122223333:policy/deploy
  # role/deploy-docs
  aws iam attach-role-policy --role-name deploy-docs --policy-arn arn:aws:iam::111122223333:policy/deploy
  # role/deploy-mail
  aws iam attach-role-policy --role-name deploy-mail --policy-arn arn:aws:iam::111122223333:policy/deploy
  # role/deploy-site
  aws iam attach-role-policy --role-name deploy-site --policy-arn arn:aws:iam::111122223333:policy/deploy
  # user/bot-0
  aws iam delete-user --user-name bot-0
  # user/bot-1
  aws iam delete-user --user-name bot-1
  # user/bot-2
  aws iam delete-user --user-name bot-2
  ;;
*)
  printf 'the credentials are of account %s, which this plan is not for (111122223333)\n' "$account" >&2
  exit 1
  ;;
esac
