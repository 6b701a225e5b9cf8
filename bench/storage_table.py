"""The section of the page about storage."""

from __future__ import annotations

from typing import Any

from markdown import table

Results = dict[str, Any]
MIB = 1 << 20


def storage(results: Results) -> list[str]:
    """Tables, commits and the store on HDFS, as far as they were measured."""
    lines = ["## Storage"]
    if "tables" in results:
        lines += scans(results["tables"])
    lines += commits(results)
    if "hdfs" in results:
        lines += hdfs(results["hdfs"])
    return lines


def scans(results: Results) -> list[str]:
    """Tables beside pyarrow."""

    def row(name: str, run: Results) -> list[object]:
        size = f"{run['bytes'] / MIB:.0f}" if "bytes" in run else ""
        measured = [
            f"{run[key]:.2f}" if key in run else ""
            for key in ("seconds", "synced_seconds", "cpu_seconds")
        ]
        return [
            name,
            *measured,
            f"{run['cpu_s']:.1f}",
            f"{run['peak_rss_mib']:.0f}",
            size,
        ]

    mixes = {name: mix for name, mix in results.items() if name != "rows"}
    runs = [
        (f"{what} {name}, {who}", run)
        for name, mix in mixes.items()
        for what in ("write", "scan")
        for who, run in mix[what].items()
    ]
    return [
        (
            f"{results['rows']:,} rows of twenty floats on a local disk, as KPIs are and the extremes, beside pyarrow with its defaults; "
            "seconds without start-up and without making up or reading what is written, until the files are on the disk, and of "
            "CPU; CPU of the whole process. What we write is always synced: pyarrow leaves it to the kernel, so its files are "
            "synced after it for the second figure."
        ),
        "",
        *table(
            [
                "",
                "s",
                "s, on the disk",
                "CPU s",
                "process CPU s",
                "peak MiB",
                "file MiB",
            ],
            [row(name, run) for name, run in runs],
        ),
    ]


def commits(results: Results) -> list[str]:
    """Latencies of commits, and of opening a table."""
    places = [
        ("local", results.get("commits")),
        ("HDFS", results.get("hdfs", {}).get("commits")),
    ]
    rows = []
    for place, run in places:
        if run:
            latency, last = run["all"], run["quarters"][-1]
            name = f"commit of one row, {place}, {run['commits']} in a row"
            rows.append([name, *quantiles(latency), f"{last['p95_ms']:.1f}"])
    if old := results.get("old_table"):
        rows.append(
            [
                f"open a table of {old['version']:,} commits, local",
                *quantiles(old["open"]),
                "",
            ]
        )
    head = ["", "median ms", "p95 ms", "max ms", "p95 of the last quarter"]
    return ["", *table(head, rows)] if rows else []


def quantiles(latency: Results) -> list[str]:
    """Milliseconds."""
    return [f"{latency[name]:.1f}" for name in ("p50_ms", "p95_ms", "max_ms")]


def hdfs(results: Results) -> list[str]:
    """The store beside Hadoop's client, its shell and WebHDFS."""
    large, files = results["large_mib"], results["files"]
    rows = {
        f"write {large} MiB": results["write"],
        f"read {large} MiB": results["read"],
        f"write {files} files of 1 KiB": results["small"],
        f"ask for {files} files": results["stat"],
    }
    names = [
        "ours_s",
        "java_s",
        "java_warm_s",
        "webhdfs_s",
        "shell_call_a_file_s",
        "shell_one_call_s",
    ]
    head = [
        "s",
        "foresite",
        "Java",
        "Java, warm",
        "WebHDFS",
        "`hdfs dfs` a file",
        "`hdfs dfs` once",
    ]
    cells = [
        [name, *[f"{run[key]:.2f}" if key in run else "" for key in names]]
        for name, run in rows.items()
    ]
    small, stat = results["small"], results["stat"]
    shell = small["shell_call_a_file_s"] / small["ours_s"]
    return [
        "",
        (
            "On HDFS (three DataNodes on the same machine, three replicas, blocks of 128 MiB). Java is Hadoop's client in a "
            "process of its own whose start is not counted: the first time after it connected, and the best of several times. "
            "Ours is always the first time, and syncs every file to the disks of the DataNodes before it publishes it by a "
            "rename, which the others do not."
        ),
        "",
        *table(head, cells),
        "",
        (
            f"Small files: {shell:.0f} times as fast as a call of `hdfs dfs` a file. Questions: {stat['java_s'] / stat['ours_s']:.1f} "
            f"times as fast as Java, {stat['java_warm_s'] / stat['ours_s']:.1f} times as fast as Java once it is warm."
        ),
    ]
