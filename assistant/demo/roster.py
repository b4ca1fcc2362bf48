"""The demo district as the rows of OneRoster 1.2 CSV files (Japan profile)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

Row = dict[str, str]  # column → value; a column left out is empty


def roster_rows(district: dict[str, Any], today: date, on: Callable[[str], date]) -> dict[str, list[Row]]:
    """The rows of every bulk file, by file name. ``on`` turns a month-day into a date of the school year."""
    first, last = on("04-01"), on("03-31")
    year = str(first.year)
    session = f"{district['district']['id']}-{year}"
    mover = district["mover"]
    moved = on(mover["moved"])
    rows: dict[str, list[Row]] = {name: [] for name in district["files"]}

    def add(file: str, sourced_id: str, **columns: str) -> None:
        rows[file].append({"sourcedId": sourced_id} | columns)

    def add_session(sourced_id: str, title: str, kind: str, start: date, end: date, parent: str = "") -> None:
        dates = {"startDate": start.isoformat(), "endDate": end.isoformat()}
        add("academicSessions", sourced_id, title=title, type=kind, parentSourcedId=parent, schoolYear=year, **dates)

    def add_person(sourced_id: str, name: str, role: str, org: str, agent: str = "", **more: str) -> None:
        (family, given), (kana_family, kana_given) = (part.split() for part in name.split("|"))
        kana = {"metadata.jp.kanaFamilyName": kana_family, "metadata.jp.kanaGivenName": kana_given}
        names = {"familyName": family, "givenName": given, "username": sourced_id, "enabledUser": "true"}
        add("users", sourced_id, primaryOrgSourcedId=org, agentSourcedIds=agent, **names, **kana, **more)
        add("roles", f"{sourced_id}-role", userSourcedId=sourced_id, roleType="primary", role=role, orgSourcedId=org)

    def add_class(sourced_id: str, title: str, kind: str, school: str, grade: str, subject: str, code: str) -> None:
        common = {"title": title, "grades": grade, "subjects": subject, "subjectCodes": code}
        course = f"{sourced_id}-course"
        add("courses", course, schoolYearSourcedId=session, orgSourcedId=school, **common)
        place = {"courseSourcedId": course, "schoolSourcedId": school, "termSourcedIds": session}
        add("classes", sourced_id, classType=kind, **common, **place, **{"metadata.jp.specialNeeds": "false"})

    def enrol(class_id: str, person: str, role: str, begin: date, end: date, primary: bool, number: str) -> None:
        where = {"classSourcedId": class_id, "schoolSourcedId": school_of(class_id)}
        dates = {"beginDate": begin.isoformat(), "endDate": end.isoformat(), "primary": str(primary).lower()}
        register = {"metadata.jp.ShussekiNo": number, "metadata.jp.PublicFlg": "true" if number else ""}
        add("enrollments", f"{class_id}-{person}", userSourcedId=person, role=role, **where, **dates, **register)

    add_session(session, f"{year}年度", "schoolYear", first, last)
    for term in district["terms"]:
        add_session(f"{session}-{term['id']}", term["title"], "term", on(term["start"]), on(term["end"]), session)
    top = district["district"]
    add("orgs", top["id"], name=top["name"], type="district")
    for school, about in district["schools"].items():
        add("orgs", school, name=about["name"], type="school", parentSourcedId=top["id"])

    guardians = {person["child"]: person["id"] for person in district["people"] if "child" in person}
    for person in district["people"]:
        add_person(person["id"], person["name"], person["role"], person["org"], person.get("child", ""))
        if "also" in person:
            second = {"roleType": "secondary", "role": person["role"], "orgSourcedId": person["also"]}
            add("roles", f"{person['id']}-role2", userSourcedId=person["id"], **second)

    lessons = district["lessons"]
    for class_id, about in district["classes"].items():
        school, grade, title = school_of(class_id), about["grade"], about["title"]
        rooms = [class_id]
        add_class(class_id, title, "homeroom", school, grade, "", "")
        enrol(class_id, f"{class_id}-t", "teacher", first, last, primary=True, number="")
        if lesson := lessons["classes"].get(class_id):
            room, subject = lesson["id"], lesson["subject"]
            add_class(room, f"{title} {subject}", "scheduled", school, grade, subject, lesson["code"])
            enrol(room, lessons["teacher"], "teacher", first, last, primary=False, number="")
            rooms.append(room)
        numbered = [(student_id(class_id, number), number) for number in range(1, len(about["students"]) + 1)]
        for (person, number), name in zip(numbered, about["students"], strict=True):
            leaves = person == mover["student"]
            home = mover["to"] if leaves and today >= moved else class_id
            more = {"grades": grade, "metadata.jp.homeClass": home}
            add_person(person, name, "student", school, guardians.get(person, ""), **more)
            for room in rooms:
                end = moved - timedelta(days=1) if leaves else last
                enrol(room, person, "student", first, end, primary=False, number=str(number))
        if class_id == mover["to"]:
            for room in rooms:  # the register of the new class goes on with the next free number
                enrol(room, mover["student"], "student", moved, last, primary=False, number=str(len(numbered) + 1))
    return rows


def student_id(class_id: str, number: int) -> str:
    """``ayumi-e-4-2-s07``: the class of April and the number in its register."""
    return f"{class_id}-s{number:02}"


def school_of(class_id: str) -> str:
    """``ayumi-e`` of ``ayumi-e-4-2``."""
    return "-".join(class_id.split("-")[:2])
