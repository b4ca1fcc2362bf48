"""What is kept about people: handed out, erased, cleared by age, explained, agreed to."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from assistant.attachments import StoredFile, StoreFile, new_file
from assistant.bootstrap import build_services
from assistant.cli.privacy import run_erase, run_export_person
from assistant.dialogue.asking import ask
from assistant.handlers import notice
from assistant.inbox import InboxEvent
from assistant.library import build_library
from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.errors import NoSuchPersonError
from knowledge.imports.registry import run_import
from knowledge.privacy.erasing import NothingToEraseError, erase, survey_of
from knowledge.privacy.exporting import Receiver, export_person
from knowledge.privacy.retention import BATCH, Retention, RetentionError, clear
from knowledge.questions.model import Phase
from knowledge.records import audit
from knowledge.records.accounts import Account
from knowledge.records.checkins import CheckIn, CheckInRecord, Note, Status, save_checkins
from knowledge.records.consents import Consent, Decision, NoticeShown, Purpose, decide
from scheduler.outbox import Outbox
from scheduler.prompts import Prompts
from scheduler.retention import Clearing, clear_now, load_retention
from scheduler.schools import SchoolTimes
from tests.integration.stored import everything, rows
from tests.platforms.line import user_id
from tests.platforms.openai import openai_stand_in
from tests.worlds import MORNING, TOKYO, LineWorld, line_world, settings_of, with_roster

ODD = "佐藤花ちゃんって、このごろ学校に顔を出せてない日がどれくらいあるんだろうか"  # no rule reads this
LONG_AGO = timedelta(days=2000)


@pytest.fixture
async def school(database: Database, tmp_path: Path) -> Database:
    """Hana wrote a goal for her teacher, one reflection for herself alone, and kept one answer of a third."""
    await with_roster(database, tmp_path / "data")
    record = CheckInRecord(
        student_id="s-hana",
        date=MORNING.date(),
        phase=Phase.ANTICIPATION,
        status=Status.FINISHED,
        started_at=MORNING,
        updated_at=MORNING,
        answered_at=MORNING,
        goal="漢字を十こ",
        visibility="teacher",
    )
    kept = replace(record, phase=Phase.REFLECTION, goal=None, went_well="ないしょの話", visibility="self")
    partly = replace(record, date=date(2026, 5, 12), goal="九九", plan="かくしたい", private=" plan ")
    async with database.write() as connection:
        await save_checkins(connection, [record, kept, partly])
    return database


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        yield world


async def handed_out(database: Database, receiver: Receiver) -> str:
    """Everything in the zip, one after another."""
    async with database.read() as connection:
        content, _ = await export_person(connection, "s-hana", receiver, MORNING.date())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


async def test_a_person_gets_everything_in_open_formats(school: Database) -> None:
    async with school.read() as connection:
        content, counts = await export_person(connection, "s-hana", Receiver.PERSON, MORNING.date())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {"README.txt", "person.json", "tables/check_ins.csv"} <= set(archive.namelist())
        everything = json.loads(archive.read("person.json"))
    goals = [row["goal"] for row in everything["kinds"]["checkins"]["tables"]["check_ins"]]
    assert "漢字を十こ" in goals and counts["check_ins"] == 3
    assert "ないしょの話" in await handed_out(school, Receiver.PERSON)


async def test_a_guardian_gets_what_the_child_did_not_keep_to_themself(school: Database) -> None:
    text = await handed_out(school, Receiver.GUARDIAN)
    assert "漢字を十こ" in text and "九九" in text
    assert "ないしょの話" not in text and "かくしたい" not in text


@pytest.mark.parametrize(
    ("receiver", "hidden"),
    [(Receiver.GUARDIAN, {"alerts", "flags", "talk_requests"}), (Receiver.PERSON, {"alerts", "flags"})],
)
async def test_what_staff_did_about_an_alert_is_not_handed_out_and_tells_no_guardian_that_there_was_one(
    school: Database, receiver: Receiver, hidden: set[str]
) -> None:
    kinds = (audit.Kind.ALERTS, audit.Kind.TALK_REQUESTS, audit.Kind.FLAGS, audit.Kind.CHECKINS)
    looks = [
        audit.Entry(actor_id="t-ito", act=audit.Act.READ, kind=kind, subject_ids=["s-hana"], channel="page", at=MORNING)
        for kind in kinds
    ]
    await audit.record(school, looks)
    async with school.read() as connection:
        content, _ = await export_person(connection, "s-hana", receiver, MORNING.date())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        kept = json.loads(archive.read("person.json"))["kinds"]
    shown = {row["kind"] for row in kept["audit"]["tables"]["audit_entries"]}
    assert shown == {kind.value for kind in kinds} - hidden


async def test_what_a_teacher_was_shown_of_children_is_not_handed_out_to_the_teacher(world: LineWorld) -> None:
    for name, person in {"ito": "t-ito", "hana": "s-hana"}.items():
        await world.link(name, person)
    await world.say("hana", "メモ ひるやすみに ころんだ")
    await world.say("hana", "ふりかえり")
    await world.say("ito", "今日まだチェックインしていない子は？")
    await world.say("ito", "CSV")
    async with world.core.database.read() as connection:
        of_teacher, _ = await export_person(connection, "t-ito", Receiver.PERSON, MORNING.date())
        of_child, _ = await export_person(connection, "s-hana", Receiver.PERSON, MORNING.date())
    texts: list[str] = []
    for content in (of_teacher, of_child):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts.append("\n".join(archive.read(name).decode() for name in archive.namelist()))
    assert "佐藤 花" not in texts[0] and "今日まだチェックインしていない子は？" in texts[0]
    assert "tables/outbox.csv" in zipfile.ZipFile(io.BytesIO(of_child)).namelist()


async def test_nothing_of_anybody_else_is_handed_out(school: Database) -> None:
    assert "鈴木" not in await handed_out(school, Receiver.PERSON)


async def test_handing_out_and_erasing_name_an_unknown_id(tmp_path: Path, sqlite_url: str) -> None:
    settings = settings_of(tmp_path, sqlite_url)
    with pytest.raises(NoSuchPersonError, match="s-nobody"):
        await run_export_person(settings, "s-nobody", "person", tmp_path / "x.zip", now=MORNING)
    with pytest.raises(NothingToEraseError, match="s-nobody"):
        await run_erase(settings, "person", "s-nobody", yes=True, now=MORNING)


async def test_without_yes_erasing_only_shows_and_with_it_proves_itself(
    tmp_path: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(sqlite_url)
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        await world.link("ito", "t-ito")
        await world.say("hana", "消えたい")
        before = await everything(database)
        settings = settings_of(tmp_path / "data", sqlite_url)
        await run_erase(settings, "person", "s-hana", yes=False, now=world.clock.now())
        assert await everything(database) == before
        assert "nothing was changed" in capsys.readouterr().out

        await run_erase(settings, "person", "s-hana", yes=True, now=world.clock.now())
        said = capsys.readouterr().out
        assert "the audit chain holds" in said and "s-hana' is erased" in said
        dump = str(await everything(database))
        assert "s-hana" not in dump and "佐藤花" not in dump and "佐藤 花" not in dump and "消えたい" not in dump
        content = b"".join(path.read_bytes() for path in tmp_path.glob("ayumi.db*"))
        assert "消えたい".encode() not in content  # nor in what SQLite no longer shows

        await run_import(database, "oneroster", tmp_path / "data" / "oneroster", timezone=TOKYO)
        assert [row.goal for row in await rows(database, CheckIn, student_id="s-hana")] == []
    await database.close()


async def test_what_staff_wrote_and_were_shown_of_a_child_who_is_erased_names_them_no_more(world: LineWorld) -> None:
    await world.link("ito", "t-ito")
    await world.say("ito", "佐藤花さんのふりかえりを見せて")
    await world.say("ito", "花さんと小花さん、花束")
    database, now = world.core.database, world.clock.now()
    pictures = [new_file(owner, "image/png", "ayumi.png", b"png", now)[0] for owner in ("t-ito", "t-abe")]
    async with database.write() as connection:
        await StoreFile.store(connection, pictures)
    found = await survey_of(database, "s-hana")
    assert {"inbox", "outbox"} <= found.tables.keys() and found.pictures == {pictures[0].id}
    await erase(database, found, world.clock.now(), build_library(settings_of(Path(), ""), database).remove)
    dump = str(await everything(database))
    assert "佐藤 花" not in dump and "佐藤花" not in dump
    assert "○○と小花さん、花束" in dump
    assert [row.person_id for row in await rows(database, StoredFile)] == ["t-abe"]  # of another school


async def test_somebody_who_was_erased_may_write_again_as_somebody_unknown(tmp_path: Path, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        await run_erase(settings_of(tmp_path / "data", sqlite_url), "person", "s-hana", yes=True, now=MORNING)
        world.core.inbox._known_until = 0.0
        assert "連携コード" in (await world.say("hana", "めあて"))[0]
    await database.close()


async def test_what_is_older_than_it_is_kept_goes_and_the_rest_stays(school: Database) -> None:
    old = (MORNING - LONG_AGO).date()
    notes = [
        {"id": f"n{n}", "student_id": "s-hana", "date": day, "noted_at": MORNING, "text": "x", "visibility": "teacher"}
        for n, day in enumerate([old] * 1200 + [MORNING.date()])
    ]
    async with school.write() as connection:
        await connection.execute(insert(Note), notes)
    gone = await clear_now(school, Retention(), MORNING)
    assert gone["notes"] == 1200
    assert [row.id for row in await rows(school, Note)] == ["n1200"]
    assert len(await rows(school, CheckIn)) == 3


async def test_messages_go_after_sixty_days_but_not_those_that_wait(world: LineWorld) -> None:
    await world.link("hana", "s-hana")
    await world.say("hana", "めあて")
    async with world.core.database.write() as connection:
        waits = select(Outbox.id).limit(1).scalar_subquery()
        await connection.execute(update(Outbox).where(Outbox.id == waits).values(state="held"))
    await clear_now(world.core.database, Retention(), MORNING + timedelta(days=60))
    assert await world.count(InboxEvent) == 2
    await clear_now(world.core.database, Retention(), MORNING + timedelta(days=61))
    assert await world.count(InboxEvent) == 0
    assert await world.count(Outbox) == await world.count(Outbox, state="held") == 1


async def test_a_child_who_is_left_in_peace_stays_so_when_messages_are_cleared(world: LineWorld) -> None:
    await world.link("hana", "s-hana")
    row: dict[str, Any] = {
        "id": "01900000-0000-7000-8000-000000000000",
        "key": "prompt:x",
        "account_id": "line:x",
        "channel": "line",
        "kind": "prompt",
        "payload": {},
        "state": "sent",
        "due_at": MORNING,
        "attempts": 1,
        "created_at": MORNING,
        "done_at": MORNING + timedelta(minutes=5),
        "person_id": "s-hana",
        "counts_on": MORNING.date(),
    }
    async with world.core.database.write() as connection:
        await connection.execute(insert(Outbox).values(row))
    later = MORNING + timedelta(days=90)
    await clear_now(world.core.database, Retention(), later)
    assert await world.count(Outbox, key="prompt:x") == 1
    async with world.core.database.write() as connection:
        await connection.execute(update(Account).values(last_seen_at=later))
    await clear_now(world.core.database, Retention(), later)
    assert await world.count(Outbox, key="prompt:x") == 0


async def test_others_get_their_turn_while_what_has_to_stay_is_passed_over(school: Database) -> None:
    waits: dict[str, Any] = {
        "account_id": "line:x", "channel": "line", "kind": "messages", "payload": {}, "state": "held",
        "due_at": MORNING, "attempts": 0, "created_at": MORNING,
    }  # fmt: skip
    held = [{"id": f"01900000-0000-7000-8000-{n:012}", **waits} for n in range(2 * BATCH)]
    async with school.write() as connection:
        await connection.execute(insert(Outbox), held)
    batches = [each async for each in clear(school, Retention(), MORNING + timedelta(days=90), {})]
    assert batches.count(("outbox", 0)) >= 2


async def test_clearing_waits_for_the_night_and_happens_once(school: Database) -> None:
    async with school.write() as connection:
        await connection.execute(update(CheckIn).values(date=(MORNING - LONG_AGO).date()).where(CheckIn.id == 1))
    clearing = Clearing(school, TOKYO, Retention())
    await clearing.plan(MORNING)
    assert len(await rows(school, CheckIn)) == 3
    night = MORNING.replace(hour=2) + timedelta(days=1)
    await clearing.plan(night)
    assert len(await rows(school, CheckIn)) == 2


async def test_a_machine_that_is_off_at_night_clears_by_day_in_the_end(school: Database) -> None:
    async with school.write() as connection:
        await connection.execute(update(CheckIn).values(date=(MORNING - LONG_AGO).date()).where(CheckIn.id == 1))
    for days, left in ((0, 3), (2, 3), (4, 2)):
        await Clearing(school, TOKYO, Retention()).plan(MORNING + timedelta(days=days))
        assert len(await rows(school, CheckIn)) == left


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("chekins: 3", "'chekins' is not one of signins, checkins"),
        ("checkins: 3", "checkins: 3 is not a number of days from 30"),
        ("checkins: soon", "checkins: 'soon' is not a number"),
        ("roster: 10", "'roster' is not one of"),
        ("- checkins", "expected days by kind"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_rules_of_retention_that_cannot_be_followed_are_named(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "retention.yaml").write_text(content)
    with pytest.raises(RetentionError) as error:
        load_retention(tmp_path)
    assert problem in str(error.value) and "retention.yaml" in str(error.value)


def test_a_school_may_keep_longer_or_for_good(tmp_path: Path) -> None:
    (tmp_path / "retention.yaml").write_text("checkins: 365\naudit: forever\n")
    retention = load_retention(tmp_path)
    assert (retention.days["checkins"], retention.days["audit"], retention.days["messages"]) == (365, None, 60)
    assert "audit_entries" not in retention.cutoffs(MORNING.date())


async def test_whoever_links_is_told_what_is_kept_and_takes_note_by_a_tap(world: LineWorld) -> None:
    said = await world.link("hana", "s-hana")
    assert said[-1].startswith("あゆみから大事なお話だよ")
    (shown,) = await rows(world.core.database, NoticeShown)
    assert (shown.person_id, shown.version, shown.acknowledged_at) == ("s-hana", notice.VERSION, None)
    await world.tap("hana", "わかったよ")
    (shown,) = await rows(world.core.database, NoticeShown)
    assert shown.acknowledged_at is not None
    assert not [text for text in await world.say("hana", "使い方") if "大事なお話" in text]


async def test_a_notice_that_changed_is_shown_again(world: LineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.link("hana", "s-hana")
    monkeypatch.setattr(notice, "VERSION", 2)
    say = Speaker.say

    def with_second(self: Speaker, key: str, **args: object) -> Words:
        return say(self, "notice.v1" if key == "notice.v2" else key, **args)

    monkeypatch.setattr(Speaker, "say", with_second)
    assert (await world.say("hana", "使い方"))[-1].startswith("あゆみから大事なお話だよ")
    assert {row.version for row in await rows(world.core.database, NoticeShown)} == {1, 2}


async def test_a_cry_for_help_is_answered_by_help_alone(world: LineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.link("hana", "s-hana")
    monkeypatch.setattr(notice, "VERSION", 2)
    assert not [text for text in await world.say("hana", "消えたい") if "大事なお話" in text]


async def test_who_withdrew_is_not_prompted_any_more_and_the_others_are(world: LineWorld, tmp_path: Path) -> None:
    for name in ("hana", "ren"):
        await world.link(name, f"s-{name}")
    file = tmp_path / "consents.csv"
    file.write_text("personId,purpose,given,decidedAt,decidedBy\ns-hana,prompts,false,2026-05-10T10:00,g-sato\n")
    summary = await run_import(world.core.database, "consents", file, timezone=TOKYO)
    assert str(summary).startswith("added=1")
    await Prompts(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(MORNING)
    assert [row.person_id for row in await rows(world.core.database, Outbox, kind="prompt")] == ["s-ren"]
    (consent,) = await rows(world.core.database, Consent)
    assert (consent.decided_by, consent.how) == ("g-sato", "paper")


@pytest.mark.parametrize("withdrawn", [True, False])
async def test_a_prompt_that_waits_does_not_go_to_who_withdrew_meanwhile(world: LineWorld, withdrawn: bool) -> None:
    await world.link("hana", "s-hana")
    await Prompts(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(MORNING)
    decision = Decision(
        person_id="s-hana",
        purpose=Purpose.PROMPTS,
        is_given=not withdrawn,
        decided_at=MORNING,
        decided_by="g-sato",
        how="paper",
    )
    async with world.core.database.write() as connection:
        await decide(connection, [decision])
    before = len(world.line.texts_to(user_id("hana")))
    await world.core.drain()
    assert (len(world.line.texts_to(user_id("hana"))) == before) is withdrawn
    (row,) = await rows(world.core.database, Outbox, kind="prompt")
    assert row.state == ("skipped" if withdrawn else "sent")


async def test_words_of_who_withdrew_do_not_go_to_a_model(database: Database, tmp_path: Path) -> None:
    await with_roster(database, tmp_path / "data")
    async with openai_stand_in() as model:
        services = build_services(settings_of(tmp_path, "", llm="openai:some", llm_base_url=model.url), database)
        async with database.write() as connection:
            no = Decision(
                person_id="t-ito",
                purpose=Purpose.MODEL,
                is_given=False,
                decided_at=MORNING,
                decided_by=None,
                how="paper",
            )
            await decide(connection, [no])
        staff = Speaker(language="ja", band="staff")
        await ask(services, "t-ito", ODD, MORNING, staff)
        assert model.requests == []
        async with database.write() as connection:
            await decide(connection, [replace(no, is_given=True, decided_at=MORNING + timedelta(days=1))])
        await ask(services, "t-ito", ODD, MORNING, staff)
        assert model.requests != []


async def test_the_page_for_guardians_says_what_the_registry_says(database: Database) -> None:
    page = (Path(__file__).parents[2] / "docs" / "for-guardians.md").read_text("utf-8")
    days = Retention().days
    assert (days["messages"], days["talks"], days["checkins"]) == (60, 365, 3 * 365)
    assert {days[kind] for kind in ("attendance", "nurse_visits", "assessments")} == {5 * 365}
    for words in ("60日", "1年", "3年", "5年", "60 days", "a year", "3 years", "5 years"):
        assert words in page
