#!/usr/bin/env -S jq -nRr --unbuffered -f
# Replaces route: every task that has no route yet goes to codex.
#   plan-parse PLAN.md | scripts/examples/route-all-codex.jq | codex-exec | verify | approve
def stop($reason): "route-all-codex: stdin:\(.number): \($reason)\n" | halt_error(65);
foreach inputs as $line ({seen: {}};
  .number += 1 | .line = $line
  | .task = (try ($line | if test("\\S") then fromjson else {type: "blank"} end) catch null)
  | if (.task | type) != "object" or (.task.type | type) != "string" then stop("no object with a type") else . end
  | if .task.type != "task" then . elif (.task.id | type) != "string" then stop("a task without an id") else
      "\(.task.id) \(.task.batch.attempt // 0)" as $name
      | if .seen[$name] then stop("this task came before") else .seen[$name] = true end
      | if .task.route then . else
          ({work_type: (.task.work_type // "implement"), backend: "codex", models: ["gpt-5.3-codex"],
            sandbox: "workspace-write", rank: 1, rule: "all-codex", why: "everything goes to codex"} | tojson) as $route
          | .line |= sub("}\\s*$"; ",\"route\":\($route)}")
        end
    end;
  .line)
