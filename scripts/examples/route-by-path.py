#!/usr/bin/env python3
# Replaces route: the files of a task decide. Prose goes to claude, everything else to codex.
#   plan-parse PLAN.md | scripts/examples/route-by-path.py | codex-exec | claude-exec | verify | approve
import json, signal, sys

signal.signal(signal.SIGPIPE, signal.SIG_DFL)                 # the reader has gone: end quietly
seen = set()
for number, line in enumerate(sys.stdin.buffer, 1):
    try:
        task = json.loads(line.decode()) if line.strip() else {"type": "blank"}
        mine = task["type"] + "" == "task"                    # an error when it is missing, or no string
        name = (task["id"] + "", task.get("batch", {}).get("attempt", 0)) if mine else number
        assert name not in seen and not seen.add(name), "this task came before"
        paths = [file["path"] for file in task.get("files", [])] if mine else []
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
        sys.exit(print(f"route-by-path: stdin:{number}: {error!r}", file=sys.stderr) or 65)
    if mine and "route" not in task:
        prose = paths and all(path.endswith((".md", ".txt")) for path in paths)
        route = {"work_type": task.get("work_type", "implement"), "backend": "claude" if prose else "codex",
                 "models": ["sonnet" if prose else "gpt-5.3-codex"], "sandbox": "workspace-write", "rank": 1,
                 "rule": "prose" if prose else "code", "why": ", ".join(paths) or "it names no files"}
        line = line.rstrip()[:-1] + b',"route":' + json.dumps(route).encode() + b"}"
    sys.stdout.buffer.write(line.rstrip(b"\n") + b"\n")       # spliced, not rewritten: all else keeps its bytes
    sys.stdout.flush()                                        # nobody behind us has to wait
