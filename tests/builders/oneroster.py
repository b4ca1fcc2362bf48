"""A small, valid district as OneRoster CSV, to be changed where a test wants it."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str]

UNREAD = (
    "categories", "classResources", "courseResources", "demographics", "lineItems", "resources", "results",
    "userProfiles", "userResources",
)  # fmt: skip
MODIFIED = "2026-09-01T09:00:00+09:00"  # dateLastModified of delta rows that name no other


def headers(version: str) -> dict[str, list[str]]:
    """The columns of every file in the order of the published profile."""
    is_jp = version == "1.2_JP"
    columns = {
        "academicSessions": "title,type,startDate,endDate,parentSourcedId,schoolYear",
        "orgs": "name,type,identifier,parentSourcedId",
        "courses": "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
        "classes": "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,"
        "subjectCodes,periods,metadata.jp.specialNeeds",
        "users": "enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,"
        "agentSourcedIds,grades,password,userMasterIdentifier,"
        + ("resourceSourcedIds," if version == "1.2" else "")
        + "preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns,"
        "metadata.jp.kanaGivenName,metadata.jp.kanaFamilyName,metadata.jp.kanaMiddleName,metadata.jp.homeClass"
        + (
            ""
            if version == "1.2"
            else ",metadata.jp.kanaPreferredFamilyName,metadata.jp.kanaPreferredGivenName,"
            "metadata.jp.kanaPreferredMiddleName"
        ),
        "roles": "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
        "enrollments": "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate,"
        + ("metadata.jp.shussekiNo,metadata.jp.publicFlg" if is_jp else "metadata.jp.ShussekiNo,metadata.jp.PublicFlg"),
    }
    return {name: ["sourcedId", "status", "dateLastModified", *line.split(",")] for name, line in columns.items()}


def _rows(names: str, *lines: str) -> list[Row]:
    return [dict(zip(names.split(), line.split("|"), strict=True)) for line in lines]


def district() -> dict[str, list[Row]]:
    """A primary school (4年2組, 2年1組) and a junior high school (1年1組, and its mathematics class)."""
    users = _rows(
        "sourcedId familyName givenName metadata.jp.kanaFamilyName metadata.jp.kanaGivenName grades "
        "primaryOrgSourcedId agentSourcedIds",
        "s-hana|佐藤|花|さとう|はな|P4|minami|g-sato",
        "s-ren|鈴木|蓮|すずき|れん|P4|minami|",
        "s-sora|高橋|空|たかはし|そら|P2|minami|",
        "s-yui|田中|結衣|たなか|ゆい|J1|higashi|",
        "t-ito|伊藤|春子|いとう|はるこ||minami|",
        "t-kato|加藤|健|かとう|けん||minami|",
        "t-abe|阿部|直美|あべ|なおみ||higashi|",
        "t-mori|森|誠|もり|まこと||higashi|",
        "p-ogawa|小川|恵|おがわ|めぐみ||minami|",
        "n-hayashi|林|優子|はやし|ゆうこ||minami|",
        "g-sato|佐藤|大輔|さとう|だいすけ||minami|s-hana",
        "b-nakano|中野|隆|なかの|たかし||board|",
    )
    role_of = {
        "s": "student",
        "t": "teacher",
        "p": "principal",
        "n": "ext:nurse",
        "g": "guardian",
        "b": "districtAdministrator",
    }
    return {
        "academicSessions": _rows(
            "sourcedId title type startDate endDate parentSourcedId schoolYear",
            "y2026|令和8年度|schoolYear|2026-04-01|2027-03-31||2026",
            "y2026-1|1学期|term|2026-04-01|2026-08-31|y2026|2026",
            "y2026-2|2学期|term|2026-09-01|2026-12-31|y2026|2026",
            "y2026-3|3学期|term|2027-01-01|2027-03-31|y2026|2026",
        ),
        "orgs": _rows(
            "sourcedId name type parentSourcedId",
            "board|あゆみ市教育委員会|district|",
            "minami|あゆみ市立みなみ小学校|school|board",
            "higashi|あゆみ市立ひがし中学校|school|board",
        ),
        "courses": _rows(
            "sourcedId title grades orgSourcedId schoolYearSourcedId subjects subjectCodes",
            "co-p4|4年|P4|minami|y2026||",
            "co-p2|2年|P2|minami|y2026||",
            "co-j1|1年|J1|higashi|y2026||",
            "co-j1-math|数学1年|J1|higashi|y2026|数学|J030",
        ),
        "classes": _rows(
            "sourcedId title grades courseSourcedId classType schoolSourcedId termSourcedIds subjects subjectCodes",
            "c-4-2|4年2組|P4|co-p4|homeroom|minami|y2026||",
            "c-2-1|2年1組|P2|co-p2|homeroom|minami|y2026||",
            "c-j1-1|1年1組|J1|co-j1|homeroom|higashi|y2026||",
            "c-j1-math|1年1組 数学|J1|co-j1-math|scheduled|higashi|y2026|数学|J030",
        ),
        "users": [{"enabledUser": "true", "username": row["sourcedId"], **row} for row in users],
        "roles": [
            {
                "sourcedId": f"r-{row['sourcedId']}",
                "userSourcedId": row["sourcedId"],
                "roleType": "primary",
                "role": role_of[row["sourcedId"][0]],
                "orgSourcedId": row["primaryOrgSourcedId"],
            }
            for row in users
        ],
        "enrollments": _rows(
            "sourcedId classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate "
            "metadata.jp.ShussekiNo metadata.jp.PublicFlg",
            "e-hana|c-4-2|minami|s-hana|student|false|2026-04-06|2027-03-31|1|true",
            "e-ren|c-4-2|minami|s-ren|student|false|2026-04-06|2027-03-31|2|true",
            "e-sora|c-2-1|minami|s-sora|student|false|2026-04-06|2027-03-31|1|true",
            "e-yui|c-j1-1|higashi|s-yui|student|false|2026-04-06|2027-03-31|1|true",
            "e-yui-math|c-j1-math|higashi|s-yui|student|false|2026-04-06|2027-03-31||",
            "e-ito|c-4-2|minami|t-ito|teacher|true||||",
            "e-kato|c-2-1|minami|t-kato|teacher|true||||",
            "e-abe|c-j1-1|higashi|t-abe|teacher|true||||",
            "e-mori|c-j1-math|higashi|t-mori|teacher|false||||",
        ),
    }


def with_cells(rows: Sequence[Row], sourced_id: str, **cells: str) -> list[Row]:
    """``rows``, the one named having other cells."""
    assert any(row["sourcedId"] == sourced_id for row in rows)
    return [{**row, **cells} if row["sourcedId"] == sourced_id else row for row in rows]


def without(rows: Sequence[Row], *sourced_ids: str) -> list[Row]:
    """``rows`` but those named."""
    return [row for row in rows if row["sourcedId"] not in sourced_ids]


def only(**changes: Sequence[Row]) -> dict[str, Sequence[Row] | None]:
    """These files and no other."""
    return {**dict.fromkeys(district()), **changes}


def enrollment(sourced_id: str, user: str, class_id: str = "c-4-2", **cells: str) -> Row:
    """A student of the primary school in one of its classes."""
    return {
        "sourcedId": sourced_id,
        "classSourcedId": class_id,
        "schoolSourcedId": "minami",
        "userSourcedId": user,
        "role": "student",
        **cells,
    }


def write_oneroster(
    path: Path,
    tables: Mapping[str, Sequence[Row] | None] | None = None,
    *,
    version: str = "1.2.1",
    delta: Collection[str] = (),
    manifest: Mapping[str, str] | None = None,
    raw: Mapping[str, bytes] | None = None,
    encoding: str = "utf-8",
    newline: str = "\n",
    folder: str = "",
    **changes: Sequence[Row] | None,
) -> Path:
    """Writes the district to a folder, or to a zip file where ``path`` ends in ``.zip``, and returns ``path``.

    ``tables`` and ``changes``: rows of a file instead of the district's (None: no such file). ``delta``: files that
    hold changes; status ``active`` and a date are filled in. ``manifest``: further or other properties. ``raw``: whole
    files by name, as they are. ``folder``: inside the zip.
    """
    files_rows: dict[str, Sequence[Row] | None] = {**district(), **(tables or {}), **changes}
    columns = headers(version)
    modes = {f"file.{name}": _mode(name, rows, delta) for name, rows in files_rows.items()}
    properties = {
        "manifest.version": "1.0",
        "oneroster.version": version,
        **{f"file.{name}": "absent" for name in UNREAD},
        **modes,
        "source.systemName": "",
        "source.systemCode": "",
        **(manifest or {}),
    }
    texts = {"manifest.csv": [["propertyName", "value"], *([name, value] for name, value in properties.items())]}
    for name, rows in files_rows.items():
        if rows is not None:
            header = columns.get(name) or list(rows[0])
            texts[f"{name}.csv"] = [header, *(_cells(row, header, name in delta) for row in rows)]
    files = {name: _csv(lines, newline).encode(encoding) for name, lines in texts.items()} | dict(raw or {})
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(folder + name, content)
    else:
        path.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (path / name).write_bytes(content)
    return path


def _mode(name: str, rows: Sequence[Row] | None, delta: Collection[str]) -> str:
    return "absent" if rows is None else "delta" if name in delta else "bulk"


def _cells(row: Row, header: Sequence[str], is_delta: bool) -> list[str]:
    """The row in the order of the header, whichever way a version spells its letters."""
    filled = {"status": "active", "datelastmodified": MODIFIED} if is_delta else {}
    cells = filled | {name.lower(): value for name, value in row.items()}
    return [cells.get(name.lower(), "") for name in header]


def _csv(lines: Sequence[Sequence[str]], newline: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=newline).writerows(lines)
    return text.getvalue()
