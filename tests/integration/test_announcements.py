"""Announcements that ask for an answer: what is sent, what counts as an answer, and who may see it."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from assistant.attachments import StoredFile
from assistant.dialogue.writes import AddAnnouncement
from knowledge.db import Database, upsert
from knowledge.records.accounts import accounts_of
from knowledge.records.alerts import Alert
from knowledge.records.announcements import (
    Announcement,
    AnnouncementAnswer,
    AnnouncementRecipient,
    find_announcement,
    save_answers,
)
from knowledge.records.checkins import find_checkins
from knowledge.records.reminders import Reminder
from knowledge.records.responses import responses_of
from knowledge.records.roster import Enrollment, Role
from knowledge.reminding import AnswerKind, ReminderState, What
from scheduler import outbox
from scheduler.outbox import Item, Outbox
from scheduler.reminders import Reminders
from tests.integration.stored import rows
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
SCHOOL = "夏のプログラミング教室に来たいですか"
BOTH = ("s-hana", "s-ren")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: the teacher of 4年2組, her pupils Hana and Ren, and Sora of 2年1組 have linked their phones."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        for name, person_id in (("ito", "t-ito"), ("hana", "s-hana"), ("ren", "s-ren"), ("sora", "s-sora")):
            await world.link(name, person_id)
        yield world


async def announce(
    world: LineWorld,
    *,
    to: Sequence[str] = BOTH,
    owner: str = "t-ito",
    kind: AnswerKind = AnswerKind.YES_NO,
    text: str = SCHOOL,
    choices: tuple[str, ...] = (),
    closes_at: datetime | None = None,
    is_safety_check: bool = False,
    id: str = "a-1",
) -> None:
    """An announcement as the planner sends it."""
    write = AddAnnouncement(
        announcement_id=id,
        owner_id=owner,
        school_id="minami",
        text=text,
        answers=kind,
        choices=choices,
        closes_at=closes_at,
        at=world.clock.now(),
        is_safety_check=is_safety_check,
    )
    async with world.core.database.write() as connection:
        await AddAnnouncement.store(connection, [write])
        asked = [{"announcement_id": id, "person_id": each, "asked_at": world.clock.now()} for each in to]
        await upsert(connection, AnnouncementRecipient, asked, key=["announcement_id", "person_id"])
    await send(world, to, id)


async def send(world: LineWorld, to: Sequence[str], id: str = "a-1", **more: Any) -> None:
    async with world.core.database.write() as connection:
        accounts = await accounts_of(connection, to, ["line"])
        items = [
            Item(
                account_id=account,
                kind="announcement",
                payload={"announcement_id": id, "person_id": person},
                due_at=world.clock.now(),
                created_at=world.clock.now(),
                person_id=person,
                **more,
            )
            for person, account in accounts.items()
        ]
        await outbox.put(connection, items)
    await world.core.drain()
    world.clock.forward(seconds=1)


async def answers(world: LineWorld) -> dict[str, str]:
    return {row.person_id: row.value for row in await rows(world.core.database, AnnouncementAnswer)}


async def tap_value(world: LineWorld, name: str, value: str) -> list[str]:
    """A button whose value was made up, or that was kept."""
    before = len(heard(world, name))
    assert await world.send(world.line.events.postback(user_id(name), value)) == 200
    await world.core.drain()
    world.clock.forward(seconds=1)
    return heard(world, name)[before:]


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


def offered(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


# What those who are asked get, and what counts as their answer


async def test_a_child_sees_who_asks_how_to_answer_until_when_and_who_reads_it(world: LineWorld) -> None:
    await announce(world, closes_at=datetime(2026, 6, 12, 23, 59, 59, tzinfo=TOKYO))
    message = heard(world, "hana")[-1]
    assert "伊藤先生から" in message and SCHOOL in message
    assert "6月12日まで" in message and "読む人：伊藤先生" in message and "校長先生" in message
    assert offered(world, "hana") == ["はい", "いいえ"]


async def test_the_words_fit_the_grade(world: LineWorld) -> None:
    await announce(world, to=["s-sora", "s-hana"])
    assert "おしらせだよ" in heard(world, "sora")[-1] and "こたえてね" in heard(world, "sora")[-1]
    assert "お知らせだよ" in heard(world, "hana")[-1]


async def test_all_of_a_grade_get_the_very_same(world: LineWorld) -> None:
    await announce(world)
    assert heard(world, "hana")[-1] == heard(world, "ren")[-1]


async def test_a_tap_is_kept_and_said_back(world: LineWorld) -> None:
    await announce(world)
    [said] = await world.tap("hana", "はい")
    assert "「はい」" in said and "伊藤先生" in said
    assert await answers(world) == {"s-hana": "yes"}


async def test_the_same_button_tapped_twice_is_one_answer(world: LineWorld) -> None:
    await announce(world)
    await tap_value(world, "hana", "%a-1/yes")
    [again] = await tap_value(world, "hana", "%a-1/yes")
    assert "「はい」" in again and "直した" not in again
    assert await answers(world) == {"s-hana": "yes"}


async def test_somebody_may_change_their_mind(world: LineWorld) -> None:
    await announce(world)
    await world.tap("hana", "はい")
    await world.tap("hana", "返事を直す")
    [said] = await world.tap("hana", "いいえ")
    assert "「いいえ」に直した" in said
    assert await answers(world) == {"s-hana": "no"}


async def test_an_older_tap_that_comes_late_does_not_undo_a_newer_one(world: LineWorld) -> None:
    await announce(world)
    early = world.line.events.postback(user_id("hana"), "%a-1/yes")
    world.clock.forward(seconds=5)
    await tap_value(world, "hana", "%a-1/no")
    assert await world.send(early) == 200
    await world.core.drain()
    assert await answers(world) == {"s-hana": "no"}


async def test_of_two_answers_stored_at_once_the_later_one_stays(world: LineWorld) -> None:
    await announce(world)
    later, earlier = world.clock.now(), world.clock.now() - timedelta(minutes=1)
    async with world.core.database.write() as connection:
        for value, at in (("no", later), ("yes", earlier)):
            row = {"announcement_id": "a-1", "person_id": "s-hana", "value": value, "answered_at": at}
            await save_answers(connection, [row])
    assert await answers(world) == {"s-hana": "no"}


async def test_after_the_closing_a_tap_is_told_so_kindly_and_changes_nothing(world: LineWorld) -> None:
    await announce(world, closes_at=datetime(2026, 5, 11, 23, 59, 59, tzinfo=TOKYO))
    await world.tap("ren", "はい")
    world.clock.forward(days=1)
    [said] = await tap_value(world, "ren", "%a-1/no")
    assert "しめ切ったよ" in said
    [told] = await world.tap("hana", "いいえ")
    assert told == said
    assert await answers(world) == {"s-ren": "yes"}


@pytest.mark.parametrize("value", ["%a-1/yes", "%nothing/yes", "%a-1/!take", "%/", "%a-1"])
async def test_somebody_who_was_not_asked_cannot_answer(world: LineWorld, value: str) -> None:
    await announce(world)
    [said] = await tap_value(world, "sora", value)
    assert "つかえない" in said
    assert await answers(world) == {}


@pytest.mark.parametrize("value", ["%a-1/maybe", "%a-1/0", "%a-1/!write", "%a-1/!take", "%a-1/"])
async def test_an_answer_that_was_never_offered_is_not_kept(world: LineWorld, value: str) -> None:
    await announce(world)
    [said] = await tap_value(world, "hana", value)
    assert "使えない" in said
    assert await answers(world) == {}


async def test_hai_and_iie_may_be_typed(world: LineWorld) -> None:
    await announce(world)
    [said] = await world.say("hana", "はい！")
    assert "「はい」" in said
    await world.say("ren", "いいえ")
    assert await answers(world) == {"s-hana": "yes", "s-ren": "no"}


async def test_a_word_typed_right_after_an_answer_changes_it(world: LineWorld) -> None:
    await announce(world)
    await world.say("hana", "はい")
    [said] = await world.say("hana", "いいえ")
    assert "直した" in said and await answers(world) == {"s-hana": "no"}
    [shown] = await world.say("hana", "直す")
    assert SCHOOL in shown


async def test_hai_without_anything_open_stays_a_word_of_thanks(world: LineWorld) -> None:
    [said] = await world.say("hana", "はい")
    assert "お知らせ" not in said and await answers(world) == {}


async def test_with_two_open_announcements_a_typed_word_asks_which(world: LineWorld) -> None:
    await announce(world)
    await announce(world, id="a-2", text="遠足の写真をのせてもいいですか")
    [said] = await world.say("hana", "はい")
    assert "どれに" in said and await answers(world) == {}
    await world.tap("hana", "遠足の写真をのせてもいいですか")
    await world.tap("hana", "はい")
    found = await rows(world.core.database, AnnouncementAnswer)
    assert [(row.announcement_id, row.value) for row in found] == [("a-2", "yes")]


async def test_a_choice_may_be_tapped_or_typed_as_it_reads_to_the_child(world: LineWorld) -> None:
    await announce(world, to=["s-hana", "s-sora"], kind=AnswerKind.CHOICE, choices=("午前", "午後", "どちらでもよい"))
    assert "・午後" in heard(world, "hana")[-1]
    await world.tap("hana", "午後")
    await world.say("sora", "どちらでも よい")
    assert await answers(world) == {"s-hana": "1", "s-sora": "2"}


async def test_a_typed_hai_while_a_check_in_asks_belongs_to_the_check_in(world: LineWorld) -> None:
    await announce(world)
    await world.say("hana", "ふりかえり")
    await world.say("hana", "はい")
    assert await answers(world) == {}


async def test_a_tap_during_a_check_in_is_kept_and_the_question_asked_again(world: LineWorld) -> None:
    await world.say("hana", "ふりかえり")
    question = heard(world, "hana")[-1].splitlines()[-3:]
    await announce(world)
    said = await tap_value(world, "hana", "%a-1/yes")
    assert "「はい」" in said[0] and len(said) == 2 and question[-1] in said[1]
    assert {"とばす", "返事を直す"} <= {*offered(world, "hana")}
    assert await answers(world) == {"s-hana": "yes"}


async def test_oshirase_shows_what_waits(world: LineWorld) -> None:
    await announce(world)
    [said] = await world.say("hana", "お知らせ")
    assert SCHOOL in said and offered(world, "hana") == ["はい", "いいえ"]
    [none] = await world.say("sora", "おしらせ")
    assert "ないよ" in none


# Free words


async def test_free_words_are_taken_behind_the_button(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    [asked] = await world.tap("hana", "答える")
    assert "書いて" in asked
    [said] = await world.say("hana", "はい、ロボットを作りたいです！")
    assert "「はい、ロボットを作りたいです！」" in said
    assert await answers(world) == {"s-hana": "はい、ロボットを作りたいです！"}


async def test_a_text_without_the_button_is_never_silently_taken(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    [said] = await world.say("hana", "ロボットを作りたい")
    assert "答えかな" in said and await answers(world) == {}
    await world.tap("hana", "答えとして送る")
    assert await answers(world) == {"s-hana": "ロボットを作りたい"}


async def test_the_button_holds_for_half_an_hour(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    world.clock.forward(minutes=31)
    await world.say("hana", "ロボットを作りたい")
    assert await answers(world) == {}


async def test_yameru_leaves_the_answer_open(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    [said] = await world.say("hana", "やめる")
    assert "お知らせ" in said
    await world.say("hana", "ありがとう")
    assert await answers(world) == {}


async def test_who_reads_it_can_be_asked_before_writing(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    [said] = await world.say("hana", "だれが見るの？")
    assert "伊藤先生と" in said and "校長先生" in said
    await world.say("hana", "ロボット")
    assert await answers(world) == {"s-hana": "ロボット"}


async def test_a_text_that_is_too_long_is_asked_for_again(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    [said] = await world.say("hana", "あいうえお" * 101)
    assert "505文字" in said and await answers(world) == {}
    await world.say("hana", "ロボット")
    assert await answers(world) == {"s-hana": "ロボット"}


async def test_distress_given_as_an_answer_raises_the_alert_and_is_no_answer(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    await world.say("hana", "もう消えてしまいたい")
    assert [(row.student_id, row.level) for row in await rows(world.core.database, Alert)] == [("s-hana", "urgent")]
    await world.say("hana", "ロボット")  # the next text is not taken for the answer either
    assert await answers(world) == {}


async def test_a_message_taken_back_takes_the_answer_with_it(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    event = world.line.events.text(user_id("hana"), "ロボット")
    assert await world.send(event) == 200
    await world.core.drain()
    assert await answers(world) == {"s-hana": "ロボット"}
    assert await world.send(world.line.events.unsend(user_id("hana"), event["message"]["id"])) == 200
    await world.core.drain()
    assert await answers(world) == {}


async def test_the_check_in_that_was_put_off_goes_on_after_the_answer(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.say("hana", "ふりかえり")
    await tap_value(world, "hana", tap_of("a-1", "!write"))
    said = await world.say("hana", "ロボット")
    assert "「ロボット」" in said[0] and len(said) == 2 and "とばす" in offered(world, "hana")
    assert await answers(world) == {"s-hana": "ロボット"}


async def test_a_check_in_begun_after_the_button_gets_its_own_answers(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    await world.say("hana", "ふりかえり")
    await world.say("hana", "とばす")
    await world.say("hana", "計算が全部できた")
    assert await answers(world) == {}
    async with world.core.database.read() as connection:
        [record] = await find_checkins(connection, ["s-hana"], [MONDAY])
    assert record.difficult == "計算が全部できた"


# What is not sent any more


async def test_nothing_is_sent_once_it_is_closed(world: LineWorld) -> None:
    await announce(world, closes_at=world.clock.now() + timedelta(hours=1))
    before = heard(world, "hana")
    world.clock.forward(hours=2)
    await send(world, ["s-hana"])
    assert heard(world, "hana") == before


async def test_a_reminder_to_the_missing_skips_who_answered_meanwhile(world: LineWorld) -> None:
    await announce(world)
    await world.tap("hana", "はい")
    row = await a_reminder(world, only_missing=True)
    before = heard(world, "hana")
    await send(world, BOTH, source=f"{row}/20260511T1610")
    assert heard(world, "hana") == before
    assert sum(SCHOOL in each for each in heard(world, "ren")) == 2


async def test_nobody_else_gets_it_over_an_account_that_changed_hands(world: LineWorld) -> None:
    await announce(world, to=["s-ren"])
    before = heard(world, "hana")
    async with world.core.database.write() as connection:
        item = Item(
            account_id=f"line:{user_id('hana')}",
            kind="announcement",
            payload={"announcement_id": "a-1", "person_id": "s-ren"},
            due_at=world.clock.now(),
            created_at=world.clock.now(),
        )
        await outbox.put(connection, [item])
    await world.core.drain()
    assert heard(world, "hana") == before
    assert [row.state for row in await rows(world.core.database, Outbox, id=item.id)] == ["skipped"]


# What came of it


async def test_figures_come_first_then_the_answers(world: LineWorld) -> None:
    await announce(world)
    await world.tap("hana", "はい")
    [said] = await world.say("ito", "アンケートの結果は？")
    assert said.startswith("2人中1人が回答（まだ：1人）")
    assert "はい：1人" in said and "いいえ：0人" in said and "佐藤" not in said
    assert {"まだの人の名前", "はいの人", "まだの人に送る", "CSVで受け取る", "締め切る"} <= {*offered(world, "ito")}


async def test_who_has_not_answered_is_named(world: LineWorld) -> None:
    await announce(world)
    await world.tap("hana", "はい")
    [said] = await world.say("ito", "誰がまだ答えていない？")
    assert "鈴木 蓮" in said and "佐藤 花" not in said and "2人中1人" in said
    assert "チェックインの方を見る" in offered(world, "ito")
    [other] = await world.tap("ito", "チェックインの方を見る")
    assert "チェックイン" in other and SCHOOL not in other


async def test_the_question_about_data_stays_one_without_an_announcement(world: LineWorld) -> None:
    [plain] = await world.say("ito", "今日まだふりかえりを出していない子は？")
    await announce(world)
    [said] = await world.say("ito", "今日まだふりかえりを出していない子は？")
    assert said == plain


async def test_after_a_week_who_has_not_answered_is_about_data_again(world: LineWorld) -> None:
    await announce(world)
    world.clock.forward(days=8)
    said = await world.say("ito", "誰がまだ答えていない？")
    assert SCHOOL not in "".join(said)


async def test_who_wants_to_come_is_found_by_its_words(world: LineWorld) -> None:
    await announce(world)
    await announce(world, id="a-2", text="お弁当はいりますか")
    await tap_value(world, "hana", "%a-1/yes")
    [said] = await world.say("ito", "来たい人は？")
    assert "「はい」の人（1人）" in said and "4年2組 佐藤 花" in said and SCHOOL in said
    [named] = await world.say("ito", "プログラミング教室の返事は？")
    assert SCHOOL in named and "2人中1人" in named


async def test_asking_for_an_announcement_when_there_is_none_says_so(world: LineWorld) -> None:
    [said] = await world.say("ito", "アンケートの結果は？")
    assert "お知らせはありません" in said


async def test_a_homeroom_teacher_sees_the_children_of_the_own_class_alone(world: LineWorld) -> None:
    await world.link("ogawa", "p-ogawa")
    await announce(world, owner="p-ogawa", to=["s-hana", "s-ren", "s-sora"])
    await tap_value(world, "sora", "%a-1/yes")
    [of_class] = await world.say("ito", "アンケートの結果は？")
    assert of_class.startswith("2人中0人") and "ほかにも1人" in of_class
    assert "締め切る" not in offered(world, "ito")
    [of_school] = await world.say("ogawa", "アンケートの結果は？")
    assert of_school.startswith("3人中1人") and "締め切る" in offered(world, "ogawa")


async def test_the_teacher_of_another_school_sees_nothing(world: LineWorld) -> None:
    await world.link("abe", "t-abe")
    await announce(world)
    [said] = await world.say("abe", "アンケートの結果は？")
    assert "お知らせはありません" in said
    for what in ("show", "who", "csv", "close", "remind", "texts"):
        [refused] = await tap_value(world, "abe", f"&{what}/a-1/missing")
        assert "使えません" in refused and "鈴木" not in refused
    assert (await rows(world.core.database, Announcement))[0].state == "open"


async def test_a_teacher_who_only_looks_on_cannot_close_it(world: LineWorld) -> None:
    await announce(world, owner="p-ogawa")
    [said] = await tap_value(world, "ito", "&close/a-1")
    assert "使えません" in said and (await rows(world.core.database, Announcement))[0].state == "open"


async def test_children_cannot_look_at_the_answers(world: LineWorld) -> None:
    await announce(world)
    await tap_value(world, "ren", "%a-1/yes")
    assert "鈴木" not in "".join(await tap_value(world, "hana", "&who/a-1/yes"))
    assert "鈴木" not in "".join(await world.say("hana", "はいの人は？"))


async def test_who_leads_a_school_without_rights_over_its_children_sees_none_of_them(world: LineWorld) -> None:
    await world.link("mori", "t-mori")
    role = {
        "sourced_id": "r-mori-site",
        "user_sourced_id": "t-mori",
        "role_type": "secondary",
        "role": "siteAdministrator",
        "org_sourced_id": "minami",
    }
    async with world.core.database.write() as connection:
        await upsert(connection, Role, [role], key=["sourced_id"])
    await announce(world)
    [said] = await world.say("mori", "アンケートの結果は？")
    assert "2人" not in said and "1人" not in said and SCHOOL not in said
    assert "佐藤" not in "".join(await tap_value(world, "mori", "&who/a-1/missing"))


@pytest.mark.parametrize(
    "value", ["&who/a-1/missing/9", "&who/a-1/missing/x", "&who/a-1/never", "&nothing/a-1", "&", "&/"]
)
async def test_a_button_that_was_made_up_breaks_nothing(world: LineWorld, value: str) -> None:
    await announce(world)
    [said] = await tap_value(world, "ito", value)
    assert said
    assert (await rows(world.core.database, Announcement))[0].state == "open"


async def test_written_answers_are_read_by_page(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    await world.say("hana", "ロボット")
    await world.say("ito", "アンケートの結果は？")
    [said] = await world.tap("ito", "回答を読む")
    assert "佐藤 花：ロボット" in said


async def test_those_who_left_the_school_are_not_counted(world: LineWorld) -> None:
    await announce(world)
    async with world.core.database.write() as connection:
        gone = update(Enrollment).where(Enrollment.user_sourced_id == "s-ren", Enrollment.role == "student")
        await connection.execute(gone.values(end_date=MONDAY - timedelta(days=1)))
    [said] = await world.say("ito", "アンケートの結果は？")
    assert said.startswith("1人中0人")


async def test_staff_who_were_asked_are_seen_by_who_asked(world: LineWorld) -> None:
    await world.link("ogawa", "p-ogawa")
    await announce(world, owner="p-ogawa", to=["t-ito"], text="研修に出られますか")
    [said] = await world.say("ito", "はい")
    assert "「はい」と受け取りました" in said
    [seen] = await world.say("ogawa", "アンケートの結果は？")
    assert seen.startswith("1人中1人")


async def test_closing_ends_its_reminders_and_takes_no_more_answers(world: LineWorld) -> None:
    await announce(world)
    row = await a_reminder(world, only_missing=True)
    await world.say("ito", "アンケートの結果は？")
    [said] = await world.tap("ito", "締め切る")
    assert "締め切りました" in said
    [reminder] = await rows(world.core.database, Reminder, id=row)
    assert (reminder.state, reminder.next_at) == (ReminderState.DONE, None)
    await tap_value(world, "hana", "%a-1/yes")
    assert await answers(world) == {}


async def test_the_missing_are_reminded_after_a_preview(world: LineWorld) -> None:
    await announce(world)
    await world.tap("hana", "はい")
    await world.say("ito", "アンケートの結果は？")
    [preview] = await world.tap("ito", "まだの人に送る")
    assert SCHOOL in preview and "1人" in preview
    assert await rows(world.core.database, Reminder) == []
    await world.say("ito", "はい")
    [reminder] = await rows(world.core.database, Reminder)
    assert (reminder.what, reminder.announcement_id, reminder.only_missing) == (What.ANNOUNCEMENT, "a-1", True)
    assert (reminder.audience_ids, reminder.rrule, reminder.starts_on) == (["s-ren"], None, MONDAY)


async def test_the_table_has_a_line_for_everybody_and_runs_nothing(world: LineWorld) -> None:
    await announce(world, kind=AnswerKind.TEXT, text="クラブでやりたいことは何ですか")
    await world.tap("hana", "答える")
    await world.say("hana", "=1+1")
    await world.say("ito", "アンケートの結果は？")
    await world.tap("ito", "CSVで受け取る")
    [file] = await rows(world.core.database, StoredFile)
    head, *lines = file.content.decode("utf-8-sig").splitlines()
    assert head == "クラス,氏名,回答,回答日時"
    assert lines == ["4年2組,佐藤 花,'=1+1,2026-05-11 16:00", "4年2組,鈴木 蓮,まだ,"]
    assert "佐藤" not in file.name


# The safety check of a closure


async def test_a_safety_check_is_answered_with_three_words_and_help_becomes_an_alert(world: LineWorld) -> None:
    await announce(world, text="大雨のため休校です。", is_safety_check=True, kind=AnswerKind.CHOICE)
    assert offered(world, "hana") == ["無事", "こまっている", "助けが必要"]  # 困 is taught in P6
    await world.tap("hana", "助けが必要")
    await world.say("ren", "無事です")
    assert await answers(world) == {"s-hana": "help", "s-ren": "ok"}
    assert [(row.student_id, row.level) for row in await rows(world.core.database, Alert)] == [("s-hana", "urgent")]


async def test_a_typed_answer_to_the_safety_check_does_not_wait_for_another_announcement(world: LineWorld) -> None:
    await announce(world)
    await announce(world, id="a-2", text="大雨のため休校です。", is_safety_check=True, kind=AnswerKind.CHOICE)
    await world.say("hana", "大丈夫です")
    found = await rows(world.core.database, AnnouncementAnswer)
    assert [(row.announcement_id, row.value) for row in found] == [("a-2", "ok")]


# In English


async def test_staff_may_ask_in_english(world: LineWorld) -> None:
    await announce(world, text="Do you want to come to the summer programming school?")
    await world.say("ito", "English")
    await world.say("hana", "yes")
    [said] = await world.say("ito", "Who hasn't answered yet?")
    assert said.startswith("1 of 2 answered (not yet: 1)") and "鈴木 蓮" in said
    [coming] = await world.say("ito", "Who wants to come?")
    assert "佐藤 花" in coming
    [results] = await world.say("ito", "results of the survey")
    assert "Yes: 1" in results and "No: 0" in results


async def test_the_store_tells_responses_by_class_number_and_name(world: LineWorld) -> None:
    await announce(world, to=["s-sora", "s-ren", "s-hana", "t-ito"])
    async with world.core.database.read() as connection:
        found = await responses_of(connection, "a-1", MONDAY)
        assert await find_announcement(connection, "nothing") is None
    assert [(each.class_title, each.person_id) for each in found] == [
        ("", "t-ito"),
        ("2年1組", "s-sora"),
        ("4年2組", "s-hana"),
        ("4年2組", "s-ren"),
    ]


def tap_of(announcement_id: str, answer: str) -> str:
    return f"%{announcement_id}/{answer}"


async def a_reminder(world: LineWorld, *, only_missing: bool) -> str:
    row = {
        "id": "r-1",
        "owner_id": "t-ito",
        "school_id": "minami",
        "audience_kind": "list",
        "audience_ids": [*BOTH],
        "audience_label": "",
        "left_out": [],
        "only_missing": only_missing,
        "what": What.ANNOUNCEMENT,
        "text": SCHOOL,
        "announcement_id": "a-1",
        "rrule": None,
        "starts_on": MONDAY,
        "time": "16:10",
        "event_title": None,
        "event_first": None,
        "event_last": None,
        "any_day": False,
        "state": ReminderState.ACTIVE,
        "next_at": world.clock.now() + timedelta(minutes=10),
        "created_at": world.clock.now(),
        "changed_at": world.clock.now(),
    }
    async with world.core.database.write() as connection:
        await upsert(connection, Reminder, [row], key=["id"])
    return "r-1"


async def test_from_the_teachers_words_to_the_answers(world: LineWorld) -> None:
    """Set by talking, sent by the planner, answered, reminded to the missing alone."""
    [preview] = await world.say("ito", "明日の8時にプログラミング教室に来たいか4年2組に聞いて")
    assert "プログラミング教室" in preview and "2人" in preview
    await world.say("ito", "はい")
    assert await rows(world.core.database, Announcement) != []
    planner = Reminders(world.core.database, TOKYO, world.core.services.times, world.core.services.channels)
    world.clock.moment = datetime(2026, 5, 12, 8, 0, 30, tzinfo=TOKYO)
    await planner.plan(world.clock.now())
    await world.core.drain()
    world.clock.forward(seconds=1)
    assert "プログラミング教室" in heard(world, "hana")[-1] and heard(world, "hana")[-1] == heard(world, "ren")[-1]
    await world.tap("hana", "はい")
    assert await answers(world) == {"s-hana": "yes"}
    world.clock.forward(days=1)  # the limit of messages a day leaves room for one beside the check-ins
    [said] = await world.say("ito", "誰がまだ答えていない？")
    assert said.startswith("2人中1人") and "鈴木 蓮" in said
    await world.tap("ito", "まだの人に送る")
    await world.say("ito", "はい")
    before = len(heard(world, "hana")), len(heard(world, "ren"))
    world.clock.forward(minutes=6)
    await planner.plan(world.clock.now())
    await world.core.drain()
    assert (len(heard(world, "hana")), len(heard(world, "ren"))) == (before[0], before[1] + 1)
