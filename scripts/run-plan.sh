#!/usr/bin/env bash
# The loop of plan-run in plain shell: the same command again goes on where it stopped.
# usage: run-plan.sh PLAN [RUN]      TRUST=FILE names a policy that answers before a person is asked (approve --policy)
set -euo pipefail                     # the code of the stage that has something to say, not that of the last one
plan=${1:?usage: run-plan.sh PLAN [RUN]}
name=$(basename "$plan") && name=${name%.*}
run=${2:-.plan/$name/run.jsonl}
PATH=$(dirname "$(command -v plan-parse)"):$PATH     # there is a system program called route
trust=(${TRUST:+--policy "$TRUST"})
plan-parse "$plan" | route |
  approve --gate plan "${trust[@]}" --run "$run" | plan-batch --run "$run" --follow --isolate worktree |
  codex-exec --isolate worktree | approve --gate fallback "${trust[@]}" --run "$run" | claude-exec --isolate worktree |
  verify | approve "${trust[@]}" --run "$run" | land --run "$run" | journal "$run" >/dev/null
