#!/usr/bin/env python3
# Replaces codex-exec: runs a command of yours for each task that is addressed to BACKEND. The prompt is its stdin, what
# it prints is the answer. After a failure the rest is held, and the exit code is 20: a person must decide.
#   plan-parse PLAN.md | route | scripts/examples/echo-exec.py codex my-agent --its-flag | verify | approve
import json, os, signal, subprocess, sys, time

signal.signal(signal.SIGINT, lambda *_: os._exit(130))        # an executor ends at once; its command gets the signal too
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
backend, command = (sys.argv + [""])[1], sys.argv[2:]
if not command:
    sys.exit(print("usage: echo-exec.py BACKEND COMMAND [ARGUMENT...]   (BACKEND as in route.backend)", file=sys.stderr) or 2)
seen, met, failed = set(), set(), None
for number, line in enumerate(sys.stdin.buffer, 1):
    try:
        task = json.loads(line.decode()) if line.strip() else {"type": "blank"}
        mine = task["type"] + "" == "task"                    # an error when it is missing, or no string
        name = (task["id"] + "", task.get("batch", {}).get("attempt", 0)) if mine else number
        assert name not in seen and not seen.add(name), "this task came before"
        mine = mine and not task.get("checked") and task.get("route", {}).get("backend") == backend and "result" not in task
        prompt = f"Task {task['id']}: {task['title']}\n\n{task['body']}" if mine else None
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
        sys.exit(print(f"echo-exec: stdin:{number}: {error!r}", file=sys.stderr) or 65)
    if mine and (because := failed or next((need for need in task.get("needs", []) if need not in met), None)):
        task["result"] = {"status": "held", "backend": backend, "held_by": because}
    elif mine:
        start, at = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ran = subprocess.run(command, input=prompt.encode(), stdout=subprocess.PIPE)
        call = {"backend": backend, "started": at, "seconds": round(time.monotonic() - start, 3)}
        task["result"] = {"status": "ok", "code": 0, "backend": backend, "message": ran.stdout.decode(errors="replace"),
                          "attempts": [call], "workdir": os.getcwd()}
        if ran.returncode:                                    # the exit status decides, never what it said
            task["result"] |= {"status": "failed", "code": 1, "class": "other", "evidence": f"exit {ran.returncode}"}
            failed = task["id"]
    if mine:
        line = line.rstrip()[:-1] + b',"result":' + json.dumps(task["result"]).encode() + b"}"
    if task.get("checked") or task.get("result", {}).get("status") == "ok":
        met.add(task["id"])
    try:
        sys.stdout.buffer.write(line.rstrip(b"\n") + b"\n")   # spliced, not rewritten: all else keeps its bytes
        sys.stdout.flush()                                    # nobody behind us has to wait
    except BrokenPipeError:                                   # SIGPIPE would also come from a command that reads nothing
        os._exit(141)
sys.exit(20 if failed else 0)
