"""The ``content`` kind: the catalogue of learning content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import Column, TableKind, table_kind
from knowledge.records.content import Content


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        Column(name="contentId", parse=fields.identifier, required=True),
        Column(name="title", parse=fields.text, required=True),
        Column(name="url", parse=fields.web_address, required=True),
        Column(name="provider", parse=fields.text),
        Column(name="subject", parse=fields.text),
        Column(name="grades", parse=fields.listed(fields.grade, ";"), default=()),
        Column(name="minutes", parse=fields.count),
        Column(name="description", parse=fields.text),
    )


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    return {
        "content_id": values["contentId"],
        "title": values["title"],
        "url": values["url"],
        "provider": values["provider"],
        "subject": values["subject"],
        "grades": sorted(set(values["grades"])),
        "minutes": values["minutes"],
        "description": values["description"],
    }


CONTENT = table_kind(
    TableKind(
        table=table_of(Content),
        columns=_columns,
        row=_row,
        key={"content_id": "contentId"},
        only_new={},
    )
)
