"""Signing in with the school's account, against a provider that refuses what a real one refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import func, select
from yarl import URL

from assistant.channels.browser import provider as provider_module
from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.store import BrowserSession
from assistant.doctor.finding import Patient
from assistant.doctor.sign_in import look_at_sign_in
from assistant.errors import SettingsError
from assistant.settings import Settings, load_settings
from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.records.audit import AuditEntry, AuditPerson
from knowledge.records.audit_check import verify
from knowledge.records.sign_in_names import RosterField, SignInName, SignInNames
from tests.browser.world import BrowserWorld, browser_world
from tests.builders.oneroster import district, with_cells, write_oneroster
from tests.integration.test_browser_chat import Page, plain
from tests.platforms.oidc import CLIENT_ID, CLIENT_SECRET, Account, OidcStandIn
from tests.worlds import TOKYO, HandClock, settings_of

HOST = "http://ayumi.test"
CALLBACK = f"{HOST}/signin/oidc/callback"
COOKIES = Cookies.of(HOST)
KATO = Account(sub="1", claims={"email": "Kato@Minami.example", "email_verified": True})
SORA = Account(sub="2", claims={"email": "sora@minami.example", "email_verified": True})


@dataclass(kw_only=True)
class School:
    """A school whose people have accounts, and one browser."""

    world: BrowserWorld
    provider: OidcStandIn
    page: Page

    async def sign_in(self, who: Account | None, path: str = "/signin/oidc") -> str:
        """Somebody taps the button, chooses their account and comes back; the page where they end."""
        self.provider.who = who
        return await self.follow(self.world.url + path)

    async def follow(self, address: str, stop: str = "") -> str:
        """As a browser does; it knows our public name as this machine. ``stop``: an address that is not gone to."""
        for _ in range(8):
            if stop and address.startswith(stop):
                return address
            address = address.replace(HOST, self.world.url, 1)
            async with self.page.http.get(address, allow_redirects=False) as response:
                if response.status not in (302, 303):
                    return await self.page._read(response)
                location = response.headers["Location"]
                address = self.world.url + location if location.startswith("/") else location
        raise AssertionError("round and round")

    async def audit(self) -> list[tuple[str, str, str, list[str]]]:
        """(act, kind, detail, subjects) of every entry, in order."""
        async with self.world.core.database.read() as connection:
            assert (await verify(connection)).broken_at is None
            entries = (await connection.execute(select(*AuditEntry.__table__.columns).order_by(AuditEntry.id))).all()
            people = (await connection.execute(select(*AuditPerson.__table__.columns))).all()
        subjects = {e.id: [p.person_id for p in people if p.entry_id == e.id and p.part == "subject"] for e in entries}
        return [(e.act, e.kind, e.detail, subjects[e.id]) for e in entries]


async def with_addresses(database: Database, folder: Path, kind: RosterField = RosterField.EMAIL) -> None:
    """The roster again, with what some people's accounts are called."""
    users = district()["users"]
    for id, address in {
        "t-kato": "kato@minami.example",
        "s-sora": "sora@minami.example",
        "s-hana": "sato@minami.example",
        "g-sato": "sato@minami.example",  # a family's
    }.items():
        users = with_cells(users, id, email=address)
    write_oneroster(folder / "addresses", users=users)
    names = SignInNames(kind=kind, secret=b"secret")
    await run_import(database, "oneroster", folder / "addresses", timezone=TOKYO, sign_in=names)


@asynccontextmanager
async def a_school(folder: Path, database_url: str, **more: str) -> AsyncGenerator[School]:
    clock = HandClock()
    async with OidcStandIn(now=clock.seconds) as provider:
        provider.redirect_uris.add(CALLBACK)
        settings = {
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_domains": "minami.example, higashi.example",
            **more,
        }
        async with (
            browser_world(folder, database_url, clock=clock, base_url=HOST, more=settings) as world,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        ):
            await with_addresses(world.core.database, folder)
            yield School(world=world, provider=provider, page=Page(http, world.url))


@pytest.fixture
async def school(tmp_path: Path, sqlite_url: str) -> AsyncIterator[School]:
    async with a_school(tmp_path, sqlite_url) as school:
        yield school


async def test_a_school_account_signs_in_on_both_stores(tmp_path: Path, database_url: str) -> None:
    async with a_school(tmp_path, database_url) as school:
        assert "学校の アカウントで 入る" in plain(await school.page.open())
        await school.sign_in(SORA)
        assert school.page.lines == ["そらさん、こんにちは。なにを する？"]
        assert school.provider.violations == []
        assert await school.audit() == []
        await school.sign_in(KATO)
        assert await school.audit() == [("sign_in", "accounts", "account", ["t-kato"])]


async def test_without_its_settings_there_is_no_such_way_in(tmp_path: Path, sqlite_url: str) -> None:
    async with browser_world(tmp_path, sqlite_url) as world, aiohttp.ClientSession() as http:
        page = Page(http, world.url)
        assert "アカウント" not in plain(await page.open())
        await page.open("/signin/oidc")
        assert page.status == 404


async def test_what_is_asked_of_the_provider_binds_the_answer_to_this_browser(school: School) -> None:
    await school.sign_in(SORA)
    await school.sign_in(SORA)
    first, second = school.provider.asked
    assert first["redirect_uri"] == CALLBACK
    assert first["prompt"] == "select_account"  # on a shared tablet nobody comes in as whoever was there before
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


async def test_a_name_is_found_however_it_is_written_and_is_kept_as_a_hash_alone(school: School) -> None:
    await school.sign_in(KATO)
    assert "加藤さん" in plain(school.page.html)
    async with school.world.core.database.read() as connection:
        kept = (await connection.execute(select(*SignInName.__table__.columns))).all()
    assert len(kept) == 4
    assert not any("minami" in str(value) for row in kept for value in row)


STRANGERS: list[dict[str, object]] = [
    {"email": "nobody@minami.example", "email_verified": True},  # not in the roster
    {"email": "sora@minami.example", "email_verified": False},
    {"email": "sora@minami.example"},
    {"email": "sora@elsewhere.example", "email_verified": True},
    {"email": "sora@minami.example", "email_verified": True, "hd": "elsewhere.example"},
    {"email": "sato@minami.example", "email_verified": True},  # of two people
    {"email": ["sora@minami.example"], "email_verified": True},
    {},
]


async def test_an_account_that_is_nobodys_gets_the_very_same_page_whatever_the_reason(school: School) -> None:
    pages = {await school.sign_in(Account(sub="9", claims=claims)) for claims in STRANGERS}
    (page,) = pages
    assert "その アカウントでは 入れませんでした" in plain(page)
    refused = ("refused", "accounts", "school account of nobody")
    assert [entry[:3] for entry in await school.audit()] == [refused] * len(STRANGERS)


async def test_a_person_who_left_is_refused_like_one_who_never_was(school: School) -> None:
    nobody = await school.sign_in(Account(sub="9", claims={"email": "x@minami.example", "email_verified": True}))
    async with school.world.core.database.write() as connection:
        await connection.exec_driver_sql("UPDATE users SET enabled = false WHERE sourced_id = 's-sora'")
    assert await school.sign_in(SORA) == nobody


async def test_a_teacher_whose_role_has_ended_is_refused(school: School) -> None:
    async with school.world.core.database.write() as connection:
        await connection.exec_driver_sql("UPDATE roles SET end_date = '2026-05-10' WHERE user_sourced_id = 't-kato'")
    assert "入れませんでした" in plain(await school.sign_in(KATO))
    assert (await school.audit())[-1] == ("refused", "accounts", "school account of nobody", ["t-kato"])


WRONG: list[dict[str, object]] = [
    {"nonce": "of-another-sign-in"},
    {"nonce": None},
    {"exp": 1},
    {"exp": None},
    {"iat": 9_999_999_999},
    {"iss": "https://elsewhere.example"},
    {"iss": None},
    {"aud": "another-client"},
    {"aud": None},
    {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
    {"sub": None},
]


async def test_a_token_that_is_not_for_this_sign_in_signs_nobody_in(school: School) -> None:
    for wrong in WRONG:
        school.provider.id_token = wrong
        assert ("うまく 入れませんでした" in plain(await school.sign_in(SORA)), wrong) == (True, wrong)
    refused = ("refused", "accounts", "school account not proved")
    assert [entry[:3] for entry in await school.audit()] == [refused] * len(WRONG)


async def test_a_token_that_anybody_could_have_signed_signs_nobody_in(school: School) -> None:
    school.provider.document = {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}
    for algorithm in ("none", "HS256"):
        school.provider.algorithm = algorithm
        assert "うまく 入れませんでした" in plain(await school.sign_in(SORA))
    school.provider.algorithm = "RS256"
    await school.sign_in(SORA)
    assert 'role="log"' in school.page.html


async def test_a_token_signed_with_another_key_of_the_same_name_signs_nobody_in(school: School) -> None:
    school.provider.forged = True
    assert "うまく 入れませんでした" in plain(await school.sign_in(SORA))


async def test_keys_are_asked_for_once_and_again_when_the_provider_has_new_ones(school: School) -> None:
    await school.sign_in(SORA)
    await school.sign_in(SORA)
    assert (school.provider.requests["discovery"], school.provider.requests["keys"]) == (1, 1)
    school.provider.rotate()
    await school.sign_in(SORA)
    assert 'role="log"' in school.page.html
    assert school.provider.requests["keys"] == 2


async def test_an_answer_without_an_id_token_signs_nobody_in(school: School) -> None:
    school.provider.has_id_token = False
    assert "うまく 入れませんでした" in plain(await school.sign_in(SORA))


async def test_who_cancels_is_back_at_the_sign_in(school: School) -> None:
    assert "うまく 入れませんでした" in plain(await school.sign_in(None))
    assert 'name="code"' in school.page.html


async def test_an_answer_meant_for_another_browser_signs_nobody_in(school: School) -> None:
    school.provider.who = SORA
    answer = await school.follow(f"{school.world.url}/signin/oidc", stop=CALLBACK)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        other = School(world=school.world, provider=school.provider, page=Page(http, school.world.url))
        assert "うまく 入れませんでした" in plain(await other.follow(answer))
    await school.follow(answer)  # in its own it is still good
    assert 'role="log"' in school.page.html


async def test_an_answer_is_good_once(school: School) -> None:
    school.provider.who = SORA
    answer = await school.follow(f"{school.world.url}/signin/oidc", stop=CALLBACK)
    begun = {each.key: each.value for each in school.page.http.cookie_jar}
    await school.follow(answer)
    school.page.http.cookie_jar.clear()
    school.page.http.cookie_jar.update_cookies(begun)  # somebody kept the cookie, too
    assert "うまく 入れませんでした" in plain(await school.follow(answer))
    assert school.provider.violations == ["a code is used again"]


async def test_a_sign_in_that_took_too_long_begins_anew(school: School) -> None:
    school.provider.who = SORA
    answer = await school.follow(f"{school.world.url}/signin/oidc", stop=CALLBACK)
    school.world.clock.forward(minutes=11)
    assert "うまく 入れませんでした" in plain(await school.follow(answer))
    assert school.provider.requests["token"] == 0


async def test_a_cookie_that_we_did_not_make_is_nothing(school: School) -> None:
    school.provider.who = SORA
    answer = await school.follow(f"{school.world.url}/signin/oidc", stop=CALLBACK)
    school.page.http.cookie_jar.clear()
    school.page.http.cookie_jar.update_cookies({COOKIES.begun: "eyJhbGciOiJub25lIn0.e30."}, URL(school.world.url))
    assert "うまく 入れませんでした" in plain(await school.follow(answer))


async def test_any_process_of_ours_ends_a_sign_in_that_another_began(tmp_path: Path, sqlite_url: str) -> None:
    async with a_school(tmp_path, sqlite_url) as school:
        school.provider.who = SORA
        answer = await school.follow(f"{school.world.url}/signin/oidc", stop=CALLBACK)
        more = {
            "oidc_issuer": school.provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_domains": "minami.example",
        }
        (tmp_path / "other").mkdir()
        async with browser_world(
            tmp_path / "other", sqlite_url, clock=school.world.clock, base_url=HOST, more=more
        ) as other:
            await with_addresses(other.core.database, tmp_path / "other")
            await School(world=other, provider=school.provider, page=school.page).follow(answer)
            assert 'role="log"' in school.page.html


async def test_a_provider_that_is_down_says_so_and_codes_still_work(school: School) -> None:
    school.provider.status = 503
    assert "今 こたえません" in plain(await school.sign_in(SORA))
    school.provider.status = None
    for document in ({"issuer": "https://elsewhere.example"}, {"token_endpoint": None}):
        school.provider.document = document
        assert "今 こたえません" in plain(await school.sign_in(SORA))
    school.provider.document = {}
    school.provider.auth_methods = ["private_key_jwt"]  # it refuses our secret
    assert "今 こたえません" in plain(await school.sign_in(SORA))
    await school.page.sign_in(await school.world.code("s-sora"))
    assert 'role="log"' in school.page.html


async def test_a_provider_that_is_slow_is_not_waited_for(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    await school.sign_in(SORA)
    monkeypatch.setattr(provider_module, "TIMEOUT", 0.1)
    school.provider.delay = 0.5
    async with asyncio.timeout(2):
        assert 'role="log"' not in await sign_in_elsewhere(school)


async def sign_in_elsewhere(school: School) -> str:
    """In a browser where nobody is signed in yet."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        other = School(world=school.world, provider=school.provider, page=Page(http, school.world.url))
        return await other.sign_in(SORA)


async def test_both_ways_of_showing_the_client_secret_are_known(school: School) -> None:
    for methods in (["client_secret_basic"], ["client_secret_post"]):
        school.provider.auth_methods = methods
        school.world.clock.forward(minutes=61)  # until the document is read again
        await school.sign_in(SORA)
        assert 'role="log"' in school.page.html
    assert school.provider.violations == []


async def test_neither_names_nor_codes_nor_secrets_get_into_logs_or_addresses(
    school: School, capfd: pytest.CaptureFixture[str]
) -> None:
    await school.sign_in(Account(sub="9", claims={"email": "someone@minami.example", "email_verified": True}))
    school.provider.id_token = {"nonce": "other"}
    await school.sign_in(SORA)
    said = "".join(capfd.readouterr())
    assert "minami.example" not in said and CLIENT_SECRET not in said and "code=" not in said


# --- By other names of the roster


async def test_a_username_of_the_roster_may_name_the_account(tmp_path: Path, sqlite_url: str) -> None:
    names = {"oidc_claim": "preferred_username", "oidc_roster": "username"}
    async with a_school(tmp_path, sqlite_url, **names) as school:
        await with_addresses(school.world.core.database, tmp_path, RosterField.USERNAME)
        await school.sign_in(Account(sub="1", claims={"preferred_username": "S-SORA"}))
        assert 'role="log"' in school.page.html


async def test_a_claim_of_the_schools_own_may_carry_the_sourced_id(tmp_path: Path, sqlite_url: str) -> None:
    async with a_school(tmp_path, sqlite_url, oidc_claim="employeeid", oidc_roster="sourcedId") as school:
        await school.sign_in(Account(sub="1", claims={"employeeid": "s-sora"}))
        assert 'role="log"' in school.page.html
        await school.sign_in(Account(sub="1", claims={"employeeid": "S-SORA"}))
        assert 'role="log"' in school.page.html  # as it was: a sourcedId is what it is, letter by letter


async def test_an_import_forgets_the_names_of_who_left_and_all_where_nobody_signs_in_so(
    tmp_path: Path, database: Database
) -> None:
    async def count() -> int:
        async with database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(SignInName)) or 0

    await with_addresses(database, tmp_path)
    assert await count() == 4
    names = SignInNames(kind=RosterField.EMAIL, secret=b"secret")
    users = with_cells(district()["users"], "s-sora", email="sora2@minami.example")
    write_oneroster(tmp_path / "moved", users=users)
    await run_import(database, "oneroster", tmp_path / "moved", timezone=TOKYO, sign_in=names)
    assert await count() == 1
    async with database.read() as connection:
        assert await names.person_of(connection, "sora2@minami.example") == "s-sora"
        assert await names.person_of(connection, "sora@minami.example") is None
    await run_import(database, "oneroster", tmp_path / "moved", timezone=TOKYO)
    assert await count() == 0


# --- Once more


async def test_an_account_that_was_shown_just_now_opens_the_pages_of_care(school: School) -> None:
    school.provider.auth_time = school.world.clock.seconds()
    await school.sign_in(KATO)
    assert "見守り" in plain(await school.page.open("/care"))


async def test_an_account_that_the_browser_merely_remembered_does_not(school: School) -> None:
    school.provider.auth_time = school.world.clock.seconds() - 3 * 3600
    await school.sign_in(KATO)
    assert "ご本人の確認" in plain(await school.page.open("/care"))
    school.provider.auth_time = None  # nor one of which nobody says when
    await school.sign_in(KATO)
    assert "ご本人の確認" in plain(await school.page.open("/care"))


async def test_showing_the_account_again_opens_them_and_makes_the_old_cookie_worthless(school: School) -> None:
    await school.sign_in(KATO)
    before = {each.key: each.value for each in school.page.http.cookie_jar}
    school.provider.auth_time = school.world.clock.seconds()
    await school.sign_in(KATO, "/signin/oidc?again&next=/care/sessions")
    assert school.provider.asked[-1]["prompt"] == "login" and school.provider.asked[-1]["max_age"] == "0"
    assert "見守り" in plain(await school.page.open("/care"))
    async with aiohttp.ClientSession(cookies=before) as thief, thief.get(school.world.url) as response:
        assert 'name="code"' in await response.text()
    assert [entry[2] for entry in await school.audit()][-2:] == ["account", "again: account"]


async def test_a_provider_that_does_not_ask_again_is_not_believed(school: School) -> None:
    school.provider.auth_time = school.world.clock.seconds() - 3600
    await school.sign_in(KATO)
    page = await school.sign_in(KATO, "/signin/oidc?again&next=/care")
    assert "確かめられませんでした" in plain(page)
    assert "ご本人の確認" in plain(await school.page.open("/care"))


async def test_whoever_else_shows_their_account_there_is_signed_in_as_themselves(school: School) -> None:
    school.provider.auth_time = school.world.clock.seconds()
    await school.sign_in(KATO)
    await school.sign_in(SORA, "/signin/oidc?again&next=/care")
    assert "そらさん" in plain(await school.page.open())
    async with school.world.core.database.read() as connection:
        assert (await connection.scalars(select(BrowserSession.person_id))).all() == ["s-sora"]


async def test_nobody_is_led_elsewhere_afterwards(school: School) -> None:
    school.provider.auth_time = school.world.clock.seconds()
    await school.sign_in(KATO)
    school.provider.who = KATO
    for where in ("https://elsewhere.example", "//elsewhere.example", "/care/../signout", "/\\elsewhere.example"):
        query = parse_qs(urlsplit(f"/?next={where}").query)["next"][0]
        address = await school.follow(f"{school.world.url}/signin/oidc?again&next={query}", stop=CALLBACK)
        async with school.page.http.get(address.replace(HOST, school.world.url), allow_redirects=False) as response:
            assert response.headers["Location"] == "/care"


# --- The doctor


async def said_of(settings: Settings) -> tuple[bool | None, str]:
    """What the doctor says of the school's accounts."""
    database = Database(settings.database)
    found = [each async for each in look_at_sign_in(Patient(settings=settings), database)]
    await database.close()
    return found[0].ok, found[0].says


async def test_the_doctor_says_what_is_missing(school: School, tmp_path: Path) -> None:
    url = school.world.database_url
    keys = {"oidc_issuer": school.provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    most = {**keys, "base_url": HOST}
    domains = {"oidc_domains": "minami.example"}
    assert (await said_of(settings_of(tmp_path, url)))[0] is None
    ok, says = await said_of(settings_of(tmp_path, url, **most, **domains))
    assert (ok, "1 names in the column email are of several people" in says) == (None, True)
    for settings, words in (
        ({"oidc_issuer": school.provider.issuer}, "AYUMI_OIDC_CLIENT_SECRET"),
        (keys, "set AYUMI_BASE_URL"),
        (most, "set AYUMI_OIDC_DOMAINS"),
        ({**most, **domains, "oidc_roster": "username"}, "Import the roster again"),
        ({**most, **domains, "oidc_issuer": "http://127.0.0.1:9"}, "Check AYUMI_OIDC_ISSUER"),
    ):
        ok, says = await said_of(settings_of(tmp_path, url, **settings))
        assert (ok, words in says) == (False, True), says


@pytest.mark.parametrize(
    "wrong",
    [
        {"AYUMI_OIDC_ISSUER": "accounts.google.com"},
        {"AYUMI_OIDC_ISSUER": "http://elsewhere.example"},
        {"AYUMI_OIDC_ISSUER": "https://login.microsoftonline.com/common/v2.0"},
        {"AYUMI_OIDC_ROSTER": "name"},
        {"AYUMI_FRESH_MINUTES": "4"},
        {"AYUMI_FRESH_MINUTES": "481"},
    ],
)
def test_settings_that_would_let_in_others_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        load_settings(_env_file=None, **wrong)
