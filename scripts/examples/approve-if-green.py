#!/usr/bin/env python3
# Replaces approve: a verdict of `pass` is approved, anything else waits for a person, and then the exit code is 20.
#   plan-parse PLAN.md | route | codex-exec | verify | scripts/examples/approve-if-green.py
import json, re, signal, sys, time

signal.signal(signal.SIGPIPE, signal.SIG_DFL)                 # the reader has gone: end quietly
seen, waiting = set(), False
keep = {"parse_int": "<#{}#>".format, "parse_float": "<#{}#>".format}  # numbers as marked strings, until they are out
for number, line in enumerate(sys.stdin.buffer, 1):
    try:
        task = json.loads(line.decode()) if line.strip() else {"type": "blank"}
        mine = task["type"] + "" == "task"                    # an error when it is missing, or no string
        name = (task["id"] + "", task.get("batch", {}).get("attempt", 0)) if mine else number
        assert name not in seen and not seen.add(name), "this task came before"
        verdict = task["verdict"]["status"] if mine and "verdict" in task else None
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
        sys.exit(print(f"approve-if-green: stdin:{number}: {error!r}", file=sys.stderr) or 65)
    again = verdict != "pass" and task.get("batch", {}).get("attempts_left", 0) > 0
    answers = {one["task_digest"]: one["status"] for one in task.get("decisions", []) if one["gate"] == "result"} if verdict else {}
    status = answers.get(task.get("digest")) or ("approved" if verdict == "pass" else "pending")
    waiting = waiting or bool(verdict and not again and status != "approved")
    if verdict and not again and task["digest"] not in answers:
        task = json.loads(line, **keep)
        task["decisions"] = task.get("decisions", []) + [{
            "gate": "result", "status": status, "by": "policy:if-green", "task_digest": task["digest"],
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}]
        line = re.sub(r'"<#([-+.0-9eE]+)#>"', r"\1", json.dumps(task)).encode()  # each spelled as it came
    sys.stdout.buffer.write(line.rstrip(b"\n") + b"\n")
    sys.stdout.flush()                                        # nobody behind us has to wait
sys.exit(20 if waiting else 0)
