"""The playbook as it stands: syntax, lint, roles that say what they take, and a second run that changes nothing."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import data_root
import pytest
import yaml

import tools
from namenodes import NameNodes

ROLES = sorted(path.name for path in (tools.ANSIBLE / "roles").iterdir())


def test_syntax(scratch: Path) -> None:
    done = tools.run(["ansible-playbook", "--syntax-check", "playbook.yml"], scratch)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


def test_second_run_changes_nothing(site: Path, scratch: Path, listening: NameNodes) -> None:
    port = listening.port
    said = tools.render(site, scratch, "--limit", tools.ONE_OF_EACH, hadoop_namenode_port=port)
    hosts = tools.recap(said)
    assert sorted(hosts) == sorted(tools.ONE_OF_EACH.split(","))
    assert {host: counts["changed"] for host, counts in hosts.items() if counts["changed"]} == {}, said[-6000:]


def test_a_dry_run_tells_a_change_and_makes_none(site: Path, scratch: Path) -> None:
    before = (site / "edge-1.test/etc/hadoop/conf/hdfs-site.xml").read_text()
    said = tools.render(site, scratch, "--limit", "edge-1.test", "--check", "--diff", hadoop_namenode_port=8020)
    assert tools.recap(said)["edge-1.test"]["changed"] == 1, said
    assert "+  <property><name>dfs.namenode.rpc-address.nameservice.nn1</name><value>127.0.0.11:8020</value>" in said
    assert (site / "edge-1.test/etc/hadoop/conf/hdfs-site.xml").read_text() == before


def test_no_password_is_shown(site: Path, scratch: Path) -> None:
    said = tools.render(
        site, scratch, "--limit", "namenode-1.test", "--check", "--diff", vault_hadoop_tls_password="mountain-lake"
    )
    assert tools.recap(said)["namenode-1.test"]["changed"] >= 1
    assert "mountain-lake" not in said


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"hadoop_extra_hdfs_site": {"dfs.a": "${user.name}"}}, "must hold plain values"),
        ({"hadoop_security": "none"}, "value of hadoop_security must be one of"),
    ],
)
def test_refuses(tmp_path: Path, scratch: Path, values: dict[str, object], hint: str) -> None:
    with pytest.raises(AssertionError, match=hint):
        tools.render(tmp_path, scratch, "--limit", "datanode-1.test", **values)


def test_lint(lint: subprocess.Popen[str]) -> None:
    said, _ = lint.communicate(timeout=tools.BOUND_SECONDS)
    assert lint.returncode == 0, said[-6000:]


def test_yaml(scratch: Path) -> None:
    done = tools.run(["yamllint", "--strict", "--config-file", str(tools.INFRA / ".yamllint"), "."], scratch)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("role", ROLES)
def test_a_role_describes_its_variables(role: str) -> None:
    folder = tools.ANSIBLE / "roles" / role
    described = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]
    assert described["main"]["short_description"]
    assert all(option["description"] for entry in described.values() for option in entry.get("options", {}).values())


def test_only_modules_that_come_with_ansible() -> None:
    used = {
        name
        for path in tools.ANSIBLE.rglob("*.yml")
        for name in re.findall(r"^\s*([a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_]+):", path.read_text(), re.MULTILINE)
    }
    assert used
    assert {name for name in used if not name.startswith("ansible.builtin.")} == set()


def test_quorums_change_one_host_at_a_time() -> None:
    plays = yaml.safe_load((tools.ANSIBLE / "playbook.yml").read_text())
    serial = {play["hosts"]: play.get("serial") for play in plays if "roles" in play}
    assert {hosts: serial[hosts] for hosts in ("zookeeper", "journalnodes", "namenodes")} == {
        "zookeeper": 1,
        "journalnodes": 1,
        "namenodes": 1,
    }


def test_the_kdc_makes_the_principals_of_the_roles() -> None:
    defaults = yaml.safe_load((tools.ANSIBLE / "roles/kerberos_kdc/defaults/main.yml").read_text())
    assert defaults["kerberos_kdc_users"] == list(data_root.memberships())


def test_the_data_root_is_asked_before_it_is_changed() -> None:
    """With the options of the site, which the script takes."""
    tasks = yaml.safe_load((tools.ANSIBLE / "roles/data_root/tasks/main.yml").read_text())
    commands = [task["ansible.builtin.script"]["cmd"].split("}} ")[1].split()[0] for task in tasks]
    assert commands == ["check", "apply"]
    assert tasks[1]["when"] == "data_root_found.rc | default(0) == 1"
    options = "/foresite --hdfs 'hdfs-admin dfs' --readers staff --existing"
    assert data_root.parse(["apply", *shlex.split(options)]).readers == "staff"


def test_no_secret_is_in_the_revision() -> None:
    named = re.compile(r"^\s*vault_\w+:[ \t]*[^ \t\n]", re.MULTILINE)
    assert [str(path) for path in tools.ANSIBLE.rglob("*.yml") if named.search(path.read_text())] == []
