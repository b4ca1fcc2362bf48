"""Each misconfiguration is planted into a healthy installation: the doctor finds it, and it alone, and says what to do.

To add one: a function that plants it, and a row in the table."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import delete, insert, text, update
from sqlalchemy.engine import make_url
from starlette.applications import Starlette

from assistant.cli.doctor import run_doctor
from assistant.doctor import examine, platforms, store
from assistant.doctor.finding import Finding, Patient, Reply
from assistant.doctor.machine import Machine
from assistant.inbox import InboxEvent
from assistant.installation import change_key, key_fits
from assistant.planning import LEASE
from assistant.settings import Settings
from assistant.web.proof import proof_routes
from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.alerts import Alert
from knowledge.records.audit import Act, AuditEntry, Entry, Kind, record
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from knowledge.records.documents import Document
from knowledge.records.roster import Course, Enrollment, Org, SchoolClass, User
from scheduler.engines.pgqueuer_ports import TABLE
from scheduler.leadership import Lease
from scheduler.outbox import Outbox
from scheduler.retention import LEASE as CLEARING
from scheduler.tellings import Escalation
from tests.platforms.line import LineStandIn
from tests.platforms.openai import OpenAIStandIn, openai_stand_in
from tests.platforms.slack import SlackStandIn
from tests.platforms.slack.workspace import SCOPES
from tests.running import served

ADDRESS = "https://ayumi.example.jp"
KEY = "k" * 64
NOBODY = "http://127.0.0.1:9"
SECRETS = {
    "secret_key": KEY,
    "line_channel_secret": "marker-line-secret",
    "line_channel_access_token": "marker-line-token",
    "slack_signing_secret": "marker-slack-secret",
    "slack_bot_token": "xoxb-marker-slack-token",
}
WORTH_KNOWING = {"AYUMI_LLM", "documents", "school accounts"}  # of a healthy installation


on_their_loop = pytest.mark.asyncio(loop_scope="module")  # that of the stand-ins


class HealthyMachine(Machine):
    """A machine with room, of which nothing odd is to be said."""

    free, kind, pids, offset = 50_000_000_000, "ext4", [1234], timedelta(0)
    names = frozenset[str]()

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def file_system(self, path: Path) -> str:
        return self.kind

    def holders(self, file: Path) -> list[int]:
        return self.pids

    def variables(self) -> frozenset[str]:
        return self.names

    def utc_offset(self) -> timedelta:
        return self.offset


@dataclass(kw_only=True)
class World:
    """A healthy installation, until something is planted."""

    settings: dict[str, Any]
    database: Database
    line: LineStandIn
    slack: SlackStandIn
    model: OpenAIStandIn
    monkeypatch: pytest.MonkeyPatch
    stack: AsyncExitStack
    machine: HealthyMachine = field(default_factory=HealthyMachine)
    ahead: timedelta = timedelta(0)  # of the machine's clock

    @property
    def folder(self) -> Path:
        return self.settings["data_dir"]

    async def run(self, *statements: Any) -> None:
        async with self.database.write() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def examined(self) -> list[Finding]:
        settings = Settings(_env_file=None, **self.settings)  # pyright: ignore[reportCallIssue] -- pydantic's own
        patient = Patient(settings=settings, machine=self.machine, now=lambda: datetime.now(UTC) + self.ahead)
        return [finding async for finding in examine(settings, patient)]


async def fill(database: Database) -> None:
    """People, school days, an answer of today, and a scheduler at work."""
    now = datetime.now(UTC)
    today = now.date()
    user: dict[str, Any] = {"enabled": True, "given_name": "Hana", "family_name": "Sato", "agent_sourced_ids": []}
    enrolled = {"class_sourced_id": "c", "school_sourced_id": "o", "is_primary": True}
    grades = (("s", "P4"), ("t", None))
    days = [today + timedelta(days=n) for n in range(60)]
    async with database.write() as connection:
        for statement in (
            insert(Org).values(sourced_id="o", name="南", type="school"),
            insert(Course).values(sourced_id="k", title="4年", org_sourced_id="o", grades=["P4"], subjects=[]),
            insert(SchoolClass).values(
                sourced_id="c", title="4年1組", grades=["P4"], course_sourced_id="k", class_type="homeroom",
                school_sourced_id="o", term_sourced_ids=[], subjects=[], subject_codes=[],
            ),
            insert(User).values([{"sourced_id": each, "grade": grade, **user} for each, grade in grades]),
            insert(Enrollment).values(
                [
                    {"sourced_id": "es", "user_sourced_id": "s", "role": "student", **enrolled},
                    {"sourced_id": "et", "user_sourced_id": "t", "role": "teacher", **enrolled},
                ]
            ),
            insert(Account).values(id="line:U1", channel="line", person_id="s", last_seen_at=now, reachable=True),
            insert(CalendarDay).values(
                [{"school_id": "o", "date": day, "kind": "school_day", "grades": [], "grades_key": ""} for day in days]
            ),
            insert(CheckIn).values(
                student_id="s", date=today, phase="anticipation", status="answered", started_at=now, answered_at=now,
                updated_at=now, visibility="teacher", extra={},
            ),
            insert(Lease).values(name=LEASE, holder="h", until=now + timedelta(minutes=1), acted_at=now),
            insert(Lease).values(name=CLEARING, holder="", until=now, acted_at=now),
        ):  # fmt: skip
            await connection.execute(statement)


@dataclass(frozen=True, kw_only=True)
class Platforms:
    """What the installation talks with, and itself as the world reaches it."""

    line: LineStandIn
    slack: SlackStandIn
    model: OpenAIStandIn
    public: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platforms_there() -> AsyncIterator[Platforms]:
    """One of each for all tests, healthy: what is planted in them is taken out again."""
    tokens = SECRETS["line_channel_access_token"], SECRETS["slack_bot_token"]
    async with (
        LineStandIn(access_token=tokens[0]) as line,
        SlackStandIn(bot_token=tokens[1]) as slack,
        openai_stand_in() as model,
        served(Starlette(routes=proof_routes(KEY.encode()))) as public,
    ):
        line.webhook_endpoint = f"{ADDRESS}/line/webhook"
        model.say(ready=True)
        yield Platforms(line=line, slack=slack, model=model, public=public)


@asynccontextmanager
async def healthy(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, there: Platforms) -> AsyncGenerator[World]:
    folder.mkdir(exist_ok=True)
    (folder / "last_backup").touch()
    database = Database(url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        ask = platforms.ask

        async def ask_with_our_certificate(url: str, *arguments: Any, **more: Any) -> Reply | str:
            return await ask(url.replace(ADDRESS, there.public), *arguments, **more)

        monkeypatch.setattr(platforms, "ask", ask_with_our_certificate)
        settings = {
            "data_dir": folder, "database_url": url, "base_url": ADDRESS, "llm": "openai:stand-in",
            "llm_base_url": there.model.url, "embeddings": "openai:stand-in", "embeddings_base_url": there.model.url,
            "line_api_base_url": there.line.base_url,
            "slack_api_base_url": there.slack.base_url, **SECRETS,
        }  # fmt: skip
        yield World(
            settings=settings, database=database, line=there.line, slack=there.slack, model=there.model,
            monkeypatch=monkeypatch, stack=stack,
        )  # fmt: skip


@pytest.fixture(scope="module")
def filled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with a healthy school."""
    file = tmp_path_factory.mktemp("filled") / "ayumi.db"
    shutil.copy(sqlite_template, file)

    async def fill_it() -> None:
        database = Database(f"sqlite:///{file}")
        await fill(database)
        await database.empty_log()
        await database.close()

    asyncio.run(fill_it())
    return file


@pytest_asyncio.fixture(loop_scope="module")
async def on_sqlite(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platforms_there: Platforms
) -> AsyncIterator[World]:
    shutil.copy(filled, tmp_path / "ayumi.db")
    async with healthy(f"sqlite:///{tmp_path / 'ayumi.db'}", tmp_path / "data", monkeypatch, platforms_there) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def on_postgres(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platforms_there: Platforms
) -> AsyncIterator[World]:
    async with healthy(database_url, tmp_path / "data", monkeypatch, platforms_there) as world:
        await fill(world.database)
        yield world


def wrong(findings: list[Finding]) -> dict[str, str]:
    """What is bad, and what is worth knowing of what should be of no account."""
    return {each.about: each.says for each in findings if each.ok is False or each.ok is None}


def setting(**values: Any) -> Callable[[World], Awaitable[None]]:
    async def plant(world: World) -> None:
        world.settings |= values

    return plant


def machine(**values: Any) -> Callable[[World], Awaitable[None]]:
    async def plant(world: World) -> None:
        for name, value in values.items():
            setattr(world.machine, name, value)

    return plant


def platform(name: str, **values: Any) -> Callable[[World], Awaitable[None]]:
    """Another answer of a stand-in, for one test."""

    async def plant(world: World) -> None:
        for key, value in values.items():
            world.monkeypatch.setattr(getattr(world, name), key, value)

    return plant


def stored(*statements: Callable[[], Any]) -> Callable[[World], Awaitable[None]]:
    async def plant(world: World) -> None:
        await world.run(*(make() for make in statements))

    return plant


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


async def another_key(world: World) -> None:
    await change_key(world.database, b"that of another machine", datetime.now(UTC))


async def no_tables(world: World) -> None:
    world.settings["database_url"] = f"sqlite:///{world.folder / 'empty.db'}"


async def elsewhere(world: World) -> None:
    world.settings["base_url"] = world.line.base_url.replace("http://", "https://")
    address = await world.stack.enter_async_context(served(Starlette()))
    await goes_to(world, address)


async def another_installation(world: World) -> None:
    address = await world.stack.enter_async_context(served(Starlette(routes=proof_routes(b"of somebody else"))))
    await goes_to(world, address)


async def goes_to(world: World, address: str) -> None:
    """The public address leads somewhere else."""
    ask = platforms.ask
    world.settings["base_url"] = "https://elsewhere.example.jp"
    await platform("line", webhook_endpoint="https://elsewhere.example.jp/line/webhook")(world)

    async def ask_there(url: str, *arguments: Any, **more: Any) -> Reply | str:
        return await ask(url.replace("https://elsewhere.example.jp", address), *arguments, **more)

    world.monkeypatch.setattr(platforms, "ask", ask_there)


async def nobody_there(world: World) -> None:
    world.settings["base_url"] = "https://127.0.0.1:9"
    await platform("line", webhook_endpoint="https://127.0.0.1:9/line/webhook")(world)


async def plain_http(world: World) -> None:
    world.settings["base_url"] = await world.stack.enter_async_context(
        served(Starlette(routes=proof_routes(KEY.encode())))
    )
    await platform("line", webhook_endpoint=f"{world.settings['base_url']}/line/webhook")(world)


def file(name: str, content: str) -> Callable[[World], Awaitable[None]]:
    async def plant(world: World) -> None:
        (world.folder / name).parent.mkdir(exist_ok=True)
        (world.folder / name).write_text(content)

    return plant


async def audited_and_changed(world: World) -> None:
    entry = Entry(actor_id="t", act=Act.READ, kind=Kind.CHECKINS, subject_ids=("s",), channel="line", at=ago(days=1))
    await record(world.database, [entry])
    await world.run(update(AuditEntry).values(act="change"))


async def old_backup(world: World) -> None:
    made = ago(days=3).timestamp()
    os.utime(world.folder / "last_backup", times=(made, made))


async def never_backed_up(world: World) -> None:
    (world.folder / "last_backup").unlink()


async def slip(world: World) -> None:
    world.machine.names = frozenset({"AYUMI_DATABSE_URL", "AYUMI_WEB_PORT", "SLACK_TEAM"})


async def clock_ahead(world: World) -> None:
    world.ahead = timedelta(seconds=90)


def new_event() -> Any:
    return insert(InboxEvent).values(
        event_id="line:1", channel="line", account_id="line:U1", occurred_at=ago(hours=1), received_at=ago(hours=1),
        body={}, state="new", attempts=0,
    )  # fmt: skip


def send(state: str) -> Callable[[], Any]:
    return lambda: insert(Outbox).values(
        id="0", account_id="line:U1", channel="line", kind="messages", payload={}, state=state, attempts=1,
        due_at=ago(hours=1), created_at=ago(hours=1), done_at=ago(hours=1) if state == "failed" else None,
        problem="HTTP 400" if state == "failed" else None,
    )  # fmt: skip


def urgent_alert() -> Any:
    return insert(Alert).values(
        id="a", student_id="s", level="urgent", state="new", at=ago(hours=1), last_at=ago(hours=1)
    )


def waiting(**how: Any) -> Callable[[], Any]:
    return lambda: insert(Escalation).values(
        kind="alert", item_id="a", student_id="s", level="urgent", begun_at=ago(hours=2), step=1,
        next_at=ago(hours=-1), **how,
    )  # fmt: skip


def document_without_vectors() -> Any:
    return insert(Document).values(
        id="d", source="file:/x", kind="document", title="きまり", file_name="x.md", media_type="text/markdown",
        audience="everyone", sha256="0", version="1", embeddings="", passages=1, added_at=ago(days=1),
        updated_at=ago(days=1),
    )  # fmt: skip


def answers_ended() -> Any:
    return update(CheckIn).values(date=ago(days=50).date())


def open_days() -> Any:
    days = [ago(days=n).date() for n in range(1, 20)]
    return insert(CalendarDay).values(
        [{"school_id": "o", "date": day, "kind": "school_day", "grades": [], "grades_key": ""} for day in days]
    )


def calendar_ends() -> Any:
    return delete(CalendarDay).where(CalendarDay.date > ago(days=-7).date())


# What is planted, what it is found by, and words of what is to be done.
PLANTED: dict[str, tuple[Callable[[World], Awaitable[None]], str, str]] = {
    "a short secret key": (setting(secret_key="short"), "AYUMI_SECRET_KEY", "Use 32 or more: openssl rand"),
    "another machine's secret key": (another_key, "AYUMI_SECRET_KEY", "Set the same on every machine"),
    "a setting with a slip of the pen": (slip, "AYUMI_DATABSE_URL", "is no setting: is AYUMI_DATABASE_URL meant?"),
    "a data folder that takes no files": (setting(data_dir=Path("/proc/ayumi")), "AYUMI_DATA_DIR", "mount it writable"),
    "a disk that is nearly full": (machine(free=10_000_000), "disk", "10 MB left"),
    "tables that are behind": (no_tables, "database", "run 'ayumi migrate'"),
    "tables that are ahead": (
        stored(lambda: text("UPDATE alembic_version SET version_num = '9999'")),
        "database",
        "install here what the others have",
    ),
    "SQLite on a network share": (machine(kind="nfs4"), "SQLite", "to a disk of this machine, or use PostgreSQL"),
    "SQLite under two processes": (machine(pids=[11, 12]), "SQLite", "stop the others"),
    "a clock that is ahead": (clock_ahead, "clock", "90 seconds ahead of the database's: let both be set by NTP"),
    "a machine of an odd time zone": (machine(offset=timedelta(hours=-5)), "time zone", "Set the machine to UTC"),
    "no worker": (stored(new_event), "inbox", "is a worker running ('ayumi serve' or 'ayumi worker')?"),
    "sends that nobody sends": (stored(send("pending")), "outbox", "is a worker running, does the platform answer"),
    "held sends": (stored(send("held")), "outbox", "quota is used up or its token was revoked"),
    "failed sends": (stored(send("failed")), "sends", "given up (1 on line): grep not_sent in the workers' logs"),
    "no scheduler": (
        stored(lambda: update(Lease).where(Lease.name == LEASE).values(acted_at=ago(minutes=10))),
        "scheduler",
        "Is one running ('ayumi serve' or 'ayumi scheduler')?",
    ),
    "an urgent alert that nobody looks at": (stored(urgent_alert), "alerts", "call the school now. 'ayumi alerts'"),
    "an alert that nobody could be told of": (
        stored(waiting(rounds=0, told_at=None)),
        "who is told",
        "ayumi link-code",
    ),
    "an alert that everybody was told of in vain": (
        stored(waiting(rounds=1, told_at=ago(hours=1))),
        "who is told",
        "call the school",
    ),
    "an address without https": (plain_http, "AYUMI_BASE_URL", "Use an https address"),
    "an address that does not answer": (nobody_there, "public address", "check DNS, the certificate"),
    "an address of something else": (elsewhere, "public address", "let AYUMI_BASE_URL, DNS and the reverse proxy"),
    "an address of another installation": (another_installation, "public address", "AYUMI_SECRET_KEY: check both"),
    "half of LINE": (setting(line_channel_secret=""), "LINE", "set LINE_CHANNEL_SECRET and LINE_CHANNEL_ACCESS"),
    "a token that LINE refuses": (
        platform("line", access_token="another"),
        "LINE",
        "HTTP 401: check LINE_CHANNEL_ACCESS_TOKEN",
    ),
    "a quota that is used up": (platform("line", monthly_quota=200, quota_used=200), "LINE", "raise the plan"),
    "a webhook of LINE elsewhere": (
        platform("line", webhook_endpoint="https://old.example.jp/line/webhook"),
        "LINE webhook",
        f"set {ADDRESS}/line/webhook in the LINE Dev",
    ),
    "LINE without a public address": (setting(base_url=""), "LINE webhook", "AYUMI_BASE_URL is not set: set it"),
    "a webhook of LINE that is off": (
        platform("line", webhook_active=False),
        "LINE webhook",
        "switch on 'Use webhook'",
    ),
    "a webhook of LINE that was never set": (
        platform("line", webhook_endpoint=""),
        "LINE webhook",
        f"set {ADDRESS}/line/webhook",
    ),
    "half of Slack": (setting(slack_signing_secret=""), "Slack", "set SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN"),
    "a token that Slack refuses": (
        platform("slack", bot_token="another"),
        "Slack",
        "invalid_auth: check SLACK_BOT_TOKEN",
    ),
    "an app of Slack without a scope": (
        platform("slack", scopes=SCOPES - {"files:read"}),
        "Slack",
        "files:read missing): add them under OAuth",
    ),
    "a language model that is down": (setting(llm_base_url=NOBODY), "AYUMI_LLM", "check AYUMI_LLM_BASE_URL and that"),
    "a language model nobody knows": (platform("model", models={"another"}), "AYUMI_LLM", "check the model's name"),
    "an embedding model that is down": (
        setting(embeddings_base_url=NOBODY),
        "AYUMI_EMBEDDINGS",
        "check AYUMI_EMBEDDINGS_BASE_URL and the model's name",
    ),
    "vectors of another model": (stored(document_without_vectors), "documents", "adding the same files again makes"),
    "a Chroma that is down": (setting(chroma_url=NOBODY), "AYUMI_CHROMA_URL", "check that the Chroma server runs"),
    "nothing cleared for days": (
        stored(lambda: update(Lease).where(Lease.name == CLEARING).values(acted_at=ago(days=5))),
        "retention",
        "'ayumi retention' does it now",
    ),
    "nothing cleared ever": (
        stored(lambda: delete(Lease).where(Lease.name == CLEARING)),
        "retention",
        "does it now",
    ),
    "days that nothing can be kept for": (file("retention.yaml", "checkins: 5"), "retention", "mend the file"),
    "an entry of the audit that was changed": (
        audited_and_changed,
        "audit",
        "entry 1 was changed: keep the database as it is",
    ),
    "broken rules of schools": (file("schools.yaml", "default: [1"), "prompts", "mend the file"),
    "a broken check-in": (file("checkins/mine.yaml", "id: [1"), "check-ins", "mend or remove the file"),
    "a calendar that ends": (stored(calendar_ends), "calendar", "Import the coming weeks: 'ayumi import calendar"),
    "nobody at all": (
        stored(*(lambda table=table: delete(table) for table in (Account, CheckIn, Enrollment, User))),
        "roster",
        "run 'ayumi import oneroster FOLDER'",
    ),
    "classes without teachers": (
        stored(lambda: delete(Enrollment).where(Enrollment.role == "teacher")),
        "roster",
        "nobody is enrolled today as teacher: is it last year's? Import this year's",
    ),
    "nobody linked": (
        stored(lambda: update(Account).values(person_id=None)),
        "accounts",
        "hand out codes",
    ),
    "no answers for weeks": (stored(answers_ended, open_days), "latest check-in", "do prompts go out"),
    "a backup of days ago": (old_backup, "backup", "does the nightly 'ayumi backup --out FILE' still run?"),
    "no backup at all": (never_backed_up, "backup", "run 'ayumi backup --out FILE' every night"),
}
# What else cannot be well then.
ALSO = {
    "LINE without a public address": {"AYUMI_BASE_URL"},
    "nobody at all": {"latest check-in", "accounts"},
    "a short secret key": {"public address"},
}


@on_their_loop
async def test_a_healthy_installation_has_no_finding(on_sqlite: World) -> None:
    assert wrong(await on_sqlite.examined()).keys() <= WORTH_KNOWING


@on_their_loop
@pytest.mark.parametrize("planted", PLANTED)
async def test_what_is_planted_is_found_alone_with_what_to_do(on_sqlite: World, planted: str) -> None:
    plant, about, words = PLANTED[planted]
    await plant(on_sqlite)
    findings = await on_sqlite.examined()
    found = wrong(findings)
    assert words in found.get(about, "")
    assert found.keys() - WORTH_KNOWING - {about} - ALSO.get(planted, set()) == set()
    assert not [secret for secret in SECRETS.values() for each in findings if secret in each.says]


async def refuses_password(world: World) -> None:
    """A server that lets nobody in (PostgreSQL's protocol: StartupMessage, then ErrorResponse)."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"
        writer.write(b"E" + struct.pack("!I", len(fields) + 4) + fields)
        await writer.drain()
        writer.close()

    world.settings["database_url"] = await listening(world, refuse, "postgresql://u:marker-password@127.0.0.1/ayumi")


async def nobody_listens(world: World) -> None:
    world.settings["database_url"] = "postgresql://u:marker-password@127.0.0.1:9/ayumi"


async def no_rights(world: World) -> None:
    """A user that may log in and nothing else."""
    url = make_url(world.settings["database_url"])
    await world.run(text("DROP ROLE IF EXISTS ayumi_reader"), text("CREATE ROLE ayumi_reader LOGIN"))
    world.settings["database_url"] = url.set(username="ayumi_reader").render_as_string(hide_password=False)


async def notifications_get_lost(world: World) -> None:
    """What a proxy that pools transactions does to LISTEN: a NotificationResponse never comes through."""
    url = make_url(world.settings["database_url"])
    socket = url.query.get("host")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if socket:
            there, back = await asyncio.open_unix_connection(f"{socket}/.s.PGSQL.{url.port or 5432}")
        else:
            there, back = await asyncio.open_connection(url.host, url.port or 5432)

        async def forward() -> None:
            try:
                while data := await reader.read(65536):
                    back.write(data)
            finally:
                back.close()

        async def answer() -> None:
            with closing(writer):
                while True:
                    kind, size = await there.readexactly(1), await there.readexactly(4)
                    body = await there.readexactly(struct.unpack("!I", size)[0] - 4)
                    if kind != b"A":
                        writer.write(kind + size + body)

        await asyncio.gather(forward(), answer(), return_exceptions=True)

    address = f"postgresql://{url.username}:{url.password or ''}@127.0.0.1/{url.database}"
    world.settings["database_url"] = await listening(world, pass_on, address)
    world.monkeypatch.setattr(store, "HEARD_WITHIN", 0.3)


async def listening(world: World, serve: Any, address: str) -> str:
    """The address with the port on which ``serve`` is asked, until the world ends."""
    under_way: list[asyncio.Task[None]] = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.append(asyncio.create_task(serve(reader, writer)))

    async def end() -> None:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await server.wait_closed()

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    world.stack.push_async_callback(end)
    port = server.sockets[0].getsockname()[1]
    return make_url(address).set(port=port, query={"ssl": "disable"}).render_as_string(hide_password=False)


async def no_queue(world: World) -> None:
    await world.run(text(f"DROP TABLE {TABLE} CASCADE"))


async def nothing_migrated(world: World) -> None:
    await world.run(text("DELETE FROM alembic_version"))


async def too_old(world: World) -> None:
    world.monkeypatch.setattr(store, "OLDEST", 990_000)


async def too_few_connections(world: World) -> None:
    world.monkeypatch.setattr(store, "ONE_OF_EACH", 100)


PLANTED_ON_POSTGRES: dict[str, tuple[Callable[[World], Awaitable[None]], str, str]] = {
    "no secret key": (setting(secret_key=""), "AYUMI_SECRET_KEY", "Set the same long random text on all of them"),
    "a server that is down": (nobody_listens, "AYUMI_DATABASE_URL", "check the host and port in it"),
    "a wrong password": (refuses_password, "AYUMI_DATABASE_URL", "refuses the user or the password: check both"),
    "a user without rights": (no_rights, "database", "let the user of AYUMI_DATABASE_URL own the database"),
    "tables that are behind": (nothing_migrated, "database", "not up to date: run 'ayumi migrate'"),
    "no tables of the queue": (no_queue, "database", "queue engine are missing: run 'ayumi migrate'"),
    "a PostgreSQL that is too old": (too_old, "PostgreSQL", "is too old: move to 99 or newer"),
    "a proxy that pools transactions": (notifications_get_lost, "LISTEN", "or pool sessions (pool_mode = session)"),
    "too few connections": (too_few_connections, "max_connections", "raise max_connections of PostgreSQL to 21 times"),
}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@on_their_loop
@pytest.mark.parametrize("planted", ["nothing", *PLANTED_ON_POSTGRES])
async def test_what_is_planted_on_postgresql_is_found_alone(on_postgres: World, planted: str) -> None:
    if planted == "nothing":
        assert wrong(await on_postgres.examined()).keys() <= WORTH_KNOWING
        return
    plant, about, words = PLANTED_ON_POSTGRES[planted]
    await plant(on_postgres)
    findings = await on_postgres.examined()
    found = wrong(findings)
    assert words in found.get(about, "")
    also = {"public address"} if planted == "no secret key" else set[str]()
    assert found.keys() - WORTH_KNOWING - {about} - also == set()
    assert not [each for each in findings if "marker" in each.says]


def test_at_least_twenty_are_known() -> None:
    assert len(PLANTED) + len(PLANTED_ON_POSTGRES) >= 20


@on_their_loop
async def test_a_newer_schema_hides_nothing_else(on_sqlite: World) -> None:
    await on_sqlite.run(text("UPDATE alembic_version SET version_num = '9999'"), new_event())
    said = {each.about: each.ok for each in await on_sqlite.examined()}
    assert said["database"] is None  # this version works on it
    assert said["inbox"] is False


@on_their_loop
async def test_the_key_of_the_installation_can_be_changed_on_purpose(on_sqlite: World) -> None:
    now = datetime.now(UTC)
    assert await key_fits(on_sqlite.database, b"first", now)
    assert not await key_fits(on_sqlite.database, b"second", now)
    await change_key(on_sqlite.database, b"second", now)
    assert await key_fits(on_sqlite.database, b"second", now)
    assert not await key_fits(on_sqlite.database, b"first", now)


async def test_json_says_the_same_and_the_exit_status_tells(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=sqlite_url, secret_key=KEY)  # pyright: ignore[reportCallIssue] -- pydantic's own
    assert await run_doctor(settings, json=True) == 1
    told = orjson.loads(capsys.readouterr().out)
    assert {"ok": False, "about": "roster", "says": "empty: run 'ayumi import oneroster FOLDER'"} in told
    assert await run_doctor(settings) == 1
    assert "BAD   roster: empty" in capsys.readouterr().out
