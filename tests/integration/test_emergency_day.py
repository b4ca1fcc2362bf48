"""An emergency day played through: declared, everyone asked, help on its way, learning at home, the report, the end."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge.db import Database
from knowledge.exports.activity import activity_report
from knowledge.records.alerts import list_alerts
from knowledge.records.closures import Closure
from scheduler.menus import Menus
from scheduler.prompts import Prompts
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY, TUESDAY = date(2026, 5, 11), date(2026, 5, 12)
MENU = """4年生の学習メニュー 5/12
算数 ドリル p.20
国語 動画 https://example.jp/kokugo
理科 生配信 10:00 https://example.jp/rika"""


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: the principal, the teacher of 4年2組, Hana of that class and Sora of 2年1組 have linked."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        for name, person in (("ogawa", "p-ogawa"), ("ito", "t-ito"), ("hana", "s-hana"), ("sora", "s-sora")):
            await world.link(name, person)
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


async def at(world: LineWorld, day: date, clock: str) -> None:
    """The clock is moved, and everything planned and sent that is due then."""
    world.clock.moment = datetime.combine(day, time.fromisoformat(clock), TOKYO)
    services = world.core.services
    for planner in (
        Menus(services.database, TOKYO, services.times, ["line"]),
        Prompts(services.database, TOKYO, services.times, ["line"]),
    ):
        await planner.plan(world.clock.now())
    await world.core.drain()


async def test_a_day_at_home_from_the_news_to_the_end(world: LineWorld) -> None:
    # The principal closes school from tomorrow on; nothing happens before はい.
    before = {name: len(heard(world, name)) for name in ("ogawa", "ito", "hana", "sora")}
    [preview] = await world.say("ogawa", "明日から緊急モード（台風）")
    assert "学校全体" in preview and "台風" in preview and "5月12日" in preview and "家での学習：あり" in preview
    assert len(heard(world, "hana")) == before["hana"]
    [done] = await world.say("ogawa", "はい")
    assert "学校全体を休みにしました" in done and "安否確認" in done and "1人" in done
    news, check = heard(world, "hana")[before["hana"] :]
    assert "家で学習するよ" in news and "無事" in check and "119" in check
    assert "おうちで べんきょうする" in heard(world, "sora")[before["sora"]]

    # Hana is safe; Sora needs help, and staff know at once.
    [thanks] = await world.tap("hana", "無事")
    assert "よかった" in thanks
    before_ito = len(heard(world, "ogawa"))
    [answer] = await world.tap("sora", "たすけて ほしい")
    assert "110" in answer and "0120-0-78310" in answer
    told = heard(world, "ogawa")[before_ito:]
    assert any("高橋 空" in text and "助けが必要" in text for text in told)
    async with world.core.database.read() as connection:
        [alert] = await list_alerts(connection)
    assert (alert.student_id, alert.level) == ("s-sora", "urgent")
    [state] = await world.say("ogawa", "安否は？")
    assert "無事：1人" in state and "助けが必要：1人（高橋 空" in state and "鈴木 蓮" in state

    # The teacher sets the menu; it comes in the morning, in the form for home, and is marked done.
    [shown] = await world.say("ito", MENU)
    assert "p.20" in shown and "10:00" in shown and "まだ保存していません" in shown
    assert "保存しました" in (await world.say("ito", "はい"))[0]
    before_hana = len(heard(world, "hana"))
    await at(world, TUESDAY, "08:20")
    morning = heard(world, "hana")[before_hana:]
    assert any("p.20" in text for text in morning) and any("家" in text and "天気" in text for text in morning)
    [after] = await world.say("hana", "メニュー")
    assert "算数" in after
    [marked] = await world.tap("hana", "できた：1 算数")
    assert "算数、できたね" in marked and "✓" in marked
    [back] = await world.tap("hana", "もどす：1 算数")
    assert "もどした" in back
    await world.tap("hana", "できた：1 算数")

    # The reflection speaks of home too; the school gets its report.
    await at(world, TUESDAY, "15:10")
    assert "家" in heard(world, "hana")[-1]
    said = await world.say("ito", "活動のきろく")
    assert "4年2組" in said[0] and "出席" in said[0]
    async with world.core.database.read() as connection:
        report = (await activity_report(connection, "c-4-2", MONDAY, TUESDAY, TOKYO)).decode("utf-8-sig")
    hana = next(line for line in report.splitlines() if line.startswith("s-hana") and "2026-05-12" in line)
    assert ",home," in hana and "算数 (drill) p.20" in hana and ",3,1," in hana
    assert any("s-hana" in line and "2026-05-11" in line and ",ok," in line for line in report.splitlines())

    # The end restores the schedule.
    await world.say("ogawa", "休校を終わる")
    before_hana = len(heard(world, "hana"))
    [ended] = await world.tap("ogawa", "明日から学校")
    assert "終えました" in ended and "5月13日" in ended
    assert "学校がある" in heard(world, "hana")[before_hana]
    async with world.core.database.read() as connection:
        assert await connection.scalar(select(Closure.last_day)) == TUESDAY
