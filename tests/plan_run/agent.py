#!/usr/bin/env python3
# An agent on the command line of the Codex CLI that takes as long as its task says, and keeps a log of when it worked.
# The first line of its prompt is "Task ID: takes SECONDS[, writes FILE]...".
import json, os, re, signal, sys, time

EVENTS = """{"type":"thread.started","thread_id":"00000000-0000-7000-8000-000000000000"}
{"type":"turn.started"}
{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"Done."}}
{"type":"turn.completed","usage":{"input_tokens":1000,"cached_input_tokens":600,"output_tokens":10}}"""

def log(**entry):
    with open(os.environ["AGENT_LOG"], "a") as out:
        out.write(json.dumps(entry | {"at": time.time(), "pid": os.getpid()}) + "\n")

if sys.argv[1:2] == ["--version"]:
    print("codex-cli 0.169.0")
elif sys.argv[1:2] != ["exec"]:
    pass
elif "--help" in sys.argv:
    print("Usage: codex exec [OPTIONS] [PROMPT] [COMMAND]\n\nCommands:\n  resume  go on\n\nOptions:\n      --json\n"
          "      --skip-git-repo-check\n      --sandbox <MODE>\n      --cd <DIR>\n      --model <NAME>\n      --config <KEY=VALUE>")
else:
    prompt = sys.stdin.read()
    task, title = re.search(r"^Task (\S+): (.*)", prompt, re.M).groups()
    log(what="begin", task=task)
    time.sleep(float(re.search(r"takes ([0-9.]+)", title).group(1)))
    for name in re.findall(r"writes (\S+?)(?:,|$)", title):
        with open(name, "a") as out:
            out.write(task + "\n")
    if "fails" in title:
        sys.exit(3)
    log(what="end", task=task)
    print(EVENTS)
