"""The section of the page about model services."""

from __future__ import annotations

from typing import Any

from markdown import table

Results = dict[str, Any]
OURS = "foresite-serve"
TORCH, TWIN = "FastAPI + torch", "axum + ONNX Runtime"


def serving(results: Results) -> list[str]:
    """Services beside ours under load, and their starts."""
    lines = [
        "## Model services",
        (
            f"The same network, 64-64-1 on {results['features']} features, chosen by configuration as the only candidate and "
            "trained on made-up measurements. A core for the service, the other one for who asks, loopback, "
            f"{results['connections']} requests open at once (gRPC: 16 streams a connection). First as fast as answers come, then "
            "at a constant rate of half of that, where the time counts from when a request was due; three runs of each, all services in turn, the one in the middle. Requests are JSON with all "
            "digits of a double, for `bytes` tensors behind the JSON by the protocol's binary extension, for gRPC raw contents; all services gave the same numbers within "
            f"{results['largest_difference']:.0e} before. FastAPI runs on uvloop and httptools; no peer writes an access log, "
            "ours does so by default. CPU µs are those of the service a request, `core` the share of its core that it got; the load generator never "
            f"took more than {most_busy(results):.0%} of its own while it asked as fast as it could."
        ),
        *waits(results.get("pauses", [])),
    ]
    for size, services in results["rows"].items():
        lines += ["", *loads(int(size), services)]
    rows = [[name, f"{seconds:.2f}"] for name, seconds in results["ready_s"].items()]
    return [
        *lines,
        "",
        "From the start of a process until it is ready, its files in the page cache:",
        "",
        *table(["", "s"], rows),
    ]


def waits(pauses: list[Results]) -> list[str]:
    """What the machine adds to every service."""
    if not pauses:
        return []
    share, longest, p99 = (
        " and ".join(f"{of(one)}" for one in pauses)
        for of in (
            lambda one: f"{one['share']:.1%}",
            lambda one: f"{one['longest_ms']:.0f}",
            lambda one: f"{one['p99_ms']:.1f}",
        )
    )
    return [
        "",
        (
            f"What the machine itself adds: two loops that only look at the clock, one on each core, were kept waiting {share} of the seconds before the runs, {longest} ms "
            f"at the longest. A service that took no time at all would have shown a p99 of {p99} ms in these seconds."
        ),
    ]


def most_busy(results: Results) -> float:
    """The greatest share of a core that the load generator took."""
    runs = (run for services in results["rows"].values() for run in services.values())
    return max(run["full"]["asking_busy"] for run in runs)


def loads(size: int, services: Results) -> list[str]:
    """Requests of one size."""
    ours, rows = services[OURS]["full"]["per_second"], []
    for name, run in services.items():
        full, half = run["full"], run["half"]
        rows.append(
            [
                name,
                f"{full['per_second']:,.0f}",
                f"{full['per_second'] / services[TORCH]['full']['per_second']:.1f}",
                f"{full['service_cpu_us']:.0f}",
                f"{full['service_busy']:.0%}",
                f"{full['p99_ms']:.2f}",
                f"{half['p50_ms']:.3f}",
                f"{half['p99_ms']:.3f}" + each(run.get("half_p99_ms", [])),
            ]
        )
    what = f"{size} row{'s' * (size > 1)} a request"
    head = [
        what,
        "requests/s",
        f"to {TORCH}",
        "CPU µs",
        "core",
        "p99 ms, full",
        "p50 ms, half",
        "p99 ms, half (each run)",
    ]
    twin = services[TWIN]["full"]["per_second"]
    binary, grpc = (
        services[f"{OURS}, {way}"]["full"]["per_second"] for way in ("bytes", "gRPC")
    )
    return [
        *table(head, rows),
        "",
        f"Ours by REST does {ours / twin:.2f} times as many requests as ONNX Runtime behind axum; of its own by JSON, by bytes behind it {binary / ours:.2f} times, by gRPC {grpc / ours:.2f} times as many.",
    ]


def each(p99s: list[float]) -> str:
    """The half loads one by one, where there were several."""
    said = ", ".join(f"{p99:.1f}" for p99 in sorted(p99s))
    return f" ({said})" if said else ""
