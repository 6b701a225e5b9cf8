"""Terraform's own checks and tests of the modules, and the hand-over of hosts to Ansible."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tools


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Terraform in a copy, so that its files stay out of the checkout."""
    folder = tmp_path_factory.mktemp("terraform") / "terraform"
    shutil.copytree(tools.TERRAFORM, folder)
    settings = folder.parent / "settings.tfrc"
    settings.write_text("disable_checkpoint = true\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CLI_CONFIG_FILE", str(settings))
        terraform = tools.terraform(folder)
        done = terraform.init(json=False)
        assert done.retcode == 0, done.value + done.error
        yield terraform


def test_format(modules: Any) -> None:
    """Of the examples too, the only thing that is checked of them here."""
    done = modules.fmt(check=True, recursive=True, list=True)
    assert done.retcode == 0, f"run `terraform fmt -recursive`: {done.value}"


def test_valid(modules: Any) -> None:
    done = modules.validate()
    assert done.retcode == 0, done.value
    assert done.value["diagnostics"] == []


def test_modules(modules: Any) -> None:
    done = modules.test(json=False)
    assert done.retcode == 0, done.value + done.error
    assert "0 failed" in done.value
    assert "14 passed" in done.value


def test_ansible_takes_the_hosts(modules: Any, tmp_path: Path, scratch: Path) -> None:
    """Nothing is made: the modules hold no resources."""
    values = {"site": "north", "owner": "operations", "dns_zone": "foresite.example", "cells": 20000}
    done = modules.apply(vars=values, json=False, no_color=True, auto_approve=True, input=False)
    assert done.retcode == 0, done.value + done.error
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(modules.output(name="inventory").value)
    listed = tools.run(["ansible-inventory", "--inventory", str(inventory), "--list"], scratch, tmp_path)
    groups = json.loads(listed.stdout)
    quorum = [f"quorum-{n}.foresite.example" for n in (1, 2, 3)]
    assert groups["zookeeper"]["hosts"] == groups["journalnodes"]["hosts"] == quorum
    assert groups["_meta"]["hostvars"]["namenode-2.foresite.example"]["hadoop_namenode_id"] == "nn2"
    assert len(groups["datanodes"]["hosts"]) >= 4
