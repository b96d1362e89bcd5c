#!/usr/bin/env bash
# Replaces verify: a task is proven when `make check` (or the command that you give) passes after it.
#   plan-parse PLAN.md | route | codex-exec | scripts/examples/verify-make.sh | approve
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
check=("${@:-make}"); (($#)) || check+=(check)
jq -nRr --unbuffered -L "$here" 'include "lines"; lines("verify-make.sh")
  | (.task.type == "task" and .task.result.status? == "ok" and (.task | has("verdict") | not) | tostring), .line' |
{
  failed=0
  while IFS= read -r mine && IFS= read -r line; do
    if [[ $mine == true ]]; then
      start=$(date +%s); said=$("${check[@]}" </dev/null 2>&1); code=$?; seconds=$(($(date +%s) - start))
      ((code)) && failed=1
      verdict=$(tail -c 2000 <<<"$said" | jq -Rsc --arg name "${check[*]}" --argjson code $code --argjson seconds $seconds '
        . as $tail | (if $code == 0 then "pass" else "fail" end) as $status
        | {$status, checks: [{kind: "command", $name, $status, exit: $code, $seconds, $tail}]}')
      line="${line%\}*},\"verdict\":$verdict}"
    fi
    printf '%s\n' "$line"
  done
  exit $failed
}
codes=("${PIPESTATUS[@]}")
exit $((codes[0] ? codes[0] : codes[1]))                      # bad input (65, from jq) says more than a failed check
