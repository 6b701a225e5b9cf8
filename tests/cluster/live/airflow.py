"""Airflow as its REST API shows it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from live.commands import wait_for

Answer = dict[str, Any]
FINISHED = {"success", "failed"}
#: Within so many seconds after its end a run has started what follows it.
QUIET = 20.0


class ApiError(RuntimeError):
    """The API refused, or was not there."""


@dataclass
class Airflow:
    """A client that logs in as the administrator."""

    address: str
    password: str
    token: str = ""

    def call(self, method: str, path: str, body: Answer | None = None) -> Answer:
        """One call; logs in where that has not been done or has expired."""
        if not self.token:
            self.log_in()
        try:
            return self.send(method, f"/api/v2{path}", body, {"Authorization": f"Bearer {self.token}"})
        except urllib.error.HTTPError as refused:
            raise ApiError(f"{method} {path}: {refused.code}: {refused.read().decode()[:500]}") from refused
        except (OSError, TimeoutError) as away:
            raise ApiError(f"{method} {path}: {away}") from away

    def log_in(self) -> None:
        try:
            said = self.send("POST", "/auth/token", {"username": "admin", "password": self.password}, {})
        except (OSError, TimeoutError) as away:
            raise ApiError(f"no log-in: {away}") from away
        self.token = str(said["access_token"])

    def send(self, method: str, path: str, body: Answer | None, headers: dict[str, str]) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://{self.address}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = response.read()
        found: Answer = json.loads(answer) if answer else {}
        return found

    def page(self, path: str, *, is_known: bool = True) -> str:
        """A page of the UI, as who is logged in sees it, or somebody unknown."""
        if is_known and not self.token:
            self.log_in()
        headers = {"Authorization": f"Bearer {self.token}"} if is_known else {}
        request = urllib.request.Request(f"http://{self.address}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return str(response.read().decode())

    def pause(self, dag_id: str, *, paused: bool) -> None:
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, conf: dict[str, Any], after: datetime | None = None) -> str:
        """Asks for a run; `after` in the past lets it go before runs that the schedule wants. Its id."""
        moment = (after or datetime.now(timezone.utc)).isoformat()
        run = self.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "run_after": moment, "conf": conf})
        return str(run["dag_run_id"])

    def runs(self, dag_id: str) -> list[Answer]:
        """The runs of a DAG in the order in which they were to start."""
        found: list[Answer] = self.call("GET", f"/dags/{dag_id}/dagRuns?order_by=run_after&limit=100")["dag_runs"]
        return found

    def run(self, dag_id: str, run_id: str) -> Answer:
        return self.call("GET", f"/dags/{dag_id}/dagRuns/{quoted(run_id)}")

    def tasks(self, dag_id: str, run_id: str) -> dict[str, Answer]:
        """Task instances of a run; a mapped one has its index behind its name."""
        path = f"/dags/{dag_id}/dagRuns/{quoted(run_id)}/taskInstances?limit=200"
        found = self.call("GET", path)["task_instances"]
        return {name_of(instance): instance for instance in found}

    def wait(self, dag_id: str, run_id: str, seconds: float) -> str:
        """Waits for the end of a run; its state."""

        def state() -> str | None:
            found = str(self.patiently("GET", f"/dags/{dag_id}/dagRuns/{quoted(run_id)}")["state"])
            return found if found in FINISHED else None

        return wait_for(f"the end of {dag_id} {run_id}", seconds, state)

    def rest(self, dag_ids: Iterable[str], seconds: float) -> None:
        """Waits until no run of the DAGs is under way, and none has begun a while later: one starts another."""
        quiet_since: list[float] = []

        def is_quiet() -> bool | None:
            busy = any(run["state"] not in FINISHED for dag_id in dag_ids for run in self.runs(dag_id))
            if busy:
                quiet_since.clear()
                return None
            quiet_since.append(time.monotonic())
            return True if quiet_since[-1] - quiet_since[0] > QUIET else None

        wait_for("an hour's end without a run under way", seconds, is_quiet)

    def succeed(self, dag_id: str, run_id: str, seconds: float) -> dict[str, Answer]:
        """Waits for a run that must end well; its task instances."""
        state = self.wait(dag_id, run_id, seconds)
        tasks = self.tasks(dag_id, run_id)
        assert state == "success", {name: task["state"] for name, task in tasks.items() if task["state"] != "success"}
        return tasks

    def wait_task(self, dag_id: str, run_id: str, task: str, states: set[str], seconds: float) -> Answer:
        """Waits until a task instance is in one of the states."""

        def look() -> Answer | None:
            found = self.patiently("GET", f"/dags/{dag_id}/dagRuns/{quoted(run_id)}/taskInstances?limit=200")
            named = {name_of(instance): instance for instance in found["task_instances"]}
            return named[task] if task in named and named[task]["state"] in states else None

        return wait_for(f"{task} in {sorted(states)}", seconds, look)

    def patiently(self, method: str, path: str) -> Answer:
        """A reading call that outlives a minute without the server."""
        for _ in range(60):
            try:
                return self.call(method, path)
            except ApiError as error:
                last = error
                time.sleep(1)
        raise last

    def result(self, dag_id: str, run_id: str, task: str, map_index: int = -1) -> Answer:
        """What a task handed on."""
        path = f"/dags/{dag_id}/dagRuns/{quoted(run_id)}/taskInstances/{task}/xcomEntries/return_value"
        value = self.call("GET", f"{path}?map_index={map_index}&deserialize=false&stringify=false")["value"]
        found: Answer = json.loads(value) if isinstance(value, str) else value
        return found

    def log(self, dag_id: str, run_id: str, task: str, attempt: int, map_index: int = -1) -> str:
        """The log of one try."""
        path = f"/dags/{dag_id}/dagRuns/{quoted(run_id)}/taskInstances/{task}/logs/{attempt}"
        content = self.call("GET", f"{path}?map_index={map_index}&full_content=true")["content"]
        return "\n".join(line if isinstance(line, str) else str(line.get("event")) + str(line) for line in content)


def name_of(instance: Answer) -> str:
    index = instance["map_index"]
    return f"{instance['task_id']}[{index}]" if index >= 0 else str(instance["task_id"])


def quoted(run_id: str) -> str:
    return urllib.parse.quote(run_id, safe="")
