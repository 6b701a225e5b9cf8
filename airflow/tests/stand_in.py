"""Stands in for a stage binary and fails as it is told: fault injection for the operators.

Appends every call to `$STAND_IN_FOLDER/calls.jsonl` and acts as `behaviour.json` there says:
`exit` (with `times`: only that often), `lines` for stderr, `result` (false: leave none),
`sleep` seconds, stay `until` a file is there, `deaf` to SIGTERM, `numbers` and `verdict` of the result.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

folder = Path(os.environ["STAND_IN_FOLDER"])
stage = Path(sys.argv[0]).name.removeprefix("foresite-")
flags: dict[str, str] = {}
rest = sys.argv[1:]
while rest:
    name = rest.pop(0).removeprefix("--")
    values = []
    while rest and not rest[0].startswith("--"):
        values.append(rest.pop(0))
    flags[name] = " ".join(values) or "true"

with (folder / "calls.jsonl").open("a") as log:
    log.write(json.dumps({"stage": stage, "flags": flags, "pid": os.getpid()}) + "\n")
calls = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
count = sum(call["stage"] == stage for call in calls)
described = folder / "behaviour.json"
behaviour = json.loads(described.read_text()).get(stage, {}) if described.exists() else {}

if behaviour.get("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(behaviour.get("exit_on_term", 143)))
for line in behaviour.get("lines", ["INFO done rows=1"]):
    print(line, file=sys.stderr, flush=True)
time.sleep(behaviour.get("sleep", 0))
for _ in range(6000 if "until" in behaviour else 0):
    if Path(behaviour["until"]).exists():
        break
    time.sleep(0.05)

code = behaviour.get("exit", 0) if count <= behaviour.get("times", count) else 0
if code < 0:
    os.kill(os.getpid(), -code)
if code == 0 and behaviour.get("result", True) and "result" in flags:
    by_step: dict[str, dict[str, object]] = {"plan": {"plan_id": "p1", "shards": 2}, "commit": {"stale_slots": []}}
    if stage == "train":
        behaviour.setdefault("numbers", {}).setdefault("model_id", f"model-of-{flags['task']}")
    numbers = by_step.get(flags.get("step", ""), {})
    result = {
        "stage": stage,
        "status": "done",
        "inputs": ["s"],
        "outputs": [{"table": "t", "version": 1, "slots": 1, "rows": 3}],
        "numbers": {**numbers, **behaviour.get("numbers", {})},
        "verdict": behaviour.get("verdict"),
        "lineage_id": "l1",
    }
    Path(flags["result"]).write_text(json.dumps(result))
sys.exit(code)
