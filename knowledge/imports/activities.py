"""The ``activities`` kind: clubs and events that children may join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.fields import FieldError
from knowledge.imports.run import table_of
from knowledge.imports.table import Column, TableKind, table_kind
from knowledge.records.activities import Activity, ActivityKind
from knowledge.records.roster import Org


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        Column(name="activityId", parse=fields.identifier, required=True),
        Column(name="name", parse=fields.text, required=True),
        Column(name="kind", parse=fields.choice(ActivityKind), required=True),
        Column(
            name="orgId", parse=fields.identifier,
            refers=Org.__table__.c.sourced_id, refers_to="the sourcedId of a school or district of the roster",
        ),
        Column(name="place", parse=fields.text),
        Column(name="startDate", parse=fields.day),
        Column(name="endDate", parse=fields.day),
        Column(name="schedule", parse=fields.text),
        Column(name="applyUntil", parse=fields.day),
        Column(name="grades", parse=fields.listed(fields.grade, ";"), default=()),
        Column(name="contact", parse=fields.text),
        Column(name="online", parse=fields.boolean, default=False),
        Column(name="url", parse=fields.web_address),
        Column(name="description", parse=fields.text),
    )  # fmt: skip


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    start, end = values["startDate"], values["endDate"]
    if start is not None and end is not None and end < start:
        raise FieldError(f"no day before startDate {start}", column="endDate")
    if start is None and end is None and values["kind"] == ActivityKind.EVENT:
        # An event without a day would be offered for ever.
        raise FieldError("a date YYYY-MM-DD: an event has a day", column="startDate")
    return {
        "activity_id": values["activityId"],
        "org_id": values["orgId"],
        "kind": values["kind"],
        "name": values["name"],
        "place": values["place"],
        "start_date": start,
        "end_date": end,
        "schedule": values["schedule"],
        "apply_until": values["applyUntil"],
        "grades": sorted(set(values["grades"])),
        "contact": values["contact"],
        "is_online": values["online"],
        "url": values["url"],
        "description": values["description"],
    }


ACTIVITIES = table_kind(
    TableKind(
        table=table_of(Activity),
        columns=_columns,
        row=_row,
        key={"activity_id": "activityId"},
        only_new={},
    )
)
