#!/usr/bin/env -S jq -nRr --unbuffered -f
# Replaces approve: whatever has been verified is approved, however it came out. For plans where nothing can break.
#   plan-parse PLAN.md | route | codex-exec | verify | scripts/examples/approve-all.jq
def stop($reason): "approve-all: stdin:\(.number): \($reason)\n" | halt_error(65);
foreach inputs as $line ({seen: {}};
  .number += 1 | .line = $line
  | .task = (try ($line | if test("\\S") then fromjson else {type: "blank"} end) catch null)
  | if (.task | type) != "object" or (.task.type | type) != "string" then stop("no object with a type") else . end
  | if .task.type != "task" then . elif (.task.id | type) != "string" then stop("a task without an id") else
      "\(.task.id) \(.task.batch.attempt // 0)" as $name
      | if .seen[$name] then stop("this task came before") else .seen[$name] = true end
      | .task as $task
      | {gate: "result", status: "approved", by: "policy:approve-all", at: (now | todate), task_digest: $task.digest} as $yes
      | if $task.verdict == null or any($task.decisions[]?; .gate == "result" and .task_digest == $task.digest) then .
        elif $task | has("decisions") then .line = ($task | .decisions += [$yes] | tojson)   # jq may respell its numbers
        else .line |= sub("}\\s*$"; ",\"decisions\":\([$yes] | tojson)}") end
    end;
  .line)
