#!/usr/bin/env bash
# Replaces codex-exec: runs a command of yours for each task that is addressed to BACKEND; the prompt is its stdin.
#   plan-parse PLAN.md | route | scripts/examples/local-exec.sh codex my-agent --its-flag | verify | approve
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
backend=${1:?the backend to stand in for}; shift
jq -nRr --unbuffered -L "$here" --arg backend "$backend" 'include "lines"; lines("local-exec.sh")
  | (.task.type == "task" and .task.route.backend? == $backend and (.task.result or .task.checked | not)) as $mine
  | ($mine | tostring), (if $mine then "Task \(.task.id): \(.task.title)\n\n\(.task.body)" else "" end | @base64), .line' |
{
  failed=
  while IFS= read -r mine && IFS= read -r prompt && IFS= read -r line; do
    if [[ $mine == true && $failed ]]; then
      line="${line%\}*},\"result\":{\"status\":\"held\",\"backend\":\"$backend\"}}"
    elif [[ $mine == true ]]; then
      answer=$(base64 -d <<<"$prompt" | "$@"); code=$?        # the exit status decides, never what it said
      ((code)) && failed=1
      result=$(jq -nc --arg backend "$backend" --arg message "$answer" --argjson code "$code" '{backend: $backend, $message}
        + if $code == 0 then {status: "ok", code: 0} else {status: "failed", code: 1, class: "other", evidence: "exit \($code)"} end')
      line="${line%\}*},\"result\":$result}"
    fi
    printf '%s\n' "$line"
  done
  [[ ! $failed ]] || exit 20                                  # a person must decide before it goes on
}
codes=("${PIPESTATUS[@]}")
exit $((codes[0] ? codes[0] : codes[1]))                      # bad input (65, from jq) says more than 20
