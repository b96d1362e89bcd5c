#!/usr/bin/env bash
# Replaces route: the work type that the plan states decides; what it calls manual stays with a person.
#   plan-parse PLAN.md | scripts/examples/route.sh | codex-exec | verify | approve
set -o pipefail                                               # when jq ends with 65, so do we
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jq -nRr --unbuffered -L "$here" 'include "lines"; lines("route.sh")
  | if .task.type == "task" and (.task | has("route") | not) then .task.work_type // "implement" else "-" end, .line' |
while IFS= read -r work_type && IFS= read -r line; do         # a fact about the line, then the line as it came
  case $work_type in
    -) ;;
    manual) route='"backend":"manual","models":[],"rank":0' ;;
    *review | analysis | research) route='"backend":"codex","models":["gpt-5.4"],"sandbox":"read-only","rank":1' ;;
    *) route='"backend":"codex","models":["gpt-5.3-codex"],"sandbox":"workspace-write","rank":1' ;;
  esac
  if [[ $work_type != - ]]; then
    line="${line%\}*},\"route\":{\"work_type\":\"$work_type\",$route,\"rule\":\"route.sh\",\"why\":\"work type\"}}"
  fi
  printf '%s\n' "$line"
done
