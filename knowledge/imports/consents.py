"""The ``consents`` kind: what families agreed to, or withdrew, on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import Column, TableKind, table_kind
from knowledge.records.consents import Consent, Purpose
from knowledge.records.roster import User

SOMEBODY: dict[str, Any] = {
    "refers": User.__table__.c.sourced_id,
    "refers_to": "the sourcedId of someone in the roster",
}


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        Column(name="personId", parse=fields.identifier, required=True, **SOMEBODY),
        Column(name="purpose", parse=fields.choice(Purpose), required=True),
        Column(name="given", parse=fields.boolean, required=True),
        Column(name="decidedAt", parse=fields.moment(timezone), required=True),
        Column(name="decidedBy", parse=fields.identifier, **SOMEBODY),  # a guardian; empty: the person
    )


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    return {
        "person_id": values["personId"],
        "purpose": values["purpose"],
        "is_given": values["given"],
        "decided_at": values["decidedAt"],
        "decided_by": values["decidedBy"],
        "how": "paper",
    }


CONSENTS = table_kind(
    TableKind(
        table=table_of(Consent),
        columns=_columns,
        row=_row,
        key={"person_id": "personId", "purpose": "purpose"},
        only_new={},
    )
)
