"""A secret is shown nowhere: not by what holds it, not in a log, a figure, a page, a message or a trace."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import pytest

from assistant.bootstrap import build_services
from assistant.errors import SettingsError
from assistant.settings import Settings, load_settings
from assistant.web.app import running_app
from knowledge.db import Database
from tests.running import served
from tests.worlds import settings_of

MARKED = {
    "secret_key": "marked-secret-key-0123456789abcdef",
    "line_channel_secret": "marked-line-secret",
    "line_channel_access_token": "marked-line-token",
    "slack_signing_secret": "marked-slack-secret",
    "slack_bot_token": "xoxb-marked-slack-token",
}
ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"  # where no platform answers
ADDRESS = "postgresql://ayumi:marked-password@127.0.0.1:9/ayumi"


def marked(folder: Path, database_url: str) -> Settings:
    where = {"line_api_base_url": NOBODY, "slack_api_base_url": f"{NOBODY}/api/"}
    return settings_of(folder, database_url, **{**MARKED, **where})


def test_what_holds_secrets_does_not_show_them(tmp_path: Path, sqlite_url: str) -> None:
    settings = marked(tmp_path, ADDRESS)
    services = build_services(settings, Database(sqlite_url))
    assert services.secret == MARKED["secret_key"].encode()
    for shown in (
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
        repr(services),
    ):
        assert "marked" not in shown


def test_every_setting_with_a_telling_name_is_a_secret() -> None:
    telling = ("SECRET", "TOKEN", "PASSWORD", "DATABASE_URL", "_KEY")
    names = {str(field.alias): str(field.annotation) for field in Settings.model_fields.values()}
    assert {name for name in names if name.endswith(telling)} == {
        name for name, kind in names.items() if "SecretStr" in kind
    }


def test_a_setting_that_is_wrong_is_not_shown_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYUMI_BASE_URL", "xoxb-0123456789-marked-slack-token")
    with pytest.raises(SettingsError, match=r"^AYUMI_BASE_URL: must begin with https://") as caught:
        load_settings()
    assert "marked" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_pages_figures_and_logs_of_a_running_process_carry_none(
    tmp_path: Path, sqlite_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = marked(tmp_path, sqlite_url)
    async with running_app(settings) as app, served(app) as url, aiohttp.ClientSession() as http:
        for method, path in (
            ("GET", "/"),
            ("GET", "/metrics"),
            ("GET", "/readyz"),
            ("POST", "/line/webhook"),
            ("POST", "/slack/events"),
            ("GET", "/files/1?signature=1"),
        ):
            async with http.request(method, url + path, data=b"{") as response:
                assert "marked" not in await response.text() + str(response.headers)
    out, err = capfd.readouterr()
    assert "running" in out + err
    assert "marked" not in out + err


@pytest.mark.parametrize("command", ["doctor", "migrate"])
async def test_a_command_that_meets_trouble_shows_none(tmp_path: Path, command: str) -> None:
    names = {name: str(Settings.model_fields[name].alias) for name in Settings.model_fields}
    values = {**MARKED, "database_url": ADDRESS, "data_dir": str(tmp_path), "line_api_base_url": NOBODY}
    values |= {"slack_api_base_url": f"{NOBODY}/api/"}
    environment = {**os.environ, **{names[name]: value for name, value in values.items()}}
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from assistant.cli.main import main; main()", command,
        env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await run.communicate()
    assert run.returncode != 0
    assert said
    assert b"marked" not in said


async def test_what_ayumi_writes_is_for_its_own_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from assistant.cli.main import main; main()", "migrate",
        env={"PATH": os.environ["PATH"], "AYUMI_DATA_DIR": str(folder)}, cwd=ROOT,
    )  # fmt: skip
    assert await run.wait() == 0
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in (folder, *folder.iterdir())} == {
        path.name: "0o0" for path in (folder, *folder.iterdir())
    }
    assert (folder / "ayumi.db").exists()
