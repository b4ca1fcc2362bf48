"""The files of the profile as data: which columns in which order, what each may hold, and where it is kept.

Source: *OneRoster 1.2 CSV Binding: Japan K-12/Schools Profile* v1.0 (1EdTech, 2026-03-01). Columns without a parser
are neither read nor kept: telephone and passwords never get further than the file. Where people sign in with the
school's accounts, the e-mail or the username is noted, as a keyed hash (``knowledge/records/sign_in_names.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from knowledge.imports import fields
from knowledge.imports.fields import Parser
from knowledge.imports.run import table_of
from knowledge.records.roster import AcademicSession, Course, Enrollment, Org, Role, SchoolClass, User

V1_2, V1_2_1, V1_2_JP = "1.2", "1.2.1", "1.2_JP"
VERSIONS = (V1_2, V1_2_1, V1_2_JP)
LEADING = ("sourcedId", "status", "dateLastModified")  # every file starts with these

ROLES = (
    "administrator", "aide", "counselor", "districtAdministrator", "guardian", "parent", "principal", "proctor",
    "relative", "siteAdministrator", "student", "systemAdministrator", "teacher",
)  # fmt: skip
ORG_TYPES = ("department", "school", "district", "local", "state", "national")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a file."""

    name: str
    parse: Parser | None = None
    required: bool = False
    kept_as: str | None = None  # column of the table
    refers: str | None = None  # the file whose sourcedIds the value names; a list of them if the value is a list
    empty: Any = None  # the value of an empty cell
    versions: tuple[str, ...] = VERSIONS  # of oneroster.version that have the column


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of the set."""

    name: str
    table: Table
    columns: tuple[Column, ...]  # after the first three
    period: tuple[str, str] | None = None  # columns of the table for the first and the last day

    def header(self, version: str) -> list[str]:
        return [*LEADING, *(column.name for column in self.columns if version in column.versions)]


def _plain(name: str, *, required: bool = False, versions: tuple[str, ...] = VERSIONS) -> Column:
    return Column(name=name, required=required, versions=versions)


def _text(name: str, kept_as: str, *, required: bool = False) -> Column:
    return Column(name=name, parse=fields.text, kept_as=kept_as, required=required)


def _day(name: str, kept_as: str, *, required: bool = False) -> Column:
    return Column(name=name, parse=fields.day, kept_as=kept_as, required=required)


def _list(name: str, kept_as: str | None = None, parse: Parser = fields.text) -> Column:
    return Column(name=name, parse=fields.listed(parse, ","), kept_as=kept_as, empty=[])


def _ref(name: str, kept_as: str, refers: str, *, required: bool = False) -> Column:
    return Column(name=name, parse=fields.identifier, kept_as=kept_as, refers=refers, required=required)


def _refs(name: str, kept_as: str, refers: str, *, required: bool = False) -> Column:
    parse = fields.listed(fields.identifier, ",")
    return Column(name=name, parse=parse, kept_as=kept_as, refers=refers, required=required, empty=[])


def _choice(name: str, kept_as: str, words: tuple[str, ...], *, extensible: bool = False) -> Column:
    return Column(name=name, parse=fields.choice(words, extensible=extensible), kept_as=kept_as, required=True)


def _first_grade(cell: str) -> str | None:
    grades = fields.listed(fields.grade, ",")(cell)
    return grades[0] if grades else None


def _school_year(cell: str) -> str:
    return str(fields.integer(1900, 2999)(cell))


_ATTENDANCE_NUMBER = fields.integer(0, 9999)

# In the order in which rows may be written: a file refers only to those above it (users and orgs also to themselves).
FILES: tuple[File, ...] = (
    File(
        name="academicSessions",
        table=table_of(AcademicSession),
        period=("start_date", "end_date"),
        columns=(
            _text("title", "title", required=True),
            _choice("type", "type", ("schoolYear", "term", "semester", "gradingPeriod")),
            _day("startDate", "start_date", required=True),
            _day("endDate", "end_date", required=True),
            _ref("parentSourcedId", "parent_sourced_id", "academicSessions"),
            Column(name="schoolYear", parse=_school_year, kept_as="school_year", required=True),
        ),
    ),
    File(
        name="orgs",
        table=table_of(Org),
        columns=(
            _text("name", "name", required=True),
            _choice("type", "type", ORG_TYPES, extensible=True),
            _text("identifier", "identifier"),
            _ref("parentSourcedId", "parent_sourced_id", "orgs"),
        ),
    ),
    File(
        name="courses",
        table=table_of(Course),
        columns=(
            Column(name="schoolYearSourcedId", parse=fields.identifier, refers="academicSessions"),
            _text("title", "title", required=True),
            _plain("courseCode"),
            _list("grades", "grades", fields.grade),
            _ref("orgSourcedId", "org_sourced_id", "orgs", required=True),
            _list("subjects", "subjects"),
            _plain("subjectCodes"),
        ),
    ),
    File(
        name="users",
        table=table_of(User),
        columns=(
            Column(name="enabledUser", parse=fields.boolean, kept_as="enabled", required=True),
            _plain("username", required=True),
            _plain("userIds"),
            _text("givenName", "given_name", required=True),
            _text("familyName", "family_name", required=True),
            _plain("middleName"),
            _plain("identifier"),
            _plain("email"),
            _plain("sms"),
            _plain("phone"),
            _refs("agentSourcedIds", "agent_sourced_ids", "users"),
            Column(name="grades", parse=_first_grade, kept_as="grade"),
            _plain("password"),
            _plain("userMasterIdentifier"),
            _plain("resourceSourcedIds", versions=(V1_2,)),
            _plain("preferredGivenName"),
            _plain("preferredMiddleName"),
            _plain("preferredFamilyName"),
            _ref("primaryOrgSourcedId", "primary_org_sourced_id", "orgs"),
            _plain("pronouns"),
            _text("metadata.jp.kanaGivenName", "kana_given_name"),
            _text("metadata.jp.kanaFamilyName", "kana_family_name"),
            _plain("metadata.jp.kanaMiddleName"),
            _plain("metadata.jp.homeClass"),
            _plain("metadata.jp.kanaPreferredFamilyName", versions=(V1_2_1, V1_2_JP)),
            _plain("metadata.jp.kanaPreferredGivenName", versions=(V1_2_1, V1_2_JP)),
            _plain("metadata.jp.kanaPreferredMiddleName", versions=(V1_2_1, V1_2_JP)),
        ),
    ),
    File(
        name="classes",
        table=table_of(SchoolClass),
        columns=(
            _text("title", "title", required=True),
            _list("grades", "grades", fields.grade),
            _ref("courseSourcedId", "course_sourced_id", "courses", required=True),
            _plain("classCode"),
            _choice("classType", "class_type", ("homeroom", "scheduled")),
            _plain("location"),
            _ref("schoolSourcedId", "school_sourced_id", "orgs", required=True),
            _refs("termSourcedIds", "term_sourced_ids", "academicSessions", required=True),
            _list("subjects", "subjects"),
            _list("subjectCodes", "subject_codes"),
            _plain("periods"),
            _plain("metadata.jp.specialNeeds"),
        ),
    ),
    File(
        name="roles",
        table=table_of(Role),
        period=("begin_date", "end_date"),
        columns=(
            _ref("userSourcedId", "user_sourced_id", "users", required=True),
            _choice("roleType", "role_type", ("primary", "secondary")),
            _choice("role", "role", ROLES, extensible=True),
            _day("beginDate", "begin_date"),
            _day("endDate", "end_date"),
            _ref("orgSourcedId", "org_sourced_id", "orgs", required=True),
            _plain("userProfileSourcedId"),
        ),
    ),
    File(
        name="enrollments",
        table=table_of(Enrollment),
        period=("begin_date", "end_date"),
        columns=(
            _ref("classSourcedId", "class_sourced_id", "classes", required=True),
            _ref("schoolSourcedId", "school_sourced_id", "orgs", required=True),
            _ref("userSourcedId", "user_sourced_id", "users", required=True),
            _choice("role", "role", ROLES, extensible=True),
            Column(name="primary", parse=fields.boolean, kept_as="is_primary", empty=False),
            _day("beginDate", "begin_date"),
            _day("endDate", "end_date"),
            Column(
                name="metadata.jp.ShussekiNo", parse=_ATTENDANCE_NUMBER, kept_as="attendance_number",
                versions=(V1_2, V1_2_1),
            ),
            _plain("metadata.jp.PublicFlg", versions=(V1_2, V1_2_1)),
            Column(
                name="metadata.jp.shussekiNo", parse=_ATTENDANCE_NUMBER, kept_as="attendance_number",
                versions=(V1_2_JP,),
            ),
            _plain("metadata.jp.publicFlg", versions=(V1_2_JP,)),
        ),
    ),
)  # fmt: skip

BY_NAME: Mapping[str, File] = {file.name: file for file in FILES}

# Checked to be CSV that starts with the three leading columns, and never kept.
UNKEPT = ("demographics", "userProfiles")

# Further files of OneRoster 1.2 that a manifest may list; the product has no use for them and leaves them closed.
UNREAD = (
    "categories", "classResources", "courseResources", "lineItems", "lineItemLearningObjectiveIds",
    "lineItemScoreScales", "resources", "results", "resultLearningObjectiveIds", "resultScoreScales", "scoreScales",
    "userResources",
)  # fmt: skip
