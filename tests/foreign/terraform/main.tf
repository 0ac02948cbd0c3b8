# What made the states in this folder: every IAM resource that the provider has and a server on this side of AWS takes.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "endpoint" {
  type = string
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    iam = var.endpoint
    sts = var.endpoint
  }
  default_tags {
    tags = { Team = "platform" }
  }
}

locals {
  ec2 = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
  read = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = "arn:aws:s3:::site/*" }]
  })
  own = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["iam:ChangePassword", "iam:GetUser"]
      Resource = "arn:aws:iam::*:user/$${aws:username}"
    }]
  })
}

# Policies: with a path, with count, attached from the policy's side.
resource "aws_iam_policy" "audit" {
  name        = "audit"
  path        = "/ops/"
  description = "What auditors read"
  policy      = local.read
}

resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}

resource "aws_iam_policy" "shard" {
  count  = 2
  name   = "shard-${count.index}"
  policy = local.read
}

resource "aws_iam_policy" "shared" {
  name   = "shared"
  policy = local.own
}

resource "aws_iam_policy_attachment" "shared" {
  name       = "everybody"
  policy_arn = aws_iam_policy.shared.arn
  users      = [aws_iam_user.people["alice"].name]
  roles      = [aws_iam_role.app.name]
  groups     = [aws_iam_group.developers.name]
}

# Roles: every field, inline policies three ways, attachments four ways.
resource "aws_iam_role" "app" {
  name                 = "app"
  path                 = "/service/"
  description          = "The application"
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.boundary.arn
  assume_role_policy   = local.ec2
  tags                 = { Stage = "prod" }
}

resource "aws_iam_role_policy" "app" {
  name   = "read"
  role   = aws_iam_role.app.id
  policy = local.read
}

resource "aws_iam_role_policy_attachment" "app" {
  for_each   = { audit = aws_iam_policy.audit.arn, readonly = "arn:aws:iam::aws:policy/ReadOnlyAccess" }
  role       = aws_iam_role.app.name
  policy_arn = each.value
}

resource "aws_iam_role" "exclusive" {
  name               = "exclusive"
  assume_role_policy = local.ec2
}

resource "aws_iam_role_policy" "exclusive" {
  name   = "own"
  role   = aws_iam_role.exclusive.name
  policy = local.read
}

resource "aws_iam_role_policies_exclusive" "exclusive" {
  role_name    = aws_iam_role.exclusive.name
  policy_names = [aws_iam_role_policy.exclusive.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "exclusive" {
  role_name   = aws_iam_role.exclusive.name
  policy_arns = [aws_iam_policy.audit.arn]
}

resource "aws_iam_role" "inside" {
  name                = "inside"
  managed_policy_arns = ["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"]
  assume_role_policy  = local.ec2
  inline_policy {
    name   = "kept-inside"
    policy = local.own
  }
}

resource "aws_iam_role" "from_github" {
  name = "from-github"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:acme/site:ref:refs/heads/main"
        }
      }
    }]
  })
}

resource "aws_iam_instance_profile" "app" {
  name = "app"
  path = "/service/"
  role = aws_iam_role.app.name
}

# Users and groups: memberships from both sides, exclusive lists.
resource "aws_iam_user" "people" {
  for_each             = toset(["alice", "bob"])
  name                 = each.key
  path                 = "/people/"
  permissions_boundary = aws_iam_policy.boundary.arn
  force_destroy        = true
}

resource "aws_iam_user" "robot" {
  name = "robot"
}

resource "aws_iam_group" "developers" {
  name = "developers"
}

resource "aws_iam_group" "admins" {
  name = "admins"
  path = "/people/"
}

resource "aws_iam_group_membership" "developers" {
  name  = "developers"
  group = aws_iam_group.developers.name
  users = [for user in aws_iam_user.people : user.name]
}

resource "aws_iam_user_group_membership" "alice" {
  user   = aws_iam_user.people["alice"].name
  groups = [aws_iam_group.admins.name]
}

resource "aws_iam_user_policy" "robot" {
  name   = "read"
  user   = aws_iam_user.robot.name
  policy = local.read
}

resource "aws_iam_user_policies_exclusive" "robot" {
  user_name    = aws_iam_user.robot.name
  policy_names = [aws_iam_user_policy.robot.name]
}

resource "aws_iam_user_policy_attachment" "robot" {
  user       = aws_iam_user.robot.name
  policy_arn = aws_iam_policy.shard[0].arn
}

resource "aws_iam_user_policy_attachments_exclusive" "robot" {
  user_name   = aws_iam_user.robot.name
  policy_arns = [aws_iam_policy.shard[0].arn]
}

resource "aws_iam_group_policy" "developers" {
  name   = "own"
  group  = aws_iam_group.developers.name
  policy = local.own
}

resource "aws_iam_group_policies_exclusive" "developers" {
  group_name   = aws_iam_group.developers.name
  policy_names = [aws_iam_group_policy.developers.name]
}

resource "aws_iam_group_policy_attachment" "admins" {
  group      = aws_iam_group.admins.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

resource "aws_iam_group_policy_attachments_exclusive" "admins" {
  group_name  = aws_iam_group.admins.name
  policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
}

# Credentials and what else iamsync has no home for.
resource "aws_iam_access_key" "robot" {
  user = aws_iam_user.robot.name
}

resource "aws_iam_user_login_profile" "alice" {
  user = aws_iam_user.people["alice"].name
}

resource "aws_iam_user_ssh_key" "alice" {
  username   = aws_iam_user.people["alice"].name
  encoding   = "SSH"
  public_key = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQD3F6tyPEFEzV0LX3X8BsXdMsQz1x2cEikKDEY0aIj41qgxMCP/iteneqXSIFZBp5vizPvaoIR3Um9xK7PGoW8giupGn+EPuxIA4cDM4vzOqOkiMPhz5XK0whEjkVzTo4+S0puvDZuwIsdiW9mxhJc7tgBNL0cYlWSYVkz4G/fslNfRPW5mYAM49f4fhtxPb5ok4Q2Lg9dPKVHO/Bgeu5woMc7RY0p1ej6D4CKFE6lymSDJpW0YHX/wqE9+cfEauh7xZcG0q9t2ta6F6fmX0agvpFyZo8aFbXeUBr7osSCJNgvavWbM/06niWrOvYX2xwWdhXmXSrbX8ZbabVohBK41"
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
}

# Providers and the account's own settings.
resource "aws_iam_openid_connect_provider" "github" {
  url             = "https://token.actions.githubusercontent.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}

resource "aws_iam_saml_provider" "okta" {
  name                   = "okta"
  saml_metadata_document = file("${path.module}/okta.xml")
}

resource "aws_iam_account_alias" "alias" {
  account_alias = "acme-prod"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = 14
  require_lowercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  require_uppercase_characters   = true
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 24
}

# Modules, one of them many times.
module "team" {
  source   = "./module"
  for_each = toset(["data", "web"])
  name     = each.key
}

data "aws_iam_policy" "readonly" {
  arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
