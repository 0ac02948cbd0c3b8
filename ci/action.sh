#!/usr/bin/env bash
# What the GitHub Action does in the project's folder once iamsync is installed: plan, apply or drift, with its
# outputs and the comment on the pull request. Everything comes in through the environment (see action.yml).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command=${IAMSYNC_CI_COMMAND:?}
base=${IAMSYNC_CI_BASE:-}
reports=${RUNNER_TEMP:?}/iamsync-reports
# The token is for the comment alone: iamsync never sees it.
token=${IAMSYNC_CI_TOKEN:-}
unset IAMSYNC_CI_TOKEN

rm -rf "$reports"
mkdir -p "$reports"

fail() {
  echo "::error title=iamsync::$1"
  exit 1
}

planned=(--format github --report "markdown=$reports/report.md" --report "json=$reports/report.json")
case $command in
  plan)
    arguments=(plan "${planned[@]}")
    if [[ -n $base ]]; then
      [[ $base =~ ^[A-Za-z0-9][A-Za-z0-9._/-]*$ ]] || fail "base is no revision"
      arguments+=(--base "git:$base")
      # Who is assumed, what is protected and who is told is not for a pull request to say.
      git show "$base:./iamsync.yaml" > "$reports/iamsync.yaml" || fail "the base has no iamsync.yaml"
      if ! cmp -s "$reports/iamsync.yaml" iamsync.yaml; then
        # Whatever the pull request put there, a link out of the checkout too: it is not written through.
        rm -rf -- iamsync.yaml
        cp "$reports/iamsync.yaml" iamsync.yaml
        echo "::notice title=iamsync::iamsync.yaml differs from the base's; the base's is used for this plan"
      fi
    fi
    ;;
  drift)
    arguments=(drift "${planned[@]}")
    ;;
  apply)
    digest='sha256:[0-9a-f]{64}'
    [[ ${IAMSYNC_CI_APPROVED:-} =~ ^$digest( $digest)*$ ]] || fail "apply needs the approved digest, sha256:..., one for each account that changes"
    arguments=(apply)
    for one in $IAMSYNC_CI_APPROVED; do arguments+=(--approved "$one"); done
    ;;
  *)
    fail "command is plan, apply or drift"
    ;;
esac

code=0
iamsync "${arguments[@]}" || code=$?

python3 "$here/outputs.py" "$reports" "$code" >> "${GITHUB_OUTPUT:?}"

if [[ $command == plan && ${IAMSYNC_CI_COMMENT:-true} == true && -n ${IAMSYNC_CI_PULL:-} ]]; then
  # A comment that stays as it was would show a plan that is none any more: failing to write it is a failure.
  if ! IAMSYNC_CI_TOKEN=$token python3 "$here/comment.py" "$reports/report.md" && [[ $code == 0 ]]; then
    code=1
  fi
fi
exit "$code"
