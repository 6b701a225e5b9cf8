"""The example of a cloud, held against the schema of its provider: names of resources, arguments, blocks, attributes.

What values mean to the cloud only the cloud can say.
"""

from __future__ import annotations

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

import provider
import tools

EXAMPLE = tools.TERRAFORM / "examples" / "aws"
FILES = sorted(EXAMPLE.glob("*.tf"))


def test_the_schema_is_of_the_version_that_the_example_asks_for() -> None:
    asked = re.search(r'version = "~> (\d+)\.(\d+)"', (EXAMPLE / "versions.tf").read_text())
    made = re.search(r"provider version (\d+)\.(\d+)\.", str(metadata(provider.PACKAGE)))
    assert asked
    assert made
    assert made[1] == asked[1]
    assert int(made[2]) >= int(asked[2])


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_the_provider_takes_what_a_file_says(file: Path) -> None:
    assert list(provider.offences(file)) == []


def test_what_is_read_of_a_resource_is_there() -> None:
    text = "\n".join(file.read_text() for file in FILES)
    made = set(re.findall(r'^resource "(aws_\w+)" "(\w+)"', text, re.MULTILINE))
    read = set(re.findall(r"(?<![\w.])(aws_\w+)\.(\w+)(?:\[[^\]]*\]|\[keys\([^)]*\)\[0\]\])?\.(\w+)", text))
    assert len(read) >= 10
    assert {(kind, name) for kind, name, _ in read} <= made
    assert [each for each in sorted(read) if not provider.has(each[0], each[2])] == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('resource "aws_vpc" "x" {\n  cidr = "10.0.0.0/16"\n}\n', "does not take `cidr`"),
        ('resource "aws_volume_attachment" "x" {\n  volume_id = "v"\n  instance_id = "i"\n}\n', "lacks `device_name`"),
        ('resource "aws_vpn" "x" {\n}\n', "no such resource"),
        ('data "aws_route53_zone" "x" {\n  zone = "z"\n}\n', "does not take `zone`"),
        (
            'resource "aws_instance" "x" {\n  root_block_device {\n    size = 30\n  }\n}\n',
            "aws_instance.x.root_block_device: does not take `size`",
        ),
        (
            'resource "aws_eks_node_group" "x" {\n  dynamic "taint" {\n    for_each = []\n    content {\n'
            "      name = 1\n    }\n  }\n}\n",
            "aws_eks_node_group.x.taint: does not take `name`",
        ),
    ],
)
def test_an_error_is_seen(tmp_path: Path, text: str, hint: str) -> None:
    file = tmp_path / "wrong.tf"
    file.write_text(text)
    assert any(hint in offence for offence in provider.offences(file))
