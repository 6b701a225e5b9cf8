"""Hadoop's own client in every folder as everybody: who lists, reads, writes and deletes is who may."""

from __future__ import annotations

import pytest
from data_root import OWNER, PLACES, Place

from roles.people import GROUPS, may, may_delete
from roles.site import Site, site_of


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """In every folder a file of the administrator for everybody."""
    site = site_of(tmp_path_factory.mktemp("places"))
    assert site.rights("apply") == 0
    kept = [f"{folder(site, place)}/for-{user}" for place in PLACES for user in GROUPS]
    assert site.dfs(OWNER, "-touchz", *kept).code == 0
    return site


def folder(site: Site, place: Place) -> str:
    return f"{site.path}/{place.path}".rstrip("/")


def of_all(site: Site, name: str) -> list[str]:
    return [f"{folder(site, place)}/{name}" for place in PLACES]


def names(places: list[Place]) -> list[str]:
    return [place.path for place in places]


def test_a_second_call_changes_nothing(site: Site) -> None:
    before = site.listed()
    assert site.rights("check") == 0
    assert site.rights("apply") == 0
    assert site.rights("check") == 0
    assert site.listed() == before


@pytest.mark.parametrize("user", GROUPS)
def test_a_role_lists_and_reads_its_part(site: Site, user: str) -> None:
    expected = names([place for place in PLACES if may(user, place, "r")])
    said = site.dfs(user, "-ls", "-C", *(folder(site, place) for place in PLACES)).said.splitlines()
    assert names([place for place in PLACES if f"{folder(site, place)}/for-{user}" in said]) == expected
    said = site.dfs(user, "-checksum", *of_all(site, f"for-{user}")).said.splitlines()
    read = {line.split("\t")[0] for line in said if "\t" in line}
    assert names([place for place in PLACES if f"{folder(site, place)}/for-{user}" in read]) == expected


@pytest.mark.parametrize("user", GROUPS)
def test_a_role_writes_and_deletes_in_its_part(site: Site, user: str) -> None:
    site.dfs(user, "-touchz", *of_all(site, f"by-{user}"))
    site.dfs(user, "-rm", "-skipTrash", *of_all(site, f"for-{user}"))
    site.dfs(user, "-mkdir", *of_all(site, f"folder-of-{user}"))
    there = set(site.dfs("hdfs", "-ls", "-C", *(folder(site, place) for place in PLACES)).said.split())
    expected = names([place for place in PLACES if may(user, place, "w")])
    for made_there in (f"by-{user}", f"folder-of-{user}"):
        assert names([place for place in PLACES if f"{folder(site, place)}/{made_there}" in there]) == expected
    gone = [place for place in PLACES if f"{folder(site, place)}/for-{user}" not in there]
    assert names(gone) == names([place for place in PLACES if may_delete(user, place)])
