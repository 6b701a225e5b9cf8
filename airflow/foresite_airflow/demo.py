"""`make demo`: the main job from nothing to a worklist, in one process and a few minutes.

A simulated network of 20 sites writes its history and then three more hours; the same DAGs that run a
real network take them in, train, predict and rank. What is printed at the end is judged against the
simulator's truth, and the last whole day is looked at as every day of a network is. `FORESITE_DEMO_ROOT`
names another place for the data: an empty folder on HDFS.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import time

from foresite_airflow import settings
from foresite_airflow.environment import one_machine
from foresite_airflow.network import DAY, HOUR, Span, bring_to_life, simulated_history
from foresite_airflow.session import Results, RunError, Session
from foresite_airflow.vocabulary import MODEL_TASKS

LIVE_HOURS = 3
HEADLINES = {
    "anomaly": ("precision", "recall", "f1", "auc_pr", "gate_events"),
    "maintenance": ("auc_roc_1d", "auc_roc_7d", "pr_auc_7d", "brier_skill_7d", "gate_events"),
    "capacity": ("mase", "coverage_80", "median_date_error_steps", "exceed_brier_skill_60"),
}
WORDS = ("incidents", "events", "found", "precision", "recall", "random_precision")


def main() -> int:
    elsewhere = settings.demo_root()
    home = settings.REPOSITORY / ".foresite" / ("demo-elsewhere" if elsewhere else "demo")
    if home.exists():
        shutil.rmtree(home)
    (home / "data").mkdir(parents=True)
    os.environ.update(
        {
            "FORESITE_BACKEND": "local",
            "FORESITE_DATA_ROOT": elsewhere or (home / "data").as_uri(),
            "FORESITE_CONFIG_PROFILES": "demo,simulator",
            **one_machine(home / "airflow"),
        }
    )
    if elsewhere:
        # A private key stays on this machine; without its path `promote` makes none for HDFS.
        os.environ["FORESITE_SIGNING_KEY"] = str(home / "signing-key.pem")
    started = time.monotonic()
    session = Session(home / "airflow")
    try:
        pages = tell(session)
    except RunError as failed:
        session.say(f"demo: {failed}")
        return 1
    for name, page in pages.items():
        session.say(f"{name}: {elsewhere or home / 'data'}/{page}")
    seconds = time.monotonic() - started
    found = f"tables and models: {elsewhere}; logs: {home}" if elsewhere else f"tables, models and logs: {home}"
    session.say(f"demo: {seconds:.0f} s, largest stage {largest_child_mib()} MiB; {found}")
    return 0


def tell(session: Session) -> dict[str, str]:
    """The story: a history, models, three hours, a worklist judged, a day looked at; returns where its pages lie."""
    history = simulated_history(settings.configurations() / "simulate" / "demo.json")
    training = bring_to_life(session, history)
    report_models(session, training)
    # The newest hour of the history ends a day, so all three tasks predict for it.
    hours = [Span(history.end + number * HOUR, history.end + (number + 1) * HOUR) for number in range(-1, LIVE_HOURS)]
    for hour in hours:
        session.say(f"hour {hour}")
        if hour.end > history.end:
            session.run("telecom_simulator", hour.taken_up, hour.params)
            session.run("telecom_data_pipeline", hour.taken_up, hour.params)
        lists = session.run("telecom_inference", hour.taken_up, hour.params)
        session.say(f"  predictions {digests(lists)}")
    report_hindsight(session, Span(hours[0].start, hours[-1].end))
    watched = watch(session, Span(history.end - DAY, history.end))
    return {"report": str(lists["advise"][-1]["numbers"]["report"]), "monitor": watched}


def watch(session: Session, day: Span) -> str:
    """Looks at a day as `telecom_monitoring` does, without its decisions to train; returns where the page lies."""
    asked = {"stage": "monitor", "step": "measure", **day.params}
    seen = session.run("telecom_stage", day.taken_up, asked)["run"][0]
    session.say(f"monitor of {day}: {seen.get('verdict')}")
    return str(seen["numbers"]["report"])


def digests(results: Results) -> str:
    """Hashes of what was predicted: the same seed on the same kind of machine gives the same ones."""
    found = {
        task_id.removeprefix("predict_"): result.get("numbers", {}).get("digest")
        for task_id, runs in results.items()
        for result in runs
        if task_id.startswith("predict_")
    }
    return " ".join(f"{task}={digest}" for task, digest in sorted(found.items()) if digest)


def report_models(session: Session, training: Results) -> None:
    """The verdict that `evaluate` gave each model, and the numbers of its gate slice that say most."""
    session.say("models, judged on their gate slice")
    for task in MODEL_TASKS:
        result = training[f"{task}.evaluate"][0]
        numbers = result.get("numbers", {})
        shown = "  ".join(f"{name} {as_text(numbers.get(name))}" for name in HEADLINES[task])
        session.say(f"  {task:<14}{result.get('verdict') or '':<14}{shown}")


def report_hindsight(session: Session, span: Span) -> None:
    """The worklists against the simulator's truth, and random lists of the same length beside them."""
    asked = {"stage": "advise", "step": "hindsight", **span.params}
    judged = session.run("telecom_stage", span.taken_up, asked)
    numbers = judged["run"][0].get("numbers", {})
    session.say(f"worklist in hindsight{'':<5}{''.join(f'{word:>18}' for word in WORDS)}")
    for task in MODEL_TASKS:
        values = [numbers.get(f"{task}_{word}") for word in WORDS]
        session.say(f"  {task:<24}{''.join(f'{as_text(value):>18}' for value in values)}")


def as_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def largest_child_mib() -> int:
    """The most memory that one stage held."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
