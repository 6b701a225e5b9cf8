"""The rights on HDFS, held against the manifests, the documents, and themselves; the real ones: `tests/hdfs/roles`."""

from __future__ import annotations

import re
from pathlib import Path

import data_root
import pytest
from foresite_airflow import stage_needs

import expectations
from manifests import K8S

DOCS = K8S.parent / "docs"
GROUPS = {role: about.group for role, about in data_root.ROLES.items()}
ROOT = data_root.DataRoot("/data", data_root.OWNER, data_root.ADMINS.group, GROUPS)


def facl() -> str:
    """What `hdfs dfs -getfacl` would say if all were well; HDFS sorts the names."""
    blocks = []
    for place in data_root.PLACES:
        lines = [f"# file: {ROOT.folder(place)}", f"# owner: {ROOT.owner}", f"# group: {ROOT.admins}"]
        lines += ["# flags: --T"] if place.sticky else []
        blocks.append("\n".join([*lines, *sorted(data_root.access_list(place, GROUPS))]))
    return "\n\n".join(blocks) + "\n\n"


def commands(verb: str, *, existing: bool = False) -> list[list[str]]:
    return [command[1:] for command in ROOT.commands(existing=existing) if command[0] == verb]


def test_the_page_says_what_the_file_says() -> None:
    assert (DOCS / "reference" / "data_root.md").read_text() == data_root.page(), "run `make docs`"


def test_every_principal_of_the_manifests_has_a_role() -> None:
    principals = set(data_root.memberships())
    assert {needs.principal for needs in stage_needs.stages().values()} <= principals
    keytabs = {name for name in expectations.BROUGHT_SECRETS if name.endswith("-keytab")}
    assert keytabs == {f"{principal}-keytab" for principal in principals}


def test_only_who_decides_about_models_and_deletes_is_an_administrator() -> None:
    needs = stage_needs.stages()
    trainers = set(data_root.ROLES["trainers"].principals)
    assert {stage for stage in needs if needs[stage].principal == data_root.OWNER} == {"promote", "maintain"}
    assert {stage for stage in needs if needs[stage].principal in trainers} == {"train", "evaluate"}
    assert trainers < set(data_root.ROLES["writers"].principals)


def test_every_folder_below_a_data_root_is_a_place() -> None:
    """Those of the table in architecture.md; configurations reach HDFS as ConfigMaps only."""
    text = (DOCS / "architecture.md").read_text()
    table = text[text.index("## Below a data root") : text.index("## Where a data root may lie")]
    named = set(re.findall(r"`(\w+)/", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line)))
    assert named - {"configs"} == {place.path.split("/")[0] for place in data_root.PLACES} - {""}


def test_nobody_can_put_another_folder_in_the_place_of_one() -> None:
    above = {place.path.rpartition("/")[0] for place in data_root.PLACES}
    assert above <= {place.path for place in data_root.PLACES if place.sticky}


@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_gets_its_list_after_those_above(existing: bool) -> None:
    at: dict[str, int] = {}
    for number, (*_, glob) in enumerate(commands("-setfacl", existing=existing)):
        inside = glob.partition("{")[2].rstrip("}") or glob.removeprefix(ROOT.path)
        at |= {f"{ROOT.path}{path}": number for path in inside.split(",")}
    assert set(at) == {ROOT.folder(place) for place in data_root.PLACES}
    for path, number in at.items():
        assert all(at[above] < number for above in at if path.startswith(f"{above}/")), path


def test_what_is_there_gets_the_rights_of_its_folder_and_the_rest_stays() -> None:
    for verb in ("-chown", "-setfacl"):
        first, *others = commands(verb, existing=True)
        assert "-R" not in first
        assert all(other[0] == "-R" for other in others)
        assert not any("-R" in command for command in commands(verb))


def test_differences_are_named() -> None:
    assert list(ROOT.differences(facl())) == []
    wrong = facl().replace("\ngroup:foresite-readers:r-x", "\ngroup:foresite-readers:rwx\t#effective:r-x", 1)
    assert list(ROOT.differences(wrong)) == [
        "/data: lacks `group:foresite-readers:r-x`",
        "/data: has `group:foresite-readers:rwx`",
    ]
    without = re.sub(r"# file: /data/truth\n.*?\n\n", "", facl(), flags=re.DOTALL)
    assert list(ROOT.differences(without)) == ["/data/truth: not there"]
    assert len(list(ROOT.differences(""))) == len(data_root.PLACES)


def test_check_tells_what_differs_from_what_nobody_could_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = tmp_path / "facl"
    answer.write_text(facl())
    assert data_root.main(["check", "/data", "--hdfs", f"sh -c 'cat {answer}'"]) == 0
    assert data_root.main(["check", "/data", "--hdfs", f"sh -c 'cat {answer}'", "--writers", "others"]) == 1
    assert "/data/plans: lacks `group:others:rwx`" in capsys.readouterr().out
    assert data_root.main(["check", "/data", "--hdfs", "sh -c 'echo no ticket >&2; exit 1'"]) == 2
    assert "no ticket" in capsys.readouterr().err


def test_apply_stops_at_the_first_refusal_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert data_root.main(["apply", "/data", "--hdfs", "sh -c 'exit 0'"]) == 0
    assert data_root.main(["apply", "/data", "--hdfs", "sh -c 'exit 3'"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "superuser" in said[1]


def test_apply_leaves_a_data_root_of_somebody_else_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Its tables would belong to the one user of all stages still, and no administrator could care for them."""
    others = ["apply", "/data", "--hdfs", "sh -c 'echo foresite'"]
    assert data_root.main(others) == 2
    said = capsys.readouterr().err
    assert "/data belongs to foresite" in said
    assert "--existing" in said
    assert data_root.main([*others, "--existing"]) == 0
    assert data_root.main(["apply", "/data", "--hdfs", "sh -c 'echo foresite-admin'"]) == 0


@pytest.mark.parametrize("root", ["/", "data", "hdfs://service/", "/a b", "/a{b,c}", "/a*"])
def test_a_root_that_hadoop_would_read_in_another_way_is_refused(root: str) -> None:
    with pytest.raises(SystemExit):
        data_root.main(["apply", root, "--dry-run"])
