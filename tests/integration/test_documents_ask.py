"""``ayumi documents ask``: questions to a real-looking PDF and DOCX, answered with page and section, or not at all."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from assistant.bootstrap import build_services
from assistant.cli.documents_ask import run_ask, run_ask_batch
from assistant.dialogue.documents import answer_from_documents
from assistant.dialogue.turn import Services
from assistant.errors import AssistantError
from knowledge.db import Database
from knowledge.documents.model import AnswerStatus, DocumentAudience, NewDocument, Piece
from knowledge.documents.reading.registry import media_type, read_file
from knowledge.documents.splitting import split
from knowledge.errors import NoSuchPersonError
from tests.worlds import settings_of, with_roster

FILES = Path(__file__).parent.parent / "documents"
NOW = datetime(2026, 5, 15, 16, tzinfo=ZoneInfo("Asia/Tokyo"))
PDF, DOCX = "ict-curriculum", "school-rules"
# (question, document, page, end of the section, what the answer holds)
TEN = [
    ("端末を家に持ち帰るのはいつですか", PDF, 5, "3.1 持ち帰り", "毎週金曜日"),
    ("端末センターの電話番号は？", PDF, 5, "3.3 こわれたとき・なくしたとき", "0123-45-6789"),
    ("中学校2年の文字入力の目標は？", PDF, 4, "2.2 中学校", "1分間に60文字"),
    (
        "小学校で生成AIを子どもが直接使ってもいいですか",
        PDF,
        6,
        "4.2 生成AIの扱い",
        "児童が直接操作することはしません。",
    ),
    ("ICT支援員は週に何日来ますか", PDF, 7, "5.2 ICT支援員", "週2日"),
    ("図書室の本は何冊まで借りられますか", DOCX, None, "4.2 図書室", "3冊まで"),
    ("すいとうの なかみは なにが いいですか", DOCX, None, "3.1 毎日の持ち物", "水かお茶"),
    ("5年生がボールを使えるのは何曜日？", DOCX, None, "4.1 休み時間", "5年生と6年生が木曜日"),
    ("欠席の連絡は何時までですか", DOCX, None, "2.2 遅刻・早退・欠席", "8時10分まで"),
    ("ゲーム機を持ってきてもいいですか", DOCX, None, "3.2 持ってこないもの", "持ってきません"),
]
ABSENT = [
    "修学旅行の行き先はどこですか",
    "プールの授業はいつから始まりますか",
    "校長先生の誕生日は？",
    "宇宙人はいますか",
]


@cache
def document(name: str) -> NewDocument:
    """A file of ``tests/documents``, read once."""
    content = (FILES / name).read_bytes()
    read = read_file(name, content)
    return NewDocument(
        source=f"file:{name}",
        title=read.title or name,
        file_name=name,
        media_type=media_type(name),
        audience=DocumentAudience.EVERYONE,
        org_id=None,
        content=content,
        pieces=split(read),
        pages=read.pages,
    )


def staff_note(text: str) -> NewDocument:
    return NewDocument(
        source="file:note.txt",
        title="職員会議のメモ",
        file_name="note.txt",
        media_type="text/plain",
        audience=DocumentAudience.STAFF,
        org_id=None,
        content=text.encode(),
        pieces=(Piece(section="", page=None, text=text),),
    )


@pytest.fixture
async def services(database: Database, tmp_path: Path) -> AsyncIterator[Services]:
    await with_roster(database, tmp_path / "data")
    built = build_services(settings_of(tmp_path, ""), database)
    for name in (f"{PDF}.pdf", f"{DOCX}.docx"):
        await built.library.put(document(name), NOW)
    yield built


async def test_ten_questions_get_their_answer_with_page_and_section(services: Services) -> None:
    for question, expected, page, section, words in TEN:
        answer = await answer_from_documents(services, None, question, NOW)
        assert answer.status is AnswerStatus.ANSWERED, question
        assert words in answer.text, question
        assert {(each.document, each.page) for each in answer.citations} == {(expected, page)}, question
        assert all(each.section.endswith(section) for each in answer.citations), question


async def test_an_answer_is_short_and_every_quote_stands_in_the_document(services: Services) -> None:
    for question, name, *_ in TEN:
        answer = await answer_from_documents(services, None, question, NOW)
        pieces = document(f"{PDF}.pdf" if name == PDF else f"{DOCX}.docx").pieces
        assert answer.text.count("。") <= 3
        assert all(any(each.quote in piece.text for piece in pieces) for each in answer.citations)


async def test_a_question_for_a_list_gets_all_of_it(services: Services) -> None:
    answer = await answer_from_documents(services, None, "毎日の持ち物は何ですか", NOW)
    assert all(each in answer.text for each in ("教科書、ノート", "筆箱", "ハンカチ", "水筒"))


async def test_what_the_documents_do_not_say_is_not_answered(services: Services) -> None:
    for question in ABSENT:
        answer = await answer_from_documents(services, None, question, NOW)
        assert answer.status is AnswerStatus.NOT_FOUND, question
        assert (answer.text, answer.citations) == ("", ())


async def test_what_is_no_question_is_not_answered(services: Services) -> None:
    for text in ("", "　", "？？", "なに？", "🐣", "a" * 5000, "壁" * 5000, "' OR 1=1 --"):
        assert (await answer_from_documents(services, None, text, NOW)).status is AnswerStatus.NOT_FOUND


async def test_a_document_for_the_staff_answers_staff_alone(services: Services) -> None:
    await services.library.put(staff_note("職員会議の合言葉はあおぞらです。"), NOW)
    question = "職員会議の合言葉は何ですか"
    for person, expected in (("t-ito", AnswerStatus.ANSWERED), ("s-hana", AnswerStatus.NOT_FOUND)):
        answer = await answer_from_documents(services, person, question, NOW)
        assert answer.status is expected
    family = await answer_from_documents(services, "g-sato", question, NOW)
    assert family.status is AnswerStatus.NOT_FOUND
    assert all(hit.passage.title != "職員会議のメモ" for hit in family.hits)


async def test_nobody_answers_for_a_person_who_is_not_in_the_roster(services: Services) -> None:
    with pytest.raises(NoSuchPersonError):
        await answer_from_documents(services, "nobody", "水筒の中身は？", NOW)


@pytest.fixture
async def settings(tmp_path: Path) -> Any:
    """An installation of its own, as the command line opens it."""
    from assistant.cli.database import open_database

    settings = settings_of(tmp_path, "")
    async with open_database(settings) as database:
        await with_roster(database, tmp_path / "data")
        library = build_services(settings, database).library
        for name in (f"{PDF}.pdf", f"{DOCX}.docx"):
            await library.put(document(name), NOW)
    return settings


async def test_the_command_prints_the_answer_as_json(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    await run_ask(settings, "図書室の本は何冊まで借りられますか", "s-hana", NOW, json=True)
    shown = orjson.loads(capsys.readouterr().out)
    assert list(shown) == ["id", "status", "text", "citations"]
    assert shown["status"] == "answered"
    assert [*shown["citations"][0]] == ["document", "title", "page", "section", "quote"]
    assert shown["citations"][0]["document"] == DOCX


async def test_the_command_says_where_an_answer_stands(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    await run_ask(settings, "ICT支援員は週に何日来ますか", None, NOW, json=False)
    told = capsys.readouterr().out
    assert told.startswith("ICT支援員は、各校に週2日ずつ訪問します。")
    assert "5.2 ICT支援員 · p. 7" in told


async def test_the_command_says_honestly_that_it_is_not_there(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_ask(settings, ABSENT[0], None, NOW, json=True)
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["status"], shown["citations"]) == ("not_found", [])
    assert "見つかりませんでした" in shown["text"]


async def test_a_batch_is_answered_line_by_line(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "questions.jsonl"
    lines = [{"id": number, "text": text} for number, (text, *_) in enumerate(TEN)] + [{"id": "x", "text": ABSENT[0]}]
    file.write_bytes(b"\xef\xbb\xbf" + b"\n\n".join(orjson.dumps(line) for line in lines))
    await run_ask_batch(settings, file, None, NOW)
    shown = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["id"] for each in shown] == [*range(10), "x"]
    assert [each["status"] for each in shown] == ["answered"] * 10 + ["not_found"]


async def test_a_line_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    for line in ('["ひみつ"]', '{"ひみつ', '{"id": "ひみつ"}', '{"text": "ひみつ"}', '{"id": "ひみつ", "text": 2}'):
        file.write_text(f'{{"id": 1, "text": "水筒"}}\n{line}\n', encoding="utf-8")
        with pytest.raises(AssistantError, match=r"questions\.jsonl:2: expected") as raised:
            await run_ask_batch(settings_of(tmp_path, ""), file, None, NOW)
        assert "ひみつ" not in str(raised.value)
