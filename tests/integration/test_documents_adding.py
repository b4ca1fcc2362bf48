"""Leads keep the documents of their school: on the page, and in words."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import aiohttp
import pytest

from assistant.keeping import take_in
from assistant.web import library as library_page
from knowledge.documents.model import DocumentAudience, Listed, Reader
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page, browser, plain

EVERYBODY = Reader(orgs=None, is_staff=True, on=date.min)
RULES = "学校のきまり\n\n上ばきは、毎週金曜日に家に持って帰ります。\n".encode()
NEW_RULES = "学校のきまり\n\n上ばきは、毎週水曜日に家に持って帰ります。\n".encode()


class Desk(Page):
    """A lead's browser."""

    async def upload(self, *files: tuple[str, bytes], **fields: str) -> str:
        """Send the form of the page, as it stands where nothing else is said."""
        values = {"csrf_token": self.token, "org": self.org, "audience": self.preselected, "until": "", "title": ""}
        data = aiohttp.FormData(quote_fields=False, default_to_multipart=True)  # as browsers write names
        for name, value in (values | fields).items():
            data.add_field(name, value)
        for name, content in files:
            data.add_field("files", content, filename=name, content_type="application/octet-stream")
        async with self.http.post(f"{self.url}/library", data=data) as response:
            return await self._read(response)

    @property
    def org(self) -> str:
        found = re.search('name="org" value="([^"]+)"', self.html)
        return found[1] if found else ""

    @property
    def preselected(self) -> str:
        found = re.search('name="audience" value="([^"]+)" checked', self.html)
        return found[1] if found else ""

    @property
    def results(self) -> list[str]:
        """What the page says came of what was done."""
        found = re.search('<section class="card result".*?</section>', self.html, re.DOTALL)
        return [plain(each) for each in re.findall('<li class="text">(.*?)</li>', found[0], re.DOTALL)] if found else []

    @property
    def titles(self) -> list[str]:
        return [plain(each) for each in re.findall("<h3>(.*?)</h3>", self.html, re.DOTALL)]

    def ways(self, act: str) -> list[str]:
        """Where the links go under the documents."""
        return re.findall(f'href="(/library/{act}[^"]*)"', self.html)


@asynccontextmanager
async def desk_of(world: BrowserWorld, person_id: str) -> AsyncGenerator[Desk]:
    async with browser(world) as page:
        desk = Desk(page.http, page.url)
        await desk.sign_in(await world.code(person_id))
        yield desk


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        yield world


@pytest.fixture
async def principal(world: BrowserWorld) -> AsyncIterator[Desk]:
    async with desk_of(world, "p-ogawa") as desk:
        await desk.open("/library")
        yield desk


async def documents(world: BrowserWorld) -> list[Listed]:
    return await world.core.services.library.listed(EVERYBODY)


async def put(world: BrowserWorld, name: str, org_id: str, content: bytes = RULES) -> str:
    """A document that is there already; its id."""
    (added,) = await take_in(
        world.core.services.library,
        name,
        content,
        org_id=org_id,
        audience=DocumentAudience.STAFF,
        valid_until=None,
        title=None,
        person_id="p-ogawa",
        now=world.clock.now(),
    )
    assert added.id is not None
    return added.id


# --- On the page


async def test_a_file_is_added_for_the_staff_unless_something_else_is_chosen(
    world: BrowserWorld, principal: Desk
) -> None:
    assert principal.preselected == "staff"
    await principal.upload(("きまり.txt", RULES))
    assert principal.results == ["「きまり.txt」を資料「きまり」として加えました。"]
    (document,) = await documents(world)
    assert (document.title, document.audience, document.org_id) == ("きまり", DocumentAudience.STAFF, "minami")
    assert (document.added_by, document.source) == ("p-ogawa", "upload:minami:きまり.txt")
    assert principal.titles == ["きまり"]
    assert "教職員だけ" in plain(principal.html) and "2026年5月11日更新" in plain(principal.html)


async def test_audience_end_and_title_are_as_the_form_says(world: BrowserWorld, principal: Desk) -> None:
    await principal.upload(("a.txt", RULES), audience="everyone", until="2027-03-31", title=" 学校の きまり ")
    (document,) = await documents(world)
    assert (document.title, document.audience, document.valid_until) == (
        "学校の きまり",
        DocumentAudience.EVERYONE,
        date(2027, 3, 31),
    )
    assert "全員（子ども・家庭も）・2027年3月31日まで" in plain(principal.html)


async def test_several_files_are_told_one_by_one_with_the_reason_for_each_that_was_left_out(
    world: BrowserWorld, principal: Desk
) -> None:
    await principal.upload(("a.txt", RULES))
    await principal.upload(
        ("a.txt", RULES), ("b.txt", NEW_RULES), ("c.png", b"\x89PNG"), ("d.doc", b"old"), ("e.txt", b"  "), title="x"
    )
    assert principal.results == [
        "資料「a」の内容は「a.txt」と同じでした。読める人と期限は、今回選ばれたとおりです。",
        "「b.txt」を資料「b」として加えました。",
        "「c.png」は加えられませんでした。画像には文字のデータがありません。PDFやWordなどで加えてください。",
        "「d.doc」は加えられませんでした。古い形式です。docx・xlsx・pptx・PDFのどれかで保存して、もう一度加えてください。",
        "「e.txt」は加えられませんでした。ファイルが空です。中身を確かめて、もう一度加えてください。",
        "題名は、ファイルが1つのときだけ使えるので、付けていません。",
    ]
    assert [each.title for each in await documents(world)] == ["a", "b"]
    await principal.upload(("a.txt", NEW_RULES))
    assert principal.results == ["「a.txt」を読みこみ、資料「a」を新しい内容に入れかえました。"]


async def test_every_file_of_a_zip_is_added_and_told(world: BrowserWorld, principal: Desk) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in (
            ("きまり/給食.txt", RULES),
            ("きまり/水泳.txt", RULES),
            ("写真.png", b"x"),
            ("../x.txt", RULES),
        ):
            archive.writestr(name, content)
    await principal.upload(("きまり.zip", packed.getvalue()))
    assert principal.results[0].splitlines() == [
        "「x.txt」は加えられませんでした。ファイルの名前が正しくありません。名前を変えて、もう一度加えてください。",
        "「水泳.txt」を資料「水泳」として加えました。",
        "「給食.txt」を資料「給食」として加えました。",
        "「写真.png」は加えられませんでした。画像には文字のデータがありません。PDFやWordなどで加えてください。",
    ]
    sources = ["upload:minami:きまり/水泳.txt", "upload:minami:きまり/給食.txt"]
    assert [each.source for each in await documents(world)] == sources
    await principal.upload(("こわれた.zip", b"PK"))
    assert principal.results == [
        "「こわれた.zip」は加えられませんでした。ファイルがこわれているか、名前と中身の形式がちがいます。開けるか確かめて、もう一度加えてください。"
    ]


async def test_a_name_as_a_mac_writes_it_or_with_folders_is_the_same_document(
    world: BrowserWorld, principal: Desk
) -> None:
    await principal.upload(("がくしゅう.txt", RULES))
    await principal.upload(("がくしゅう.txt", NEW_RULES))
    await principal.upload(("../../がくしゅう.txt", RULES))
    assert [each.file_name for each in await documents(world)] == ["がくしゅう.txt"]


async def test_a_form_without_a_file_or_with_a_wrong_day_adds_nothing_and_says_why(
    world: BrowserWorld, principal: Desk
) -> None:
    assert "ファイルを選んでください" in plain(await principal.upload(audience="everyone"))
    assert principal.status == 422 and principal.preselected == "everyone"  # what was chosen stays
    assert "「2027-03-31」のように" in plain(await principal.upload(("a.txt", RULES), until="3月末"))
    assert "もう過ぎた日付です" in plain(await principal.upload(("a.txt", RULES), until="2026-05-10"))
    await principal.open("/library")
    await principal.upload(("a.txt", RULES), audience="pupils")
    assert principal.status == 400
    assert await documents(world) == []


async def test_too_large_a_form_or_file_is_refused(
    world: BrowserWorld, principal: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.keeping.LARGEST", 1000)
    await principal.upload(("a.txt", b"x" * 1001))
    assert principal.results == ["「a.txt」は加えられませんでした。大きすぎます。1つ50MBまでに分けて加えてください。"]
    await principal.open("/library")
    monkeypatch.setattr(library_page, "LARGEST_UPLOAD", 1000)
    await principal.upload(("a.txt", RULES * 100))
    assert principal.status == 413
    assert await documents(world) == []


async def test_more_files_than_a_form_holds_add_nothing(world: BrowserWorld, principal: Desk) -> None:
    await principal.upload(*((f"{number}.txt", RULES) for number in range(21)))
    assert principal.status == 400
    assert await documents(world) == []


async def test_readers_and_end_are_changed_and_a_document_is_removed_after_asking(
    world: BrowserWorld, principal: Desk
) -> None:
    document_id = await put(world, "学校の きまり (新).txt", "minami")
    await principal.open("/library")
    (way,) = principal.ways("change")
    await principal.open(way)
    assert principal.preselected == "staff"
    await principal.post("/library/change", id=document_id, audience="everyone", until="2027-03-31")
    assert principal.results == ["資料の読める人と期限を変えました。"]
    (document,) = await documents(world)
    assert (document.audience, document.valid_until) == (DocumentAudience.EVERYONE, date(2027, 3, 31))
    assert len(await world.core.services.library.passages(document_id, EVERYBODY)) == document.passages > 0
    await principal.post("/library/change", id=document_id, audience="everyone", until="2020-01-01")
    assert principal.status == 422
    await principal.open("/library")
    (way,) = principal.ways("remove")
    asked = plain(await principal.open(way))
    assert "この資料を消しますか？" in asked and "学校の きまり (新)" in asked
    assert len(await documents(world)) == 1
    await principal.post("/library/remove", id=document_id)
    assert principal.results == ["資料を消しました。"]
    assert await documents(world) == [] and principal.titles == []


async def test_a_document_whose_time_is_over_can_still_be_found_here(world: BrowserWorld, principal: Desk) -> None:
    await principal.upload(("a.txt", RULES), until="2026-05-12")
    world.clock.forward(days=2)
    await principal.open("/")
    await principal.sign_in(await world.code("p-ogawa"))
    await principal.open("/library")
    assert principal.titles == ["a"] and "期限切れ" in plain(principal.html)
    (document,) = await documents(world)
    await principal.open(principal.ways("change")[0])
    await principal.post("/library/change", id=document.id, audience="everyone", until="2026-05-12")
    assert principal.status == 200  # the day that it had may stay


@pytest.mark.parametrize("person_id", ["t-ito", "s-hana", "g-sato", "n-hayashi", "b-nakano", "t-mori"])
async def test_others_get_the_same_page_whether_there_is_a_document_or_not(world: BrowserWorld, person_id: str) -> None:
    document_id = await put(world, "秘密.txt", "minami")
    async with desk_of(world, person_id) as desk:
        pages = [
            await desk.open(f"/library/{act}?id={each}") for act in ("change", "remove") for each in (document_id, "x")
        ]
        assert desk.status == 404 and len(set(pages)) == 1
        await desk.open("/")
        for act in ("change", "remove"):
            page = await desk.post(f"/library/{act}", id=document_id, audience="everyone", until="")
            assert (desk.status, page) == (404, pages[0])
            await desk.open("/")
        await desk.upload(("秘密.txt", NEW_RULES), org="minami", audience="everyone")
        assert desk.status == 404
        if person_id != "b-nakano":
            assert await desk.open("/library") == pages[0]
            assert 'href="/library"' not in await desk.open("/")
    (document,) = await documents(world)
    assert document.audience is DocumentAudience.STAFF
    passages = await world.core.services.library.passages(document_id, EVERYBODY)
    assert any("金曜日" in passage.text for passage in passages)


async def test_who_is_not_signed_in_goes_to_the_front(world: BrowserWorld) -> None:
    async with browser(world) as page:
        assert 'name="code"' in await page.open("/library")
        desk = Desk(page.http, page.url)
        await desk.upload(("a.txt", RULES), org="minami", audience="everyone")
        assert desk.status == 404
    assert await documents(world) == []


async def test_the_district_keeps_its_own_documents(world: BrowserWorld) -> None:
    await put(world, "学校.txt", "minami")
    async with desk_of(world, "b-nakano") as desk:
        assert 'href="/library"' in await desk.open("/")
        await desk.open("/library")
        assert desk.titles == []
        await desk.upload(("指針.txt", RULES))
        assert desk.titles == ["指針"]
        await desk.upload(("指針.txt", RULES), org="minami")
        assert desk.status == 404
    assert {each.source for each in await documents(world)} == {"upload:board:指針.txt", "upload:minami:学校.txt"}


async def test_a_form_of_another_site_does_nothing(world: BrowserWorld, principal: Desk) -> None:
    await principal.upload(("a.txt", RULES), csrf_token="wrong")
    assert principal.status == 403
    document_id = await put(world, "b.txt", "minami")
    await principal.open("/library")
    await principal.post("/library/remove", id=document_id, csrf_token="wrong")
    assert principal.status == 403
    assert [each.title for each in await documents(world)] == ["b"]


async def test_what_is_no_form_with_files_is_refused(principal: Desk) -> None:
    await principal.post("/library", audience="staff")
    assert principal.status == 400
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with principal.http.post(f"{principal.url}/library", data=b"--x\r\nnothing", headers=headers) as response:
        assert response.status in (400, 403)


async def test_a_title_is_shown_as_it_was_written_and_never_as_markup(world: BrowserWorld, principal: Desk) -> None:
    await principal.upload(("a.txt", RULES), title="<script>alert(1)</script>")
    assert principal.titles == ["<script>alert(1)</script>"]
    assert "<script>" not in principal.html


# --- In words


async def said(desk: Desk, text: str) -> Sequence[str]:
    """What Ayumi answers."""
    before = len(desk.lines)
    await desk.say(text)
    return desk.lines[before + 1 :]


async def test_the_list_names_them_with_readers_and_end(world: BrowserWorld, principal: Desk) -> None:
    await principal.upload(("きまり.txt", RULES), until="2027-03-31")
    await principal.open("/")
    (answer,) = await said(principal, "資料一覧")
    assert "あゆみ市立みなみ小学校の資料は1件です。\n「きまり」　教職員だけ・2027年3月31日まで" in answer
    assert 'href="/library"' in principal.html


async def test_how_to_add_leads_to_the_page(principal: Desk) -> None:
    await principal.open("/")
    (answer,) = await said(principal, "資料を追加したい")
    assert "資料のページから加えられます" in answer


async def test_a_document_is_removed_after_a_preview(world: BrowserWorld, principal: Desk) -> None:
    await put(world, "きまり.txt", "minami")
    await principal.open("/")
    (preview,) = await said(principal, "資料「きまり」を消して")
    assert preview.startswith("「きまり」　教職員だけ\nこの資料を消します。消すと元に戻せず")
    assert list(principal.buttons) == ["はい、消す", "やめる"]
    assert await said(principal, "やめる") == ["やめました。資料はそのままです。"]
    assert len(await documents(world)) == 1
    await said(principal, "資料を消して")
    assert await said(principal, "はい") == ["資料「きまり」を消しました。"]
    assert await documents(world) == []


async def test_yes_after_something_else_removes_nothing(world: BrowserWorld, principal: Desk) -> None:
    await put(world, "きまり.txt", "minami")
    await principal.open("/")
    await said(principal, "資料を消して")
    await said(principal, "資料一覧")
    await said(principal, "はい")
    assert len(await documents(world)) == 1


async def test_one_of_several_is_chosen_by_a_tap(world: BrowserWorld, principal: Desk) -> None:
    await put(world, "水泳のきまり.txt", "minami")
    await put(world, "給食のきまり.txt", "minami")
    await principal.open("/")
    (asked,) = await said(principal, "きまりの資料を消して")
    assert asked == "2件あります。どの資料ですか？"
    assert list(principal.buttons) == ["水泳のきまり", "給食のきまり", "やめる"]
    await principal.tap("水泳のきまり")
    await principal.tap("はい、消す")
    assert principal.lines[-1] == "資料「水泳のきまり」を消しました。"
    assert [each.title for each in await documents(world)] == ["給食のきまり"]


async def test_readers_and_end_are_changed_after_a_preview(world: BrowserWorld, principal: Desk) -> None:
    await put(world, "きまり.txt", "minami")
    await principal.open("/")
    (preview,) = await said(principal, "資料「きまり」を全員に公開して")
    assert preview == "資料「きまり」を「全員（子ども・家庭も）」に変えます。よろしいですか？"
    assert await said(principal, "はい") == ["資料「きまり」を「全員（子ども・家庭も）」に変えました。"]
    await said(principal, "資料「きまり」は3月末まで")
    await principal.tap("はい")
    (document,) = await documents(world)
    assert (document.audience, document.valid_until) == (DocumentAudience.EVERYONE, date(2027, 3, 31))


async def test_a_document_of_another_school_is_not_found_by_its_name(world: BrowserWorld, principal: Desk) -> None:
    await put(world, "秘密.txt", "higashi")
    await principal.open("/")
    assert await said(principal, "資料「秘密」を消して") == ["資料は、まだありません。"]
    await put(world, "きまり.txt", "minami")
    answer = "「秘密」という資料は見つかりませんでした。「資料一覧」と送ると、いまある資料が見られます。"
    assert await said(principal, "資料「秘密」を消して") == [answer]
    assert len(await documents(world)) == 2


async def test_other_staff_hear_who_can(world: BrowserWorld) -> None:
    async with desk_of(world, "t-ito") as desk:
        answer = ["資料を加えたり消したりできるのは、学校の責任者（小川先生）です。"]
        assert await said(desk, "資料を追加したい") == answer
        assert await said(desk, "資料「きまり」を消して") == answer


async def test_other_staff_see_what_they_may_ask_about(world: BrowserWorld) -> None:
    async with desk_of(world, "t-ito") as desk:
        assert await said(desk, "資料一覧") == ["資料は、まだありません。"]
        await put(world, "きまり.txt", "minami")
        await put(world, "秘密.txt", "higashi")
        answer = "質問に答えるときに使う資料は1件です。\n「きまり」　教職員だけ"
        assert await said(desk, "どんな資料がありますか？") == [answer]
