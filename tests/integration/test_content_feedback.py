"""What comes of offered content: opened through its link, judged, commented on, and told to providers without names."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import insert, select, update
from starlette.applications import Starlette

from assistant.channels.browser.pages import Pages
from assistant.channels.browser.sessions import Session
from assistant.channels.browser.transcript import Line
from assistant.channels.slack.convert import to_slack
from assistant.links import sign, signed
from assistant.masking import without_names
from assistant.messages import Link, Outgoing, Words
from assistant.web.go import go_routes
from knowledge.db import Database
from knowledge.exports.registry import run_export_of_all
from knowledge.records.content import Content, ContentOffer
from knowledge.records.roster import User
from tests.builders.oneroster import write_oneroster
from tests.dialogues.world import ChatWorld, Reply, import_district
from tests.integration.stored import row, rows
from tests.integration.test_cli import ayumi
from tests.platforms.line import user_id
from tests.running import served
from tests.worlds import TOKYO, HandClock, line_world

MONDAY = date(2026, 5, 11)
AFTERNOON = datetime(2026, 5, 11, 15, 30, tzinfo=TOKYO)
SECRET = b"secret"
ADDRESS = "https://content.example/分数?a=1&b=2#top"
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Line/14.1.0"}


@dataclass
class Site:
    """A chat, and the site that its links lead to."""

    chat: ChatWorld
    url: str
    http: aiohttp.ClientSession

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Status and where it leads."""
        asked = PHONE | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, self.url + path, headers=asked, allow_redirects=False) as response:
            return response.status, response.headers.get("Location", "")

    async def offers(self) -> Sequence[Any]:
        return await rows(self.chat.core.database, ContentOffer)

    async def say(self, text: str, person: str = "s-hana") -> list[Reply]:
        return await self.chat.send(person, {"text": text})

    async def offer(self) -> str:
        """花 is offered the one piece of content; the path of its link."""
        [reply] = await self.say("分数の動画ある？")
        return reply.message.links[0].address


async def with_content(database: Database) -> None:
    row: dict[str, Any] = {"content_id": "frac", "title": "分数の動画", "url": ADDRESS, "subject": "算数", "grades": []}
    async with database.write() as connection:
        await connection.execute(insert(Content), [row | {"provider": None, "minutes": None, "description": None}])


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    await import_district(database, tmp_path / "data")
    await with_content(database)
    chat = ChatWorld(database, tmp_path / "data", AFTERNOON)
    app = Starlette(routes=go_routes(database, SECRET, chat.clock.now))
    async with served(app) as url, aiohttp.ClientSession() as http:
        yield Site(chat, url, http)


async def test_a_link_leads_to_the_content_and_counts_once(site: Site) -> None:
    path = await site.offer()
    assert await site.get(path) == (302, "https://content.example/%E5%88%86%E6%95%B0?a=1&b=2#top")
    [first] = await site.offers()
    site.chat.clock.forward(hours=1)
    await site.get(path)
    [offer] = await site.offers()
    assert offer.opened_at == first.opened_at is not None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"User_Agent": "facebookexternalhit/1.1;line-poker/1.0"}),
        ("GET", {"User_Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}),
        ("GET", {"Sec_Purpose": "prefetch;prerender"}),
    ],
)
async def test_a_look_by_a_machine_is_no_opening(site: Site, method: str, headers: dict[str, str]) -> None:
    status, where = await site.get(await site.offer(), method, **headers)
    assert status == 302 and where.startswith("https://content.example/")
    assert [offer.opened_at for offer in await site.offers()] == [None]


async def test_what_we_did_not_sign_leads_nowhere(site: Site) -> None:
    path = await site.offer()
    offer_id, _, signature = path.removeprefix("/go/").partition(".")
    forged = "0" if signature[0] != "0" else "1"
    for wrong in (
        f"/go/{offer_id}",
        f"/go/{offer_id}.{forged}{signature[1:]}",
        f"/go/x{offer_id}.{signature}",
        "/go/https:%2F%2Fevil.example",
        f"/go/{sign(b'another', offer_id)}",
        f"/go/{sign(SECRET, 'nobody')}",
    ):
        assert await site.get(wrong) == (404, ""), wrong
    assert [offer.opened_at for offer in await site.offers()] == [None]


async def test_content_with_another_address_than_the_web_is_not_opened(site: Site) -> None:
    path = await site.offer()
    async with site.chat.core.database.write() as connection:
        await connection.execute(update(Content).values(url="javascript:alert(1)"))
    assert await site.get(path) == (404, "")


def test_a_signature_is_of_one_offer() -> None:
    assert signed(SECRET, sign(SECRET, "a")) == "a"
    assert [signed(SECRET, wrong) for wrong in ("", ".", "a", "a.", sign(SECRET, "b").replace("b", "a", 1))] == [
        None
    ] * 5


async def test_whoever_opened_something_is_asked_once(site: Site) -> None:
    path = await site.offer()
    assert len(await site.say("ありがとう")) == 1  # not opened yet: nothing to ask
    await site.get(path)
    *_, asked = await site.say("ありがとう")
    assert "「分数の動画」はどうだった？ 答えなくてもいいよ。" in asked.text
    assert asked.labels[:2] == ["役に立った", "あまり"]
    assert len(await site.say("ありがとう")) == 1
    assert [offer.is_useful for offer in await site.offers()] == [None]  # not answering is an answer


async def test_nobody_is_asked_in_the_middle_of_a_check_in_or_after_it(site: Site) -> None:
    await site.get(await site.offer())
    replies = await site.say("ふり返り")
    for _ in range(12):
        if await site.chat.pending("s-hana") is None:
            break
        value = next(value for label, value in replies[-1].choices if label == "とばす")
        replies = await site.chat.send("s-hana", {"choice": value, "text": "とばす"})
        assert not any("役に立った" in reply.labels for reply in replies)
    assert await site.chat.pending("s-hana") is None


async def test_nobody_is_asked_on_a_day_of_distress(site: Site) -> None:
    await site.get(await site.offer())
    for text in ("もう消えたい", "ありがとう"):
        assert not any("役に立った" in reply.labels for reply in await site.say(text))


@pytest.mark.parametrize(("label", "is_useful"), [("役に立った", True), ("あまり", False)])
async def test_a_tap_says_whether_it_was_useful(site: Site, label: str, is_useful: bool) -> None:
    await site.get(await site.offer())
    *_, asked = await site.say("ありがとう")
    value = next(value for shown, value in asked.choices if shown == label)
    [thanks] = await site.chat.send("s-hana", {"choice": value, "text": label})
    assert "コメント：" in thanks.text and "名前は出さずに" in thanks.text
    assert [offer.is_useful for offer in await site.offers()] == [is_useful]
    await site.chat.send("s-ren", {"choice": value.replace("not_useful", "useful"), "text": ""})  # not theirs
    assert [offer.is_useful for offer in await site.offers()] == [is_useful]


async def test_a_comment_is_about_what_was_opened_last(site: Site) -> None:
    assert "どの教材へのコメントか" in (await site.say("コメント：よかった"))[-1].text
    await site.get(await site.offer())
    await site.say("コメント： 図が 分かりやすい！")
    assert [offer.comment for offer in await site.offers()] == ["図が 分かりやすい！"]
    await site.say("コメント：" + "あ" * 501)
    assert [offer.comment for offer in await site.offers()] == ["図が 分かりやすい！"]


async def test_a_comment_taken_back_is_gone_and_a_link_on_line_is_whole(database: Database, tmp_path: Path) -> None:
    clock = HandClock(AFTERNOON)
    async with line_world(database, tmp_path / "data", clock=clock, base_url="https://ayumi.example") as world:
        await with_content(database)
        await world.link("hana", "s-hana")
        [said] = await world.say("hana", "分数の動画ある？")
        assert "分数の動画\nhttps://ayumi.example/go/" in said
        async with database.write() as connection:
            await connection.execute(update(ContentOffer).values(opened_at=clock.now()))
        event = world.line.events.text(user_id("hana"), "コメント：図がいい")
        await world.send(event)
        await world.core.drain()
        assert (await row(database, ContentOffer)).comment == "図がいい"
        await world.send(world.line.events.unsend(user_id("hana"), event["message"]["id"]))
        await world.core.drain()
        assert (await row(database, ContentOffer)).comment is None


async def test_where_the_installation_has_no_address_a_link_leads_to_the_content(
    database: Database, tmp_path: Path
) -> None:
    async with line_world(database, tmp_path / "data", clock=HandClock(AFTERNOON)) as world:
        await with_content(database)
        await world.link("hana", "s-hana")
        [said] = await world.say("hana", "分数の動画ある？")
    assert said.endswith(f"分数の動画\n{ADDRESS}")


def test_slack_shows_a_link_that_means_nothing_else() -> None:
    link = Link(label=Words.of("<!here> A&B"), address="https://a.example/?x=1&y=2|z")
    message = Outgoing(text=Words.of("これだよ"), links=(link,))
    [post] = to_slack([message], None)
    shown: list[str] = [block.to_dict()["text"]["text"] for block in post.blocks]
    assert shown == ["これだよ", "<https://a.example/?x=1&amp;y=2%7Cz|&lt;!here&gt; A&amp;B>"]
    assert Outgoing.from_json(message.to_json()) == message


async def test_the_browser_shows_links_as_links(site: Site) -> None:
    child = await site.chat.person("s-sora")
    message = Outgoing(
        text=Words.of("これだよ"),
        links=(Link(label=Words.of("分数<b>"), address="/go/x?a=1&b=2"), Link(label=Words.of("表"), address="")),
    )
    line = Line(id=1, is_own=False, message=message, grade="P2", at=AFTERNOON)
    session = Session(token_hash="", csrf_token="", person=child, signed_in_at=datetime.now(UTC))
    html = Pages("ja", TOKYO, SECRET, site.chat.clock.now).line(session, line, can_answer=True)
    assert '<a href="/go/x?a=1&amp;b=2" target="_blank" rel="noopener">' in html
    assert html.count("<a ") == 1 and "&lt;b&gt;" in html  # without an address it is its words alone


async def test_distress_in_a_comment_comes_first(site: Site) -> None:
    await site.get(await site.offer())
    await site.say("コメント：もう死にたい")
    assert await site.chat.alert_levels("s-hana") == ["urgent"]
    assert [offer.comment for offer in await site.offers()] == [None]


def offer_of(person: str, content: str = "frac", **values: Any) -> dict[str, Any]:
    row = {"id": f"{content}-{person}", "content_id": content, "person_id": person, "source": "search"}
    return row | {"offered_at": AFTERNOON, "opened_at": None, "is_useful": None, "comment": None} | values


async def exported(database: Database, first: date = MONDAY, last: date = MONDAY) -> list[dict[str, str]]:
    async with database.read() as connection:
        content = await run_export_of_all(connection, "content-feedback", first, last, TOKYO, without_names)
    return [*csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))]


STUDENTS = ["s-hana", "s-ren", "s-sora", "s-yui", "s-mei"]


async def test_providers_get_figures_and_comments_without_names(site: Site) -> None:
    comments = [
        "さとうはなさんと見た。分かりやすい",
        "蓮くんが教えてくれた",
        "Hanaも高橋空も 4年2組は みんな見た",
        None,
        "みなみ小学校の伊藤先生もよかったって。",
    ]
    rows = [
        offer_of(person, opened_at=AFTERNOON, is_useful=True, comment=comment)
        for person, comment in zip(STUDENTS, comments, strict=True)
    ]
    async with site.chat.core.database.write() as connection:
        await connection.execute(insert(ContentOffer), rows)
    [line] = await exported(site.chat.core.database)
    figures = {name: line[name] for name in ("offered", "opened", "useful", "notUseful", "comments")}
    assert figures == {"offered": "5", "opened": "5", "useful": "5", "notUseful": "0", "comments": "4"}
    assert "分かりやすい" in line["commentTexts"] and "○○" in line["commentTexts"]
    whole = "".join(line.values())
    async with site.chat.core.database.read() as connection:
        people = (await connection.execute(select(User.family_name, User.given_name, User.sourced_id))).all()
    for name in [*(name for person in people for name in person), "さとう", "はな", "Hana", "4年2組"]:
        assert name not in whole, name
    assert await exported(site.chat.core.database, MONDAY + timedelta(days=1), MONDAY + timedelta(days=1)) == []


async def test_no_figure_is_about_fewer_than_five_people(site: Site) -> None:
    rows = [
        offer_of(person, opened_at=None if person == "s-mei" else AFTERNOON, is_useful=True, comment="よかった")
        for person in STUDENTS
    ]
    async with site.chat.core.database.write() as connection:
        await connection.execute(insert(ContentOffer), rows)
    [line] = await exported(site.chat.core.database)
    assert [line[name] for name in ("offered", "opened", "useful", "notUseful")] == ["5", "<5", "<5", "<5"]
    assert line["commentTexts"] == ""


async def test_few_judgements_are_not_told_of_what_many_opened(site: Site) -> None:
    rows = [offer_of(person, opened_at=AFTERNOON, is_useful=person == "s-mei" or None) for person in STUDENTS]
    async with site.chat.core.database.write() as connection:
        await connection.execute(insert(ContentOffer), rows)
    [line] = await exported(site.chat.core.database)
    assert [line[name] for name in ("opened", "useful", "notUseful", "comments")] == ["5", "<5", "<5", "0"]


async def test_a_teacher_sees_how_content_is_used_in_their_class(site: Site) -> None:
    offers = [
        offer_of("s-hana", opened_at=AFTERNOON, is_useful=True),
        offer_of("s-hana", id="again", opened_at=AFTERNOON),
        offer_of("s-ren"),
        offer_of("s-sora", opened_at=AFTERNOON),  # of another class
        offer_of("s-ren", id="old", offered_at=AFTERNOON - timedelta(days=29), is_useful=False),
    ]
    async with site.chat.core.database.write() as connection:
        await connection.execute(insert(ContentOffer), offers)
    [answer] = await site.say("教材の使われ方は？", "t-ito")
    assert answer.text.splitlines()[1:] == ["・分数の動画：紹介2人・開いた1人・役に立った1人・あまり0人"]
    [answer] = await site.say("どの教材が役に立った？", "p-ogawa")
    assert "紹介3人・開いた2人" in answer.text
    assert "紹介3人" not in "".join(reply.text for reply in await site.say("教材の使われ方は？", "s-hana"))


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    write_oneroster(folder / "oneroster")
    ayumi(folder, "import", "oneroster", str(folder / "oneroster"))
    out = tmp_path / "feedback.csv"
    status, said, _ = ayumi(folder, "export", "content-feedback", "--out", str(out))
    assert status == 0 and str(out) in said
    assert out.read_text("utf-8-sig").startswith("contentId,title,provider,offered,opened")
    status, _, problem = ayumi(folder, "export", "content-feedback", "--class", "c-4-2", "--out", str(out))
    assert status == 2 and "--class" in problem
