# lines(TOOL): every line of stdin as {line, task}, checked as docs/contract.md asks; ends with 65 at a bad one.
# For the bash stages beside it: jq -nRr --unbuffered -L HERE 'include "lines"; lines("my-stage") | ...'
def lines($tool):
  def stop($reason): "\($tool): stdin:\(.number): \($reason)\n" | halt_error(65);
  foreach inputs as $line ({seen: {}};
    .number += 1 | .line = $line
    | .task = (try ($line | if test("\\S") then fromjson else {type: "blank"} end) catch null)
    | if (.task | type) != "object" or (.task.type | type) != "string" then stop("no object with a type") else . end
    | if .task.type != "task" then .
      elif (.task.id | type) != "string" then stop("a task without an id")
      else "\(.task.id) \(.task.batch.attempt // 0)" as $name
        | if .seen[$name] then stop("this task came before") else .seen[$name] = true end
      end;
    {line, task});
