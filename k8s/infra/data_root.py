#!/usr/bin/env python3
"""Who may do what below a data root on HDFS: its folders, their owner and their access lists.

`ROLES` and `PLACES` are the one place that says it. `apply` gives it to a data root and changes nothing when it is
called again; `check` says what differs. Both call `hdfs dfs`, `apply` as the superuser of HDFS. Standard library only,
one file: it can be copied to where these are. `page` prints docs/reference/data_root.md.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """A group of HDFS, and the principals of the manifests that belong to it."""

    group: str
    principals: tuple[str, ...]
    about: str


OWNER = "foresite-admin"
ADMINS = Role("foresite-admins", (OWNER,), "`promote` and `maintain`, and who restores: all of the data root is theirs")
ROLES = {
    "readers": Role(
        "foresite-readers", ("foresite-serve", "foresite-console"), "model services, the console, people who query"
    ),
    "writers": Role("foresite-writers", ("foresite", "foresite-train"), "every other stage"),
    "trainers": Role("foresite-trainers", ("foresite-train",), "`train` and `evaluate`: they make models"),
    "sources": Role("foresite-sources", ("foresite-source",), "who delivers raw files: a mediation, or `simulate`"),
    "marks": Role("foresite-marks", ("foresite-console",), "the console that takes marks and records who asked"),
    "operators": Role("foresite-operators", (), "people who leave files of marks, suppressions and local events"),
}
NOTHING, PASSES, READS, DROPS, WRITES = "---", "--x", "r-x", "-wx", "rwx"


@dataclass(frozen=True)
class Place:
    """What roles may do in a folder and, unless a place below says otherwise, in all below it."""

    path: str
    readers: str = NOTHING
    writers: str = NOTHING
    trainers: str = NOTHING
    sources: str = NOTHING
    marks: str = NOTHING
    operators: str = NOTHING
    sticky: bool = False
    """Whether only its owner may take an entry away. Needed where a place lies below: who writes beside it could put
    another folder there."""


# A trainer is a writer too and needs words of its own only where it may do more.
PLACES = (
    Place("", readers=READS, writers=READS, sources=PASSES, marks=PASSES, operators=PASSES, sticky=True),
    # Raw files, maybe with names of people: no reader needs them.
    Place("landing", writers=READS, sources=WRITES, marks=PASSES, operators=PASSES, sticky=True),
    Place("landing/feedback", writers=READS, marks=DROPS, operators=WRITES, sticky=True),
    Place("landing/suppressions", writers=READS, operators=WRITES, sticky=True),
    Place("landing/events", writers=READS, sources=WRITES, operators=WRITES, sticky=True),
    Place("tables", readers=READS, writers=WRITES, sticky=True),
    # Which models serve, and what erasures reached.
    Place("tables/registry_events", readers=READS, writers=READS, trainers=WRITES),
    Place("tables/erasures", readers=READS, writers=READS),
    Place("models", readers=READS, writers=READS, trainers=WRITES),
    # A public half here is trusted by predict and the services.
    Place("keys", readers=READS, writers=READS),
    Place("lineage", readers=READS, writers=WRITES),
    Place("samples", readers=READS, writers=WRITES),
    Place("plans", readers=READS, writers=WRITES),
    Place("pseudonyms", writers=WRITES),
    Place("_staging", writers=WRITES, sticky=True),
    # A folder is made here and moved to `models` with its rights.
    Place("_staging/models", readers=READS, writers=READS, trainers=WRITES),
    Place("reports", readers=READS, writers=WRITES),
    Place("exports", readers=READS, writers=WRITES),
    # Names of people and their addresses, for the audit.
    Place("logins", marks=WRITES),
    # The sealed audit: who may write a table must not write here too.
    Place("audit"),
    # The simulator's: who serves must not see it.
    Place("truth", writers=READS, sources=WRITES),
)


def depth(place: Place) -> int:
    return len(place.path.split("/")) if place.path else 0


def access_list(place: Place, groups: Mapping[str, str]) -> list[str]:
    """The entries of a folder and, with `default:`, of what will be made in it."""
    named = [f"group:{group}:{getattr(place, role)}" for role, group in groups.items()]
    entries = ["user::rwx", "group::rwx", *named, "mask::rwx", "other::---"]
    return [*entries, *(f"default:{entry}" for entry in entries)]


@dataclass(frozen=True)
class DataRoot:
    """A data root, and what its owner and its groups are called."""

    path: str
    owner: str
    admins: str
    groups: Mapping[str, str]

    def folder(self, place: Place) -> str:
        return f"{self.path}/{place.path}".rstrip("/")

    def glob(self, places: Sequence[Place]) -> str:
        """These folders in one argument: what is about access lists takes one path only."""
        if len(places) == 1:
            return self.folder(places[0])
        return f"{self.path}{{{','.join(f'/{place.path}'.rstrip('/') for place in places)}}}"

    def commands(self, *, existing: bool) -> Iterator[list[str]]:
        """Arguments of `hdfs dfs`, in order: a list comes after the mode, which changes its mask, and after the lists
        of the folders above. What lies in the data root beside the places stays as it is.
        """
        top, *below = (self.folder(place) for place in PLACES)
        deep = ["-R"] if existing else []
        yield ["-mkdir", "-p", top, *below]
        yield ["-chown", f"{self.owner}:{self.admins}", top]
        yield ["-chown", *deep, f"{self.owner}:{self.admins}", *below]
        for mode, sticky in (("0770", False), ("1770", True)):
            yield ["-chmod", mode, *(self.folder(place) for place in PLACES if place.sticky == sticky)]
        alike: dict[tuple[int, str], list[Place]] = {}
        for place in PLACES:
            alike.setdefault((depth(place), ",".join(access_list(place, self.groups))), []).append(place)
        for (level, entries), places in sorted(alike.items(), key=lambda item: item[0][0]):
            yield ["-setfacl", *(deep if level else []), "--set", entries, self.glob(places)]

    def differences(self, said: str) -> Iterator[str]:
        """What is not as it should be, from what `hdfs dfs -getfacl` says of all folders."""
        blocks = [[line.partition("\t")[0] for line in block.splitlines()] for block in said.strip().split("\n\n")]
        found = {block[0].removeprefix("# file: "): set(block[1:]) for block in blocks if block}
        for place in PLACES:
            path = self.folder(place)
            if path not in found:
                yield f"{path}: not there"
                continue
            wanted = {f"# owner: {self.owner}", f"# group: {self.admins}", *access_list(place, self.groups)}
            wanted |= {"# flags: --T"} if place.sticky else set()
            yield from (f"{path}: lacks `{line}`" for line in sorted(wanted - found[path]))
            yield from (f"{path}: has `{line}`" for line in sorted(found[path] - wanted))


def owner_of(path: str, hdfs: str) -> str | None:
    """Who owns a folder; `None` where there is none, or nobody may say."""
    done = subprocess.run([*shlex.split(hdfs), "-stat", "%u", path], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def apply(root: DataRoot, args: argparse.Namespace) -> int:
    """Runs the commands, or prints them."""
    owner = None if args.existing or args.dry_run else owner_of(root.path, args.hdfs)
    if owner not in (None, root.owner):
        print(f"data_root: {root.path} belongs to {owner}: roles could not use what lies there", file=sys.stderr)
        print("hint: add --existing, while no stage runs, to give it to them", file=sys.stderr)
        return 2
    for command in root.commands(existing=args.existing):
        call = [*shlex.split(args.hdfs), *command]
        if args.dry_run:
            print(shlex.join(call))
        elif code := subprocess.run(call, check=False).returncode:
            print(f"data_root: exit code {code} of {shlex.join(call)}", file=sys.stderr)
            print("hint: call it as the superuser of HDFS, and again when the cause is gone", file=sys.stderr)
            return 2
    return 0


def check(root: DataRoot, args: argparse.Namespace) -> int:
    """Prints what differs; 1 when something does, 2 when nobody could say."""
    call = [*shlex.split(args.hdfs), "-getfacl", root.glob(PLACES)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode and "No such file" not in done.stderr:
        print(f"{done.stderr}data_root: exit code {done.returncode} of {shlex.join(call)}", file=sys.stderr)
        return 2
    found = list(root.differences(done.stdout))
    print("\n".join(found) or f"{root.path}: as it should be")
    return 1 if found else 0


def memberships() -> dict[str, list[str]]:
    """By principal, its groups."""
    found: dict[str, list[str]] = {}
    for role in (ADMINS, *ROLES.values()):
        for principal in role.principals:
            found.setdefault(principal, []).append(role.group)
    return found


def groups() -> str:
    """The groups of the principals as `hadoop.user.group.static.mapping.overrides` takes them."""
    return ";".join(f"{principal}={','.join(names)}" for principal, names in memberships().items())


WORDS = {NOTHING: "", PASSES: "passes", READS: "reads", DROPS: "drops", WRITES: "writes"}


def page() -> str:
    """The page for people."""
    kept = ", ".join(f"`{place.path}/`" for place in PLACES if place.sticky and place.path)
    return f"""# Who may do what below a data root on HDFS

Generated by `make docs` from `k8s/infra/data_root.py`; edit there. How to apply it: \
[deployment_guide.md](../deployment_guide.md#roles-on-hdfs). `tests/hdfs/roles` holds it against a real HDFS.

{role_table()}

The owner of all is `{OWNER}`, the group of all that of the administrators, who read and write everywhere. Who is in \
no group may not even list the data root. A trainer is a writer too.

{place_table()}

*Reads* includes the list of what is there; *writes* holds for all below that has no line of its own, and includes to \
delete; *drops* leaves files and sees none of others; *passes* leads to a folder below and nowhere else. What lies \
directly in {kept} or the data root itself is moved and deleted only by who owns it, and by `{OWNER}`: nobody else \
puts another folder in the place of one of these.
"""


def role_table() -> str:
    lines = ["| role | group | principals | who |", "|---|---|---|---|"]
    for name, role in {"administrators": ADMINS, **ROLES}.items():
        principals = ", ".join(f"`{principal}`" for principal in role.principals)
        lines.append(f"| {name} | `{role.group}` | {principals} | {role.about} |")
    return "\n".join(lines)


def place_table() -> str:
    lines = [f"| folder | {' | '.join(ROLES)} |", f"|---|{'---|' * len(ROLES)}"]
    for place in PLACES:
        name = f"`{place.path}/`" if place.path else "the data root itself"
        lines.append(f"| {name} | {' | '.join(WORDS[getattr(place, role)] for role in ROLES)} |")
    return "\n".join(lines)


def folder(text: str) -> str:
    """A path that is one folder: `hdfs dfs` gives some signs a meaning."""
    if not re.fullmatch(r"(\w+://[^/]*)?(/[^/\s{}\[\]*?\\]+)+/?", text):
        raise argparse.ArgumentTypeError(f"{text}: expected a folder below /, without blanks and signs of patterns")
    return text.rstrip("/")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("page", help="print the page of the documentation")
    commands.add_parser("groups", help="print the groups of the principals for a NameNode without a directory of users")
    for name, text in (("apply", "make the folders and give them their rights"), ("check", "say what differs")):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "root", type=folder, help="the data root, such as /foresite or hdfs://nameservice/foresite"
        )
        command.add_argument("--hdfs", default="hdfs dfs", help="how to call `hdfs dfs` as the superuser (%(default)s)")
        command.add_argument("--owner", default=OWNER, help="user who owns the data root (%(default)s)")
        command.add_argument("--admins", default=ADMINS.group, help="group of the administrators (%(default)s)")
        for role, about in ROLES.items():
            command.add_argument(f"--{role}", default=about.group, help=f"group of the {role} (%(default)s)")
        if name == "apply":
            command.add_argument("--existing", action="store_true", help="also to what lies in these folders already")
            command.add_argument("--dry-run", action="store_true", help="print the commands, run none")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    args = parse(arguments)
    if args.command == "page":
        sys.stdout.write(page())
        return 0
    if args.command == "groups":
        print(groups())
        return 0
    root = DataRoot(args.root, args.owner, args.admins, {role: getattr(args, role) for role in ROLES})
    return apply(root, args) if args.command == "apply" else check(root, args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
