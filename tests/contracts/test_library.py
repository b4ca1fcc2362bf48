"""The library, over both databases, without an embedding model and with a stand-in for one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from knowledge.db import Database
from knowledge.documents import store, vectors
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, NewDocument, Outcome, Piece, Reader
from knowledge.records.documents import Document, DocumentFile, DocumentPassage

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
OPERATOR = Reader(orgs=None, is_staff=True, on=TODAY)
MODEL = "openai:stand-in"
ROOT = Path(__file__).parents[2]


class Concepts(Embeddings):
    """Knows that some words of two languages mean the same; all other texts lie anywhere."""

    SAME = ({"水筒", "bottle", "すいとう"}, {"欠席", "absent", "休む"}, {"火事", "fire", "避難"})

    def embed_query(self, text: str) -> list[float]:
        told = [float(any(word in text for word in concept)) for concept in self.SAME]
        noise = np.random.default_rng(crc32(text.encode())).standard_normal(5) * 0.05
        return [*told, *noise.tolist()]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


class Broken(Embeddings):
    def embed_query(self, text: str) -> list[float]:
        raise ConnectionError(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise ConnectionError(texts[0])


def note(name: str, *texts: str, **changes: Any) -> NewDocument:
    """A document of a few passages."""
    made = NewDocument(
        source=f"file:/notes/{name}.md",
        title=name,
        file_name=f"{name}.md",
        media_type="text/markdown",
        audience=DocumentAudience.EVERYONE,
        org_id=None,
        content="\n".join(texts).encode(),
        pieces=tuple(Piece(section="きまり", page=number, text=text) for number, text in enumerate(texts, start=1)),
    )
    return replace(made, **changes)


BOTTLE = note("東小のきまり", "水筒は一年中もってきてよいです。", "なふだは学校に置いて帰ります。")
ABSENCE = note("西小のきまり", "欠席のときは、朝八時までに知らせてください。")
FIRE = note("避難訓練の手引き", "火事のときは、口をハンカチでおおって、ひくいしせいで出ます。")

Build = Callable[..., Library]


@pytest.fixture
def build(database: Database, tmp_path: Path) -> Build:
    """Libraries over the same store, each as another process has it."""

    def built(embeddings: Embeddings | None = None, name: str = MODEL, chroma_url: str = "") -> Library:
        named = name if embeddings else ""
        return Library(database, tmp_path, embeddings=embeddings, embeddings_name=named, chroma_url=chroma_url)

    return built


@pytest.fixture(scope="module")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Chroma server on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [Path(sys.executable).with_name("chroma"), "run", "--host", "127.0.0.1", "--port", str(port)],
        cwd=tmp_path_factory.mktemp("chroma"),
        stdout=subprocess.DEVNULL,
    )
    try:
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up and server.poll() is None:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(params=["words", "words and vectors"])
def library(request: pytest.FixtureRequest, build: Build, database: Database) -> Library:
    """Its vectors are in a folder beside SQLite, and on a server beside PostgreSQL."""
    if request.param == "words":
        return build()
    return build(Concepts(), chroma_url="" if database.is_sqlite else request.getfixturevalue("chroma_url"))


async def found(library: Library, text: str, reader: Reader = OPERATOR) -> list[str]:
    """The documents that are found, best first."""
    return [hit.passage.document for hit in await library.search(text, reader)]


async def test_what_was_put_in_is_found_opened_and_listed(library: Library) -> None:
    assert await library.put(BOTTLE, NOW) == ("東小のきまり", Outcome.ADDED)
    await library.put(ABSENCE, NOW)
    [best, *_] = await library.search("水筒をもってきてもいい？", OPERATOR)
    assert (best.passage.document, best.passage.position, best.passage.page) == ("東小のきまり", 0, 1)
    assert (best.passage.title, best.passage.section) == ("東小のきまり", "きまり")
    assert best.passage.text == "水筒は一年中もってきてよいです。"
    assert 0 < best.coverage <= 1
    assert [each.id for each in await library.listed(OPERATOR)] == ["東小のきまり", "西小のきまり"]
    assert [each.position for each in await library.passages("東小のきまり", OPERATOR)] == [0, 1]
    opened = await library.file("東小のきまり", OPERATOR)
    assert opened is not None
    assert (opened[0].passages, opened[1]) == (2, BOTTLE.content)


async def test_a_school_named_in_the_title_decides_between_equal_passages(library: Library) -> None:
    for school in ("東小", "西小", "南小"):
        await library.put(note(f"{school}のきまり", "水筒の中みは、水かお茶にします。"), NOW)
    assert (await found(library, "西小では水筒に何を入れますか"))[0] == "西小のきまり"


async def test_a_question_in_kana_finds_what_is_written_in_kanji(library: Library) -> None:
    await library.put_all([BOTTLE, ABSENCE, FIRE], NOW)
    assert (await found(library, "けっせきのときは どうしますか"))[0] == "西小のきまり"


async def test_a_text_without_words_finds_nothing(library: Library) -> None:
    await library.put(BOTTLE, NOW)
    assert await library.search(" ？！… ", OPERATOR) == []


async def test_changed_content_takes_the_place_of_the_old(library: Library) -> None:
    await library.put_all([BOTTLE, ABSENCE], NOW)
    changed = note("東小のきまり", "上ばきは金曜日にあらいます。")
    assert await library.put(changed, NOW) == ("東小のきまり", Outcome.CHANGED)
    assert [each.text for each in await library.passages("東小のきまり", OPERATOR)] == ["上ばきは金曜日にあらいます。"]
    assert (await found(library, "上ばきはいつあらう"))[0] == "東小のきまり"
    assert all("水筒" not in hit.passage.text for hit in await library.search("水筒", OPERATOR))


async def test_unchanged_content_changes_nothing_but_who_may_find_it(library: Library, database: Database) -> None:
    await library.put(BOTTLE, NOW)
    async with database.read() as connection:
        revision = await store.revision(connection)
    assert await library.put(BOTTLE, NOW) == ("東小のきまり", Outcome.UNCHANGED)
    async with database.read() as connection:
        assert await store.revision(connection) == revision
    before = await library.find(BOTTLE.source)
    for_staff = replace(BOTTLE, audience=DocumentAudience.STAFF, pieces=())
    assert await library.put(for_staff, NOW) == ("東小のきまり", Outcome.UNCHANGED)
    child = Reader(orgs=frozenset(), is_staff=False, on=TODAY)
    assert await found(library, "水筒", child) == []
    after = await library.find(BOTTLE.source)
    assert before and after and after.version == before.version
    assert after.audience is DocumentAudience.STAFF


async def test_files_of_the_same_name_get_ids_of_their_own(library: Library) -> None:
    twins = [replace(BOTTLE, source=f"file:/{folder}/東小のきまり.md") for folder in "abc"]
    assert [each for each, _ in await library.put_all(twins, NOW)] == [
        "東小のきまり",
        "東小のきまり-2",
        "東小のきまり-3",
    ]


async def test_two_that_put_the_same_in_at_once_leave_one(library: Library) -> None:
    outcomes = await asyncio.gather(*(library.put(BOTTLE, NOW) for _ in range(4)))
    assert {each for each, _ in outcomes} == {"東小のきまり"}
    assert len(await library.listed(OPERATOR)) == 1
    assert len(await library.passages("東小のきまり", OPERATOR)) == 2


async def test_every_way_in_keeps_to_what_the_reader_may_find(library: Library) -> None:
    kinds = product((None, "east", "west"), DocumentAudience, (None, TODAY, date(2026, 11, 19)))
    documents = [
        note(f"{number}", "水筒のきまり", org_id=org, audience=audience, valid_until=until)
        for number, (org, audience, until) in enumerate(kinds)
    ]
    ids = [each for each, _ in await library.put_all(documents, NOW)]
    readers = [
        Reader(orgs=None if orgs is None else frozenset(orgs), is_staff=is_staff, on=TODAY)
        for orgs, is_staff in product((None, (), ("east",), ("east", "west")), (True, False))
    ]
    both = frozenset({"east", "west"})  # staff of one school who are parents at the other
    readers.append(Reader(orgs=both, is_staff=True, staff_orgs=frozenset({"east"}), on=TODAY))
    for reader in readers:
        expected = {
            each
            for each, new in zip(ids, documents, strict=True)
            if (new.org_id is None or reader.orgs is None or new.org_id in reader.orgs)
            and (new.audience is DocumentAudience.EVERYONE or reader.is_staff)
            and (new.audience is DocumentAudience.EVERYONE or reader.staff_orgs is None or new.org_id in {None, "east"})
            and (new.valid_until is None or new.valid_until >= TODAY)
        }
        for text in ("水筒のきまり", "bottle"):  # by words, and by vectors where there are any
            hits = {hit.passage.document for hit in await library.search(text, reader, 50)}
            assert hits <= expected
        assert {hit.passage.document for hit in await library.search("水筒", reader, 50)} == expected
        assert {each.id for each in await library.listed(reader)} == expected
        assert {each for each in ids if await library.passages(each, reader)} == expected
        assert {each for each in ids if await library.file(each, reader)} == expected


async def test_another_process_finds_what_was_changed_and_not_what_was_removed(build: Build) -> None:
    here, there = build(), build()
    await here.put_all([BOTTLE, ABSENCE, FIRE], NOW)
    assert (await found(there, "水筒"))[0] == "東小のきまり"
    await here.put(note("東小のきまり", "なわとびカードを出します。"), NOW)
    await here.remove("西小のきまり")
    assert (await found(there, "なわとびカード"))[0] == "東小のきまり"
    assert "西小のきまり" not in await found(there, "欠席 知らせる きまり 火事")
    assert (await found(there, "火事"))[0] == "避難訓練の手引き"


async def test_many_searches_while_documents_change(library: Library) -> None:
    await library.put_all([BOTTLE, ABSENCE, FIRE], NOW)

    async def change() -> None:
        for number in range(5):
            await library.put(note("西小のきまり", f"欠席は{number}時までに知らせます。"), NOW)

    searches = [found(library, "火事のときは") for _ in range(20)]
    results, _ = await asyncio.gather(asyncio.gather(*searches), change())
    assert {each[0] for each in results} == {"避難訓練の手引き"}


async def test_searches_while_documents_come_and_go_find_nothing_that_was_removed(library: Library) -> None:
    await library.put_all([BOTTLE, ABSENCE], NOW)
    removed: set[str] = set()

    async def change(number: int) -> None:
        name = f"手引き{number}"
        await library.put(note(name, f"火事のときは、{number}番の出口から出ます。"), NOW)
        if number % 2:
            await library.remove(name)
            removed.add(name)

    async def ask(number: int) -> None:
        gone = {*removed}
        texts = ("火事のときは", "What to do in a fire?", f"{number}番の出口")
        hits = await found(library, texts[number % len(texts)])
        assert not gone & {*hits}

    async def ask_again_and_again() -> None:
        for number in range(50):
            await ask(number)
            await asyncio.sleep(0)

    async def change_all() -> None:
        for number in range(10):
            await change(number)

    await asyncio.gather(ask_again_and_again(), change_all(), *(ask(number) for number in range(50)))
    assert removed == {f"手引き{number}" for number in (1, 3, 5, 7, 9)}
    assert {*await found(library, "火事のときは出口から")} == {f"手引き{number}" for number in (0, 2, 4, 6, 8)}


async def test_terms_of_an_earlier_version_are_made_again_and_stored(build: Build, database: Database) -> None:
    await build().put_all([BOTTLE, ABSENCE], NOW)
    statement = select(DocumentPassage.document_id, DocumentPassage.position, DocumentPassage.terms)
    async with database.read() as connection:
        made = {tuple(row) for row in await connection.execute(statement)}
    async with database.write() as connection:
        await connection.execute(update(DocumentPassage).values(terms=b"\x00"))
    assert (await found(build(), "水筒"))[0] == "東小のきまり"
    async with database.read() as connection:
        assert {tuple(row) for row in await connection.execute(statement)} == made


async def test_taking_out_what_is_not_there_says_so(library: Library) -> None:
    assert await library.remove("nothing") is False


async def test_nothing_of_a_removed_document_is_left(library: Library, database: Database, tmp_path: Path) -> None:
    secret = note("ひみつ", "合言葉は、むらさきいろのきりんです。" * 40, "二つめの、みずいろのぞうです。")
    await library.put(secret, NOW)
    await library.put(replace(secret, content=b"new", pieces=secret.pieces[:1]), NOW)
    await library.put(ABSENCE, NOW)
    texts = [piece.text.encode()[:60] for piece in secret.pieces]
    vector = np.array(Concepts().embed_query(f"ひみつ\nきまり\n{secret.pieces[0].text}"), np.float32)
    traces = [*texts, vector.tobytes(), (vector / np.linalg.norm(vector)).tobytes()[:24]]
    has_vectors = (tmp_path / "chroma").exists()
    assert bool(holding(tmp_path / "chroma", traces[0])) == has_vectors  # or else nothing would be proven
    assert not database.is_sqlite or holding(tmp_path, traces[0])
    assert await library.remove("ひみつ")
    assert not {path.name: trace for trace in traces for path in holding(tmp_path, trace)}
    async with database.read() as connection:
        for table in (Document, DocumentPassage, DocumentFile):
            assert await connection.scalar(select(func.count()).select_from(table)) == 1
    assert "ひみつ" not in await found(library, "むらさきいろのきりん")
    assert (await found(library, "欠席のとき"))[0] == "西小のきまり"


async def test_chroma_leaves_no_index_file_that_it_has_not_filled_yet(build: Build, tmp_path: Path) -> None:
    """It writes them as long as they may become, with what happens to be in the memory of the process."""
    library = build(Concepts())
    await library.put_all([BOTTLE, ABSENCE], NOW)
    await library.remove("東小のきまり")
    assert (await found(library, "absent"))[0] == "西小のきまり"
    assert [path.name for path in (tmp_path / "chroma").rglob("*")] == ["chroma.sqlite3"]


async def test_a_replaced_text_is_left_in_no_file(library: Library, tmp_path: Path) -> None:
    await library.put_all([note("ひみつ", "合言葉は、むらさきいろのきりんです。"), ABSENCE], NOW)
    await library.put(note("ひみつ", "合言葉はありません。"), NOW)
    assert not holding(tmp_path, "むらさきいろのきりん".encode())


async def test_a_text_that_a_long_read_keeps_in_the_log_is_told_and_goes_with_the_next_change(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.db.BUSY_TIMEOUT", 0.05)
    here, there = Database(sqlite_url), Database(sqlite_url)  # as another process
    library, trace = Library(here, tmp_path), BOTTLE.pieces[0].text.encode()
    await library.put_all([BOTTLE, ABSENCE], NOW)
    async with there.read() as reading:
        await reading.execute(select(Document.id))
        with capture_logs() as logs:
            assert await library.remove("東小のきまり")
        assert [(each["event"], each["log_level"]) for each in logs] == [("document_text_left_in_log", "error")]
        assert await found(library, "水筒") == []
        assert holding(tmp_path, trace)
    await library.put(note("西小のきまり", "欠席は電話で知らせます。"), NOW)
    assert not holding(tmp_path, trace)
    await here.close()
    await there.close()


def holding(folder: Path, trace: bytes) -> list[Path]:
    """The files under a folder that hold some bytes."""
    return [path for path in folder.rglob("*") if path.is_file() and trace in path.read_bytes()]


async def test_vectors_find_what_shares_no_word_with_the_question(build: Build) -> None:
    for library in (build(Concepts()), build(Concepts())):
        await library.put_all([BOTTLE, ABSENCE, FIRE], NOW)
        assert (await found(library, "May we bring a bottle?"))[0] == "東小のきまり"
        assert (await found(library, "Who is told when somebody is absent?"))[0] == "西小のきまり"
    assert await found(build(), "May we bring a bottle?") == []


async def test_vectors_on_a_server_find_what_shares_no_word(build: Build, chroma_url: str, tmp_path: Path) -> None:
    here, there = (build(Concepts(), chroma_url=chroma_url) for _ in range(2))
    await here.put_all([BOTTLE, ABSENCE], NOW)
    assert (await found(there, "bottle"))[0] == "東小のきまり"
    await here.remove("東小のきまり")
    assert "東小のきまり" not in await found(there, "bottle")
    client = vectors._server(chroma_url)
    kept = [each for collection in client.list_collections() for each in collection.get()["documents"]]
    vectors._close(client, tmp_path)
    assert kept == [ABSENCE.pieces[0].text]
    assert not (tmp_path / "chroma").exists()


async def test_a_chroma_server_that_does_not_answer_leaves_the_words_and_one_line_in_the_log(build: Build) -> None:
    library = build(Concepts(), chroma_url="http://127.0.0.1:9")  # nobody is there
    with capture_logs() as logs:
        assert await library.put(BOTTLE, NOW) == ("東小のきまり", Outcome.ADDED)
    assert [each["event"] for each in logs] == ["document_vectors_failed"]
    with capture_logs() as logs:
        assert (await found(library, "水筒"))[0] == "東小のきまり"
        assert await found(library, "bottle") == []
    assert [each["event"] for each in logs] == []  # none of its documents has vectors
    with capture_logs() as logs:
        assert await library.remove("東小のきまり")
    assert [(each["event"], each["log_level"]) for each in logs] == [("document_vectors_left", "error")]
    assert await found(library, "水筒") == []


async def test_a_chroma_server_that_ends_leaves_the_words(build: Build, chroma_url: str) -> None:
    await build(Concepts(), chroma_url=chroma_url).put_all([BOTTLE, ABSENCE], NOW)
    alone = build(Concepts(), chroma_url="http://127.0.0.1:9")
    with capture_logs() as logs:
        assert await found(alone, "bottle") == []
    assert [each["event"] for each in logs] == ["question_vectors_failed"]
    assert (await found(alone, "水筒"))[0] == "東小のきまり"


async def test_one_process_sees_the_vectors_of_another(build: Build) -> None:
    here, there = build(Concepts()), build(Concepts())
    await here.put(BOTTLE, NOW)
    assert (await found(there, "bottle"))[0] == "東小のきまり"
    await there.put(FIRE, NOW)
    assert (await found(here, "fire"))[0] == "避難訓練の手引き"
    await here.remove("東小のきまり")
    assert "東小のきまり" not in await found(there, "bottle")


async def test_a_model_that_fails_leaves_the_words(build: Build) -> None:
    good, broken = build(Concepts()), build(Broken())
    await good.put(BOTTLE, NOW)
    await broken.put(ABSENCE, NOW)
    stored = await broken.find(ABSENCE.source)
    assert stored is not None
    assert stored.embeddings == ""
    assert (await found(broken, "水筒"))[0] == "東小のきまり"
    assert await found(broken, "bottle") == []
    assert await good.put(ABSENCE, NOW) == ("西小のきまり", Outcome.UNCHANGED)  # and now it has its vectors
    assert (await found(good, "absent"))[0] == "西小のきまり"


async def test_a_model_that_is_slow_leaves_the_words(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "PATIENCE", 0.01)

    class Slow(Concepts):
        async def aembed_query(self, text: str) -> list[float]:
            await asyncio.Event().wait()
            raise AssertionError(text)

    library = build(Slow())
    await library.put(BOTTLE, NOW)
    assert await found(library, "bottle") == []


async def test_vectors_of_another_model_are_not_used_and_made_anew(build: Build) -> None:
    await build(Concepts()).put(BOTTLE, NOW)

    class Longer(Concepts):
        def embed_query(self, text: str) -> list[float]:
            return [*super().embed_query(text), 0.0, 0.0]

    other = build(Longer(), "ollama:another")
    assert await found(other, "bottle") == []
    assert await other.put(replace(BOTTLE, pieces=()), NOW) == ("東小のきまり", Outcome.UNCHANGED)
    assert (await found(other, "bottle"))[0] == "東小のきまり"
    assert len(await other.passages("東小のきまり", OPERATOR)) == 2


@pytest.mark.parametrize("where", ["add", "_collection"])
async def test_chroma_failing_leaves_the_document_found_by_its_words(
    build: Build, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    library = build(Concepts())

    def fail(*_: Any) -> None:
        raise RuntimeError("no space")

    monkeypatch.setattr(vectors.Session, where, fail)
    assert await library.put(BOTTLE, NOW) == ("東小のきまり", Outcome.ADDED)
    assert (await found(library, "水筒"))[0] == "東小のきまり"


async def test_a_failure_before_the_commit_leaves_the_old_version_whole(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    await library.put_all([BOTTLE, ABSENCE], NOW)
    written = store.write

    async def fail_at_the_end(*arguments: Any) -> None:
        await written(*arguments)
        raise RuntimeError("power cut")

    monkeypatch.setattr(store, "write", fail_at_the_end)
    with pytest.raises(RuntimeError, match="power cut"):
        await library.put(note("東小のきまり", "新しいきまりです。"), NOW)
    [best, *_] = await library.search("水筒", OPERATOR)
    assert best.passage.text == BOTTLE.pieces[0].text
    assert len(await library.passages("東小のきまり", OPERATOR)) == 2
    opened = await library.file("東小のきまり", OPERATOR)
    assert opened is not None
    assert opened[1] == BOTTLE.content


OTHER = """
import asyncio, sys
from pathlib import Path
from knowledge.db import Database
from tests.contracts.test_library import FIRE, MODEL, NOW, Concepts, Library

async def main():
    library = Library(Database(sys.argv[1]), Path(sys.argv[2]), embeddings=Concepts(), embeddings_name=MODEL)
    for line in sys.stdin:
        done = await library.put(FIRE, NOW) if line == "put\\n" else await library.remove("避難訓練の手引き")
        print(bool(done), flush=True)

asyncio.run(main())
"""


async def test_what_another_process_puts_in_and_takes_out_is_found_and_gone_at_once(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    library = Library(database, tmp_path, embeddings=Concepts(), embeddings_name=MODEL)
    await library.put_all([BOTTLE, ABSENCE], NOW)
    assert (await found(library, "bottle"))[0] == "東小のきまり"
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER, sqlite_url, str(tmp_path),
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert other.stdin
    assert other.stdout
    for order, is_there in (("put", True), ("remove", False), ("put", True)):
        other.stdin.write(f"{order}\n".encode())
        assert await other.stdout.readline() == b"True\n"
        for text in ("fire", "火事のとき"):
            assert ("避難訓練の手引き" in await found(library, text)) == is_there
        assert bool(holding(tmp_path, "口をハンカチで".encode())) == is_there
    assert await library.remove("避難訓練の手引き")
    assert not holding(tmp_path, "口をハンカチで".encode())
    other.stdin.close()
    assert await other.wait() == 0
    await database.close()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from knowledge.db import Database
from knowledge.documents import store
from tests.contracts.test_library import BOTTLE, MODEL, NOW, Concepts, Library, note

async def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = Database(sys.argv[1])
    store.write_metadata = die  # within the transaction, after the vectors were written
    await Library(database, Path(sys.argv[2]), embeddings=Concepts(), embeddings_name=MODEL).put(
        note("東小のきまり", "ころされたときの きまりです。"), NOW)

asyncio.run(main())
"""


async def test_a_process_killed_while_it_writes_leaves_the_old_version_whole(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    library = Library(database, tmp_path, embeddings=Concepts(), embeddings_name=MODEL)
    await library.put_all([BOTTLE, ABSENCE], NOW)
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED, sqlite_url, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    again = Library(database, tmp_path, embeddings=Concepts(), embeddings_name=MODEL)
    assert (await again.search("水筒", OPERATOR))[0].passage.text == BOTTLE.pieces[0].text
    assert (await found(again, "bottle"))[0] == "東小のきまり"
    assert holding(tmp_path / "chroma", "ころされた".encode())
    await again.put(FIRE, NOW)  # takes out what the dead process left
    assert not holding(tmp_path / "chroma", "ころされた".encode())
    assert (await found(again, "bottle"))[0] == "東小のきまり"
    await database.close()
