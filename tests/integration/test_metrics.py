"""``/metrics``: every figure is documented, says what is so, and a database that is down breaks nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text
from starlette.applications import Starlette

from assistant.inbox import InboxEvent
from assistant.settings import Settings
from assistant.standing import DUE_SENDS, OPEN_SENDS, UNSEEN_ALERTS, WAITING, Standing, read_figures
from assistant.web.app import running_app
from assistant.web.health import Part, health_routes
from knowledge.db import Database
from knowledge.records.alerts import Alert
from knowledge.records.roster import User
from scheduler.leadership import Lease
from scheduler.metrics import kind_of
from scheduler.outbox import Outbox
from scheduler.tellings import Escalation
from tests.running import served
from tests.worlds import LineWorld, line_world

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NOBODY = "postgresql://u:marker-password@127.0.0.1:9/ayumi"
OPERATE = Path("docs/howto/operate.md")
PROMETHEUS = Path("deploy/prometheus")
OURS = re.compile(r"\bayumi_[a-z_]+")
FULL = "CREATE TRIGGER disk_full BEFORE INSERT ON leases BEGIN SELECT RAISE(FAIL, 'full'); END"
PERSONAL = ("line:", "U", "s-", "p-")
LABELS = {"channel", "status", "reason", "handled", "outcome", "result", "problem"} | {
    "state",
    "level",
    "pool",
    "part",
    "le",
    "version",
    "python",
}


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        yield world


async def shown(database: Database, now: datetime = NOW) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample: (name, labels) → value."""
    exposition = (await Standing(database, lambda: now).exposition()).decode()
    families = text_string_to_metric_families(exposition)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


async def names(database: Database) -> set[str]:
    """Every metric of ours, also one that has nothing to tell yet."""
    exposition = (await Standing(database, lambda: NOW, lambda: {"web": 0.0}).exposition()).decode()
    found = re.findall(r"^# TYPE (ayumi_\w+) ", exposition, re.M)
    return {name for name in found if not name.endswith("_created")}


async def store(database: Database, *statements: Any) -> None:
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(statement)


def event(n: int, *, minutes: int, state: str = "new") -> Any:
    at = NOW - timedelta(minutes=minutes)
    return insert(InboxEvent).values(
        event_id=f"line:{n}", channel="line", account_id="line:U1", occurred_at=at, received_at=at, body={},
        state=state, attempts=0,
    )  # fmt: skip


def send(n: int, state: str, due_at: datetime = NOW) -> Any:
    return insert(Outbox).values(
        id=str(n), account_id="line:U1", channel="line", kind="messages", payload={}, state=state, due_at=due_at,
        attempts=0, created_at=NOW,
    )  # fmt: skip


async def test_every_metric_is_documented_and_every_documented_one_exists(world: LineWorld) -> None:
    await world.say("hana", "めあて")
    await store(world.core.database, insert(Lease).values(name="planning", holder="h", until=NOW, acted_at=NOW))
    exist = await names(world.core.database)
    documented = set(OURS.findall(OPERATE.read_text(encoding="utf-8")))
    assert documented == exist


async def test_alert_rules_can_be_read_and_use_only_what_exists(world: LineWorld) -> None:
    await store(world.core.database, insert(Lease).values(name="planning", holder="h", until=NOW, acted_at=NOW))
    exist = await names(world.core.database)
    [group] = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    used = {re.sub(r"_bucket$", "", name) for rule in group["rules"] for name in OURS.findall(rule["expr"])}
    assert used <= exist
    explained = re.findall(r"^\| `(Ayumi\w+)` \((\w+)\)", OPERATE.read_text(encoding="utf-8"), re.M)
    assert explained == [(rule["alert"], rule["labels"]["severity"]) for rule in group["rules"]]
    assert all(rule["annotations"]["summary"] for rule in group["rules"])
    scrape = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text(encoding="utf-8"))
    assert scrape["rule_files"] == ["alerts.yaml"]
    assert [job["metrics_path"] for job in scrape["scrape_configs"]] == ["/metrics"]


async def test_labels_carry_nothing_of_a_person(world: LineWorld) -> None:
    await world.say("hana", "めあて")
    for (name, labels), _ in (await shown(world.core.database)).items():
        if name.startswith("ayumi_"):
            assert {key for key, _ in labels} <= LABELS
            assert not [value for _, value in labels if value.startswith(PERSONAL) or len(value) > 20]


async def test_what_waits_is_counted_and_its_age_told(database: Database) -> None:
    await store(
        database, event(1, minutes=3), event(2, minutes=1), event(3, minutes=60, state="done"),
        send(1, "pending", NOW - timedelta(minutes=2)), send(2, "pending", NOW + timedelta(hours=1)),
        send(3, "held"), send(4, "sent"), send(5, "sending"),
    )  # fmt: skip
    samples = await shown(database)
    assert samples["ayumi_queue_events", ()] == 2
    assert samples["ayumi_queue_age_seconds", ()] == 180
    assert samples["ayumi_outbox_due", (("channel", "line"),)] == 1
    assert samples["ayumi_outbox_age_seconds", (("channel", "line"),)] == 120
    assert samples["ayumi_outbox_due", (("channel", "slack"),)] == 0
    open_sends = {labels[0][1]: value for (name, labels), value in samples.items() if name == "ayumi_outbox_open"}
    assert open_sends == {"pending": 2, "sending": 1, "held": 1}
    assert samples["ayumi_database_up", ()] == 1


async def test_alerts_that_nobody_has_looked_at_are_counted_by_level(database: Database) -> None:
    user = insert(User).values(sourced_id="s", enabled=True, given_name="a", family_name="b", agent_sourced_ids=[])
    alert = {"student_id": "s", "at": NOW - timedelta(minutes=20), "last_at": NOW}
    levels = (("1", "urgent", "new"), ("2", "urgent", "seen"), ("3", "soon", "new"), ("4", "soon", "new"))
    rows = [{"id": number, "level": level, "state": state, **alert} for number, level, state in levels]
    await store(database, user, insert(Alert).values(rows))
    async with database.read() as connection:
        figures = await read_figures(connection, NOW)
    assert figures.alerts == {"urgent": 1, "soon": 2}
    assert figures.alert_age == {"urgent": 1200.0, "soon": 1200.0}  # whoever writes again does not get younger


async def test_what_reached_nobody_or_nobody_heard_is_counted_by_level(database: Database) -> None:
    row = {"kind": "alert", "student_id": "s", "begun_at": NOW, "next_at": NOW, "step": 1}
    rows = [
        {"item_id": "1", "level": "urgent", "told_at": None, "rounds": 0, **row},
        {"item_id": "2", "level": "urgent", "told_at": NOW, "rounds": 0, **row},
        {"item_id": "3", "level": "soon", "told_at": NOW, "rounds": 2, **row},
        {"item_id": "4", "level": "talk", "told_at": None, "rounds": 1, **row},
    ]
    await store(database, insert(Escalation).values(rows))
    async with database.read() as connection:
        figures = await read_figures(connection, NOW)
    assert figures.untold == {"urgent": 1, "soon": 0, "talk": 1}
    assert figures.unheard == {"urgent": 0, "soon": 1, "talk": 1}


async def test_the_lag_of_the_scheduler_goes_by_the_clock_of_the_database(database: Database) -> None:
    async with database.read() as connection:
        figures = await read_figures(connection, NOW)
        assert figures.acted_ago is None
    acted = datetime.now(UTC) - timedelta(minutes=5)
    await store(database, insert(Lease).values(name="planning", holder="h", until=acted, acted_at=acted))
    async with database.read() as connection:
        figures = await read_figures(connection, NOW)  # a clock that is days off
    assert figures.acted_ago == pytest.approx(300, abs=30)
    assert abs(figures.clock_ahead - (NOW - datetime.now(UTC)).total_seconds()) < 30


async def test_a_database_that_is_down_does_not_break_the_scrape() -> None:
    database = Database(NOBODY)
    samples = await shown(database)
    await database.close()
    assert samples["ayumi_database_up", ()] == 0
    assert ("ayumi_queue_events", ()) not in samples
    assert any(name == "ayumi_turns_total" or name == "ayumi_build_info" for name, _ in samples)


async def test_figures_are_read_once_in_five_seconds(database: Database) -> None:
    standing = Standing(database, lambda: NOW)
    await standing.exposition()
    await store(database, event(1, minutes=1))
    assert b"ayumi_queue_events 0.0" in await standing.exposition()


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (WAITING, ["ix_inbox_new", "ix_reminders_due"]),
        (DUE_SENDS, ["ix_outbox_channel|ix_outbox_open"]),  # where nothing is stored yet, one is as good as the other
        (OPEN_SENDS, ["ix_outbox_open"]),
        (UNSEEN_ALERTS, ["ix_alerts_new"]),
    ],
)
async def test_figures_are_read_from_the_indexes_of_what_is_open(
    database: Database, statement: Any, indexes: list[str]
) -> None:
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    expanded = statement.compile(database.engine.sync_engine).construct_expanded_state({"now": NOW})
    values = list(expanded.positional_parameters)
    if database.is_sqlite:  # whose driver takes no moments
        values = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    async with database.read() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SET enable_seqscan = off"))  # the tables are empty
        rows = await connection.exec_driver_sql(f"{explain} {expanded.statement}", tuple(values))
        plan = "\n".join(str(row) for row in rows)
    assert all(re.search(names, plan) for names in indexes), plan


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (None, "none"), ("HTTP 429", "rate_limit"), ("HTTP 400", "refused"), ("HTTP 503", "platform"),
        ("quota", "quota"), ("token", "token"), ("no answer in time", "timeout"), ("too late", "too_late"),
        ("ServerDisconnectedError", "network"), ("channel_not_found", "refused"), ("file: later", "file"),
        ("ZeroDivisionError", "other"), ("answered meanwhile", "not_wanted"),
    ],
)  # fmt: skip
def test_problems_are_counted_by_kind(problem: str | None, kind: str) -> None:
    assert kind_of(problem) == kind


async def asked(url: str, path: str, *parts: Part) -> tuple[int, str]:
    """Status and text of the answer."""
    database = Database(url)
    try:
        async with (
            served(Starlette(routes=health_routes(database, lambda: NOW, parts))) as address,
            aiohttp.ClientSession() as http,
            http.get(f"{address}{path}") as answer,
        ):
            return answer.status, await answer.text()
    finally:
        await database.close()


def part(still_for: float | None, doing: str = "moving") -> Part:
    return Part(name="turns", still_for=lambda: still_for, doing=lambda: doing)


async def test_figures_tell_what_a_process_does_and_for_how_long_it_has_not_moved(sqlite_url: str) -> None:
    _, says = await asked(sqlite_url, "/metrics", part(70.0))
    assert 'ayumi_part_still_seconds{part="turns"} 70.0' in says
    _, says = await asked(sqlite_url, "/metrics", part(None))  # no worker: an alarm misses it
    assert "ayumi_part_still_seconds{" not in says


@pytest.mark.parametrize(("worker", "scheduler"), [(False, False), (True, True)])
async def test_the_alarm_names_roles_as_processes_do(tmp_path: Path, worker: bool, scheduler: bool) -> None:
    [group] = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    [down] = [rule["expr"] for rule in group["rules"] if rule["alert"] == "AyumiDown"]
    missed = set(re.findall(r'absent\(ayumi_part_still_seconds\{part="(\w+)"\}\)', down))
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")  # pyright: ignore[reportCallIssue] -- pydantic's own
    async with (
        running_app(settings, worker=worker, scheduler=scheduler) as app,
        served(app) as address,
        aiohttp.ClientSession() as http,
        http.get(f"{address}/metrics") as answer,
    ):
        shown = set(re.findall(r'ayumi_part_still_seconds\{part="(\w+)"\}', await answer.text()))
    assert missed & shown == {"web"} | ({"turns"} if worker else set()) | ({"scheduler"} if scheduler else set())
    assert missed == {"web", "turns", "scheduler"}


async def test_the_first_turn_that_fails_is_seen_to_rise(sqlite_url: str) -> None:
    """Prometheus sees no increase in a series that begins with 1."""
    _, says = await asked(sqlite_url, "/metrics")
    assert 'ayumi_turns_total{channel="slack",outcome="failed"} 0.0' in says


async def test_ready_says_what_each_part_does(sqlite_url: str) -> None:
    assert await asked(sqlite_url, "/readyz", part(0.0, "standing by")) == (200, "ready\nturns: standing by")
    assert await asked(sqlite_url, "/readyz", part(None)) == (200, "ready")


async def test_not_ready_while_the_database_is_down_or_has_no_tables(tmp_path: Path) -> None:
    assert await asked(NOBODY, "/readyz") == (503, "the database cannot be reached")
    status, says = await asked(f"sqlite:///{tmp_path / 'empty.db'}", "/readyz")
    assert (status, "ayumi migrate" in says) == (503, True)


async def test_not_ready_while_nothing_can_be_stored(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.write() as connection:
        await connection.exec_driver_sql(FULL)
    await database.close()
    assert await asked(sqlite_url, "/readyz") == (503, "nothing can be stored in the database")


async def test_alive_while_its_parts_move(sqlite_url: str) -> None:
    assert await asked(sqlite_url, "/healthz", part(1.0), part(None)) == (200, "ok")


async def test_not_alive_when_a_part_stands_still_though_the_database_answers(sqlite_url: str) -> None:
    assert await asked(sqlite_url, "/healthz", part(float("inf"))) == (503, "does not move: turns")
    assert await asked(NOBODY, "/healthz", part(float("inf"))) == (200, "ok")
