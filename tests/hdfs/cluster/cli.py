"""The command line: `hdfs-cluster COMMAND`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from cluster import faults, jars, lifecycle, proxy, tap
from cluster.daemons import TOOLS, environment, java, pid_of
from cluster.health import namenode_state
from cluster.model import KINDS, USERS, Cluster, ClusterError, base_port, load, state_folder

Handler = Callable[[argparse.Namespace], int | None]
VERBS = {
    "kill": "SIGKILL one",
    "start": "start one and wait until it works",
    "pause": "SIGSTOP one",
    "resume": "SIGCONT one",
}


def main(arguments: list[str]) -> int:
    """Runs one command; the exit code."""
    parser = make_parser()
    arguments, inner = split_command(arguments)
    try:
        if arguments and arguments[0] in TOOLS:
            return hadoop_tool(arguments[0], arguments[1:], superuser=False)
        if arguments[:1] == ["admin"] and arguments[1:2] and arguments[1] in TOOLS:
            return hadoop_tool(arguments[1], arguments[2:], superuser=True)
        args = parser.parse_args(arguments)
        args.inner = inner
        handler: Handler = args.handler
        with lifecycle.stop_signals_raise():
            if args.free:
                return handler(args) or 0
            with lifecycle.locked():
                return handler(args) or 0
    except ClusterError as error:
        print(f"hdfs-cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print(f"hdfs-cluster: stopped by {stopped.args[0] if stopped.args else 'SIGINT'}", file=sys.stderr)
        return 130


def split_command(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before and after `--`."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hdfs-cluster", description="A real HDFS on one machine; see README.md")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, text: str, handler: Handler, *, free: bool = False) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(handler=handler, free=free)
        return command

    add("check", "say what the machine lacks, in one line", lambda _: jars.check(), free=True)
    add("fetch", "fetch Hadoop into the cache", lambda _: print(jars.jars()[0].parent), free=True)
    add_shape(add("up", "start what is not running; wait until files can be written", bring_up))
    add_shape(
        add("run", "up, then the command after --, then down, in a folder and on ports of its own", run, free=True)
    )
    add("down", "end the processes, delete the data", lambda _: lifecycle.down(state_folder()))
    env = add("env", "print what a client needs in its environment", print_environment, free=True)
    env.add_argument("--user", choices=USERS, default=USERS[0])
    add("status", "list the daemons", status, free=True)
    add_faults(add)
    relay = add("proxy", "stand in front of a NameNode and obey standard input", stand_between, free=True)
    relay.add_argument("--namenode", type=int, default=1)
    wire = add("tap", "stand in front of a DataNode and say what could be read", listen_between, free=True)
    wire.add_argument("--datanode", type=int, default=1)
    for tool in TOOLS:
        commands.add_parser(tool, help=f"Hadoop's own {tool}, as the user of the environment, else the superuser")
    commands.add_parser("admin", help="one of these four as the superuser, whatever the environment says")
    return parser


def add_shape(parser: argparse.ArgumentParser) -> None:
    """The options that say what a cluster is."""
    parser.add_argument("--address", default="127.0.0.1", help="an address of this machine, for clients in containers")
    parser.add_argument("--datanodes", type=int, choices=range(1, 9), default=1)
    parser.add_argument("--ha", action="store_true", help="two NameNodes")
    parser.add_argument("--journalnodes", type=int, choices=(1, 3), default=1, help="with --ha")
    parser.add_argument("--kerberos", action="store_true")
    parser.add_argument("--protection", choices=("authentication", "integrity", "privacy"), default="privacy")
    parser.add_argument("--ticket-life", default="1d", help="with --kerberos: such as 2m")
    parser.add_argument("--renewable-life", default="7d", help="with --kerberos")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a Hadoop setting, for all")


def add_faults(add: Callable[[str, str, Handler], argparse.ArgumentParser]) -> None:
    for verb, text in VERBS.items():
        for kind in KINDS:
            command = add(f"{verb}-{kind}", f"{text} {kind}", control)
            command.add_argument("k", type=int, nargs="?", default=1)
            command.set_defaults(verb=verb, kind=kind)
    for name, act in (("fill-datanode", faults.fill), ("empty-datanode", faults.empty)):
        text = f"{name.partition('-')[0]} the disk of one datanode"
        command = add(name, text, lambda args, act=act: act(load(), faults.find(load(), "datanode", args.k)))  # type: ignore[misc]
        command.add_argument("k", type=int, nargs="?", default=1)
    add("heal", "undo these faults: every daemon works again", lambda _: faults.heal(load()))
    add("failover", "the other NameNode becomes active", lambda _: print(faults.fail_over(load()).name))
    safemode = add("safemode", "enter or leave safe mode", lambda args: lifecycle.safemode(load(), args.what))
    safemode.add_argument("what", choices=("enter", "leave"))
    corrupt = add("corrupt", "flip a byte in every block of a file", corrupt_file)
    corrupt.add_argument("path")
    corrupt.add_argument("--replicas", type=int, help="so many of each block (default: all)")


def wanted(args: argparse.Namespace, state: Path, port: int) -> Cluster:
    for pair in args.set:
        if not re.fullmatch(r"[^=\s]+=.*", pair):
            raise ClusterError(f"--set {pair}: expected KEY=VALUE")
    return Cluster(
        state=state,
        base_port=port,
        address=args.address,
        datanodes=args.datanodes,
        ha=args.ha,
        journalnodes=args.journalnodes,
        kerberos=args.kerberos,
        protection=args.protection,
        ticket_life=args.ticket_life,
        renewable_life=args.renewable_life,
        settings=tuple(args.set),
    )


def bring_up(args: argparse.Namespace) -> None:
    lifecycle.up(wanted(args, state_folder(), base_port()))


def run(args: argparse.Namespace) -> int:
    if not args.inner:
        raise ClusterError("run needs a command: hdfs-cluster run [options] -- COMMAND")
    with lifecycle.place_of_its_own() as (state, port):
        return lifecycle.run_inside(wanted(args, state, port), args.inner)


def hadoop_tool(name: str, arguments: list[str], *, superuser: bool) -> int:
    """Becomes one of Hadoop's own tools."""
    cluster = load()
    command = java(cluster, "client", TOOLS[name], *arguments)
    os.execvpe(command[0], command, environment(cluster, superuser=superuser))


def print_environment(args: argparse.Namespace) -> None:
    for key, value in lifecycle.client_environment(load(), args.user).items():
        print(f"export {key}={value}")


def status(_: argparse.Namespace) -> None:
    cluster = load()
    for daemon in cluster.daemons():
        pid = pid_of(cluster, daemon)
        memory = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) if pid else None
        mib = int(memory[1]) // 1024 if memory else 0
        state = (namenode_state(cluster, daemon) or "") if daemon.kind == "namenode" else ""
        print(daemon.name, pid or "down", f"{mib} MiB", f"port {cluster.port(daemon)}", state)


def control(args: argparse.Namespace) -> None:
    cluster = load()
    faults.control(cluster, args.verb, faults.find(cluster, args.kind, args.k))


def corrupt_file(args: argparse.Namespace) -> None:
    for replica in faults.corrupt(load(), args.path, args.replicas):
        print(replica)


def stand_between(args: argparse.Namespace) -> None:
    cluster = load()
    proxy.serve(cluster, faults.find(cluster, "namenode", args.namenode))


def listen_between(args: argparse.Namespace) -> None:
    cluster = load()
    tap.serve(cluster, faults.find(cluster, "datanode", args.datanode))
