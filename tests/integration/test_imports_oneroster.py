"""`ayumi import oneroster`: a set of files into the roster."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from knowledge.db import Database
from knowledge.imports.oneroster import package
from knowledge.imports.oneroster.schema import FILES
from knowledge.records.roster import Enrollment, Org, Role, SchoolClass, User
from tests.builders.oneroster import district, enrollment, only, with_cells, write_oneroster
from tests.integration.stored import enrollments, everything, load, refused, row

VERSIONS = ("1.2", "1.2.1", "1.2_JP")
D = district()
ROWS = sum(len(table) for table in D.values())


async def test_a_district_is_stored(database: Database, tmp_path: Path) -> None:
    summary = await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    assert str(summary) == f"added={ROWS} changed=0 unchanged=0 rejected=0"
    hana = await row(database, User, sourced_id="s-hana")
    assert (hana.family_name, hana.kana_given_name, hana.grade, hana.agent_sourced_ids) == (
        "佐藤",
        "はな",
        "P4",
        ["g-sato"],
    )
    math = await row(database, SchoolClass, sourced_id="c-j1-math")
    assert (math.class_type, math.subjects, math.subject_codes, math.term_sourced_ids) == (
        "scheduled",
        ["数学"],
        ["J030"],
        ["y2026"],
    )
    assert (await row(database, Role, sourced_id="r-n-hayashi")).role == "ext:nurse"
    enrollment = await row(database, Enrollment, sourced_id="e-ren")
    assert (enrollment.begin_date, enrollment.end_date, enrollment.attendance_number, enrollment.is_primary) == (
        date(2026, 4, 6),
        date(2027, 3, 31),
        2,
        False,
    )


def test_every_column_of_the_roster_is_filled_by_a_file() -> None:
    for file in FILES:
        kept = {column.kept_as for column in file.columns if column.kept_as} | {"sourced_id"}
        assert kept == {column.name for column in file.table.c}


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_same_set_again_changes_nothing_in_any_version(
    database: Database, tmp_path: Path, version: str
) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "first"))
    before = await everything(database)
    summary = await load(database, "oneroster", write_oneroster(tmp_path / "again", version=version))
    assert str(summary) == f"added=0 changed=0 unchanged={ROWS} rejected=0"
    assert await everything(database) == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_offices_write_their_files_in_many_ways(
    database: Database, tmp_path: Path, encoding: str, newline: str
) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set", encoding=encoding, newline=newline))
    assert (await row(database, Org, sourced_id="minami")).name == "あゆみ市立みなみ小学校"


@pytest.mark.parametrize("folder", ["", "あゆみ市/"])
async def test_a_zip_file_does_as_well_with_or_without_a_folder(
    database: Database, tmp_path: Path, folder: str
) -> None:
    summary = await load(database, "oneroster", write_oneroster(tmp_path / "set.zip", folder=folder))
    assert summary.added == ROWS


async def test_a_dry_run_tells_what_would_happen_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    path = write_oneroster(tmp_path / "set")
    empty = await everything(database)
    told = await load(database, "oneroster", path, dry_run=True)
    assert await everything(database) == empty
    assert told == await load(database, "oneroster", path)


async def test_further_columns_after_the_listed_ones_are_ignored(database: Database, tmp_path: Path) -> None:
    text = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId,metadata.x\n"
    text += "board,,,教育委員会,district,,,a\nminami,,,小学校,school,,board,b\nhigashi,,,中学校,school,,board,c\n"
    await load(database, "oneroster", write_oneroster(tmp_path / "set", raw={"orgs.csv": text.encode()}))
    assert (await row(database, Org, sourced_id="higashi")).name == "中学校"


async def test_secrets_never_reach_the_store(database: Database, tmp_path: Path) -> None:
    secrets = {"password": "himitsu-1", "email": "hana@example.jp", "phone": "090-0000-0000", "sms": "080-0000-0000"}
    profile = [{"sourcedId": "up1", "status": "", "dateLastModified": "", "password": "himitsu-2"}]
    path = write_oneroster(
        tmp_path / "set", users=with_cells(D["users"], "s-hana", **secrets), userProfiles=profile, demographics=profile
    )
    await load(database, "oneroster", path)
    stored = repr(await everything(database))
    assert "佐藤" in stored
    for secret in (*secrets.values(), "himitsu-2"):
        assert secret not in stored


async def test_who_changes_class_is_in_each_class_on_its_days(database: Database, tmp_path: Path) -> None:
    moved = [
        *with_cells(D["enrollments"], "e-sora", endDate="2026-05-10"),
        enrollment("e-sora-2", "s-sora", beginDate="2026-05-11", endDate="2027-03-31"),
    ]
    await load(database, "oneroster", write_oneroster(tmp_path / "set", enrollments=moved))
    stays = [(e.class_sourced_id, e.begin_date, e.end_date) for e in await enrollments(database, "s-sora")]
    assert stays == [
        ("c-2-1", date(2026, 4, 6), date(2026, 5, 10)),
        ("c-4-2", date(2026, 5, 11), date(2027, 3, 31)),
    ]


async def test_two_homerooms_on_one_day_are_refused_with_both_spans(database: Database, tmp_path: Path) -> None:
    moved = [
        *with_cells(D["enrollments"], "e-sora", endDate="2026-05-10"),
        enrollment("e-sora-2", "s-sora", beginDate="2026-05-10"),
    ]
    (problem,) = await refused(database, "oneroster", write_oneroster(tmp_path / "set", enrollments=moved))
    assert problem == (
        "enrollments.csv:11: sourcedId 'e-sora-2': expected one homeroom class at a time, but "
        "2026-05-10–2027-03-31 overlaps 2026-04-06–2026-05-10 of e-sora (line 4)"
    )


async def test_the_store_counts_too_when_homerooms_overlap(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    delta = only(enrollments=[enrollment("e-sora-2", "s-sora", beginDate="2026-05-10")])
    (problem,) = await refused(database, "oneroster", write_oneroster(tmp_path / "d", delta, delta=["enrollments"]))
    assert "of e-sora (in the store)" in problem


# What is wrong with a file


WRONG_CELLS = {
    "a date that is none": (
        "enrollments",
        "e-hana",
        {"beginDate": "2026-13-01"},
        "enrollments.csv:2: beginDate '2026-13-01': expected a date YYYY-MM-DD",
    ),
    "dates the wrong way round": (
        "enrollments",
        "e-hana",
        {"endDate": "2026-04-01"},
        "enrollments.csv:2: endDate '2026-04-01': expected no day before the beginDate 2026-04-06",
    ),
    "a session that ends before it starts": (
        "academicSessions",
        "y2026-1",
        {"endDate": "2026-03-31"},
        "academicSessions.csv:3: endDate '2026-03-31': expected no day before the startDate 2026-04-01",
    ),
    "no such course": (
        "classes",
        "c-4-2",
        {"courseSourcedId": "co-9"},
        "classes.csv:2: courseSourcedId 'co-9': expected a sourcedId of courses.csv",
    ),
    "no such school": (
        "classes",
        "c-4-2",
        {"schoolSourcedId": "kita"},
        "classes.csv:2: schoolSourcedId 'kita': expected a sourcedId of orgs.csv",
    ),
    "no such term among several": (
        "classes",
        "c-4-2",
        {"termSourcedIds": "y2026-1,y2026-4"},
        "classes.csv:2: termSourcedIds 'y2026-4': expected a sourcedId of academicSessions.csv",
    ),
    "no such class": (
        "enrollments",
        "e-ito",
        {"classSourcedId": "c-9"},
        "enrollments.csv:7: classSourcedId 'c-9': expected a sourcedId of classes.csv",
    ),
    "no such user": (
        "enrollments",
        "e-ito",
        {"userSourcedId": "t-9"},
        "enrollments.csv:7: userSourcedId 't-9': expected a sourcedId of users.csv",
    ),
    "a role of nobody": (
        "roles",
        "r-t-ito",
        {"userSourcedId": "t-9"},
        "roles.csv:6: userSourcedId 't-9': expected a sourcedId of users.csv",
    ),
    "a role nowhere": (
        "roles",
        "r-t-ito",
        {"orgSourcedId": "kita"},
        "roles.csv:6: orgSourcedId 'kita': expected a sourcedId of orgs.csv",
    ),
    "an agent who is nobody": (
        "users",
        "s-hana",
        {"agentSourcedIds": "g-sato,g-9"},
        "users.csv:2: agentSourcedIds 'g-9': expected a sourcedId of users.csv",
    ),
    "an unknown grade": (
        "users",
        "s-hana",
        {"grades": "P7"},
        "users.csv:2: grades 'P7': expected one of E1, E2, E3, P1, P2, P3, P4, P5, P6, J1, J2, J3, H1, H2, H3",
    ),
    "an unknown class type": (
        "classes",
        "c-4-2",
        {"classType": "home"},
        "classes.csv:2: classType 'home': expected one of homeroom, scheduled",
    ),
    "a status in a bulk file": (
        "orgs",
        "minami",
        {"status": "active"},
        "orgs.csv:3: status 'active': expected nothing in a bulk file",
    ),
    "a name that is missing": ("users", "s-hana", {"familyName": ""}, "users.csv:2: familyName '': expected a value"),
    "enabled or not": (
        "users",
        "s-hana",
        {"enabledUser": "yes"},
        "users.csv:2: enabledUser 'yes': expected true or false",
    ),
}


@pytest.mark.parametrize("what", WRONG_CELLS)
async def test_a_wrong_cell_is_named_with_what_was_expected(database: Database, tmp_path: Path, what: str) -> None:
    file, sourced_id, cells, said = WRONG_CELLS[what]
    path = write_oneroster(tmp_path / "set", {file: with_cells(D[file], sourced_id, **cells)})
    assert await refused(database, "oneroster", path) == [said]


@pytest.mark.parametrize("cells", [{"role": "boss"}, {"roleType": "third"}, {"role": "ext:"}])
async def test_an_unknown_role_is_refused(database: Database, tmp_path: Path, cells: dict[str, str]) -> None:
    path = write_oneroster(tmp_path / "set", roles=with_cells(D["roles"], "r-t-ito", **cells))
    (problem,) = await refused(database, "oneroster", path)
    assert problem.startswith("roles.csv:6: role")


async def test_any_extension_role_is_accepted(database: Database, tmp_path: Path) -> None:
    extended = with_cells(D["roles"], "r-t-ito", role="ext:schoolLunch")
    await load(database, "oneroster", write_oneroster(tmp_path / "set", roles=extended))
    assert (await row(database, Role, sourced_id="r-t-ito")).role == "ext:schoolLunch"


async def test_a_sourced_id_twice_names_the_first_line(database: Database, tmp_path: Path) -> None:
    path = write_oneroster(tmp_path / "set", users=[*D["users"], D["users"][0]])
    assert await refused(database, "oneroster", path) == [
        "users.csv:14: sourcedId 's-hana': expected once in a file, but line 2 has it too"
    ]


async def test_a_header_in_another_order_is_refused(database: Database, tmp_path: Path) -> None:
    text = b"sourcedId,status,dateLastModified,type,name,identifier,parentSourcedId\n"
    assert await refused(database, "oneroster", write_oneroster(tmp_path / "set", raw={"orgs.csv": text})) == [
        "orgs.csv:1: column 4 'type': expected the column name"
    ]


async def test_each_version_has_its_own_columns(database: Database, tmp_path: Path) -> None:
    jp = (write_oneroster(tmp_path / "jp", version="1.2_JP") / "enrollments.csv").read_bytes()
    path = write_oneroster(tmp_path / "set", version="1.2.1", raw={"enrollments.csv": jp})
    assert await refused(database, "oneroster", path) == [
        "enrollments.csv:1: column 11 'metadata.jp.shussekiNo': expected the column metadata.jp.ShussekiNo"
    ]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"oneroster.version": "1.1"}, "oneroster.version '1.1': expected 1.2 or 1.2.1 or 1.2_JP"),
        ({"file.users": "absent"}, "file.users 'absent': expected bulk or delta, since users.csv is there"),
        ({"file.demographics": "bulk"}, "'bulk': expected demographics.csv beside the manifest, or absent"),
        ({"file.users": "full"}, "file.users 'full': expected absent, bulk or delta"),
        ({"manifest.version": "2.0"}, "manifest.version '2.0': expected 1.0"),
    ],
)
async def test_manifest_and_files_must_agree(
    database: Database, tmp_path: Path, manifest: dict[str, str], said: str
) -> None:
    (problem,) = await refused(database, "oneroster", write_oneroster(tmp_path / "set", manifest=manifest))
    assert problem.startswith("manifest.csv:")
    assert said in problem


async def test_what_is_no_set_is_refused(database: Database, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 not really")
    whole = write_oneroster(tmp_path / "whole.zip").read_bytes()
    (tmp_path / "damaged.zip").write_bytes(whole[:100] + bytes(40) + whole[140:])
    assert await refused(database, "oneroster", tmp_path / "empty") == [
        "manifest.csv: expected this file beside the others, it is missing"
    ]
    for name in ("broken.zip", "damaged.zip"):
        (problem,) = await refused(database, "oneroster", tmp_path / name)
        assert "a zip file of it that can be read" in problem
    (problem,) = await refused(database, "oneroster", tmp_path / "nowhere")
    assert "there is none at this path" in problem


async def test_a_zip_file_that_grows_too_large_is_refused_before_it_is_unpacked(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED", 3 << 20)
    path = write_oneroster(tmp_path / "set.zip", raw={"resources.csv": bytes(4 << 20)})
    assert path.stat().st_size < 1 << 20
    assert await refused(database, "oneroster", path) == ["set.zip: expected at most 3 MiB when unpacked"]


async def test_a_zip_file_with_two_sets_is_refused(database: Database, tmp_path: Path) -> None:
    path = write_oneroster(tmp_path / "set.zip", raw={"other/manifest.csv": b""})
    assert await refused(database, "oneroster", path) == [
        "set.zip: expected one manifest.csv, at the top or in one folder; found 2"
    ]


async def test_unkept_files_must_still_be_csv_with_the_three_columns(database: Database, tmp_path: Path) -> None:
    path = write_oneroster(tmp_path / "set", demographics=[{"sourcedId": "s-hana", "birthDate": "2016-05-01"}])
    assert await refused(database, "oneroster", path) == [
        "demographics.csv:1: column 2 'birthDate': expected the column status"
    ]
