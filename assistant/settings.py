"""Settings from the environment or ``.env``. Every one is documented in the README."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assistant.errors import SettingsError
from assistant.messages import LANGUAGES

LONGEST_SHOWN = 16  # characters of a value that is wrong
ROSTER_FIELDS = ("email", "username", "sourcedId")  # of OneRoster's users: what an account of the school is known by
PROVIDERS = ("openai", "ollama")  # whose LangChain packages are installed with us


class Settings(BaseSettings):
    """One installation. A channel whose settings are missing is off."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", populate_by_name=True)

    data_dir: Path = Field(default=Path("var"), alias="AYUMI_DATA_DIR")
    database_url: SecretStr = Field(default=SecretStr(""), alias="AYUMI_DATABASE_URL")
    base_url: str = Field(default="", alias="AYUMI_BASE_URL")
    secret_key: SecretStr = Field(default=SecretStr(""), alias="AYUMI_SECRET_KEY")
    timezone: str = Field(default="Asia/Tokyo", alias="AYUMI_TIMEZONE")
    language: str = Field(default="ja", alias="AYUMI_LANGUAGE")
    link_code_hours: float = Field(default=24.0, alias="AYUMI_LINK_CODE_HOURS")
    session_minutes: int = Field(default=30, alias="AYUMI_SESSION_MINUTES")
    fresh_minutes: int = Field(default=30, alias="AYUMI_FRESH_MINUTES")

    oidc_issuer: str = Field(default="", alias="AYUMI_OIDC_ISSUER")
    oidc_client_id: str = Field(default="", alias="AYUMI_OIDC_CLIENT_ID")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), alias="AYUMI_OIDC_CLIENT_SECRET")
    oidc_domains: str = Field(default="", alias="AYUMI_OIDC_DOMAINS")
    oidc_claim: str = Field(default="email", alias="AYUMI_OIDC_CLAIM")
    oidc_roster: str = Field(default="email", alias="AYUMI_OIDC_ROSTER")

    llm: str = Field(default="", alias="AYUMI_LLM")
    llm_base_url: str = Field(default="", alias="AYUMI_LLM_BASE_URL")
    embeddings: str = Field(default="", alias="AYUMI_EMBEDDINGS")
    embeddings_base_url: str = Field(default="", alias="AYUMI_EMBEDDINGS_BASE_URL")  # empty: that of the model
    chroma_url: str = Field(default="", alias="AYUMI_CHROMA_URL")  # empty: Chroma in the data folder

    line_channel_secret: SecretStr = Field(default=SecretStr(""), alias="LINE_CHANNEL_SECRET")
    line_channel_access_token: SecretStr = Field(default=SecretStr(""), alias="LINE_CHANNEL_ACCESS_TOKEN")
    line_api_base_url: str = Field(default="https://api.line.me", alias="LINE_API_BASE_URL")

    slack_signing_secret: SecretStr = Field(default=SecretStr(""), alias="SLACK_SIGNING_SECRET")
    slack_bot_token: SecretStr = Field(default=SecretStr(""), alias="SLACK_BOT_TOKEN")
    slack_api_base_url: str = Field(default="https://slack.com/api/", alias="SLACK_API_BASE_URL")

    @field_validator("data_dir")
    @classmethod
    def _is_a_folder(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("not a folder")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("not a time zone; use a name such as Asia/Tokyo") from error
        return value

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"use one of {', '.join(LANGUAGES)}")
        return value

    @field_validator("link_code_hours")
    @classmethod
    def _lives_ten_minutes_to_seven_days(cls, value: float) -> float:
        if not 1 / 6 <= value <= 7 * 24:
            raise ValueError("a link code lives between 10 minutes (0.17) and 7 days (168)")
        return value

    @field_validator("session_minutes")
    @classmethod
    def _ends_some_day(cls, value: int) -> int:
        if not 1 <= value <= 24 * 60:
            raise ValueError("use 1 to 1440 minutes")
        return value

    @field_validator("fresh_minutes")
    @classmethod
    def _is_asked_again_within_a_school_day(cls, value: int) -> int:
        if not 5 <= value <= 8 * 60:
            raise ValueError("use 5 to 480 minutes")
        return value

    @field_validator("llm", "embeddings")
    @classmethod
    def _names_a_provider(cls, value: str) -> str:
        provider, _, name = value.partition(":")
        if value and not (provider in PROVIDERS and name):
            raise ValueError(f"use one of {', '.join(f'{each}:MODEL' for each in PROVIDERS)}")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _is_one_issuer(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1:")):
            raise ValueError("must begin with https://")
        if "/common" in value or "/organizations" in value:
            raise ValueError("name the school's own tenant: with this one every organization could sign in")
        return value

    @field_validator("oidc_roster")
    @classmethod
    def _is_of_the_roster(cls, value: str) -> str:
        if value not in ROSTER_FIELDS:
            raise ValueError(f"use one of {', '.join(ROSTER_FIELDS)}")
        return value

    @field_validator(
        "line_api_base_url", "slack_api_base_url", "base_url", "llm_base_url", "embeddings_base_url", "chroma_url"
    )
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// (http:// for tests)")
        return value

    @field_validator("slack_api_base_url")
    @classmethod
    def _ends_in_api(cls, value: str) -> str:
        if not value.endswith("/api/"):
            raise ValueError("must end in /api/")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def fresh(self) -> timedelta:
        """So long after a sign-in, pages with data of class I and II open without another one."""
        return timedelta(minutes=self.fresh_minutes)

    @property
    def database(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir.resolve() / 'ayumi.db'}"

    @property
    def has_line(self) -> bool:
        return bool(self.line_channel_secret and self.line_channel_access_token)

    @property
    def has_slack(self) -> bool:
        return bool(self.slack_signing_secret and self.slack_bot_token)

    @property
    def has_oidc(self) -> bool:
        """Whether people sign in with the school's accounts."""
        return bool(self.oidc_issuer and self.oidc_client_id and self.oidc_client_secret and self.base_url)

    @property
    def domains(self) -> frozenset[str]:
        """The school's own mail domains, in small letters."""
        return frozenset(each.strip().lower().lstrip("@") for each in self.oidc_domains.split(",") if each.strip())

    @property
    def channels(self) -> list[str]:
        """The names of the channels that are switched on."""
        return ["browser", *(["line"] if self.has_line else []), *(["slack"] if self.has_slack else [])]

    @property
    def is_embedded(self) -> bool:
        """Whether the database is ours alone, to be migrated by ourselves."""
        return self.database.startswith("sqlite")

    def secret(self) -> bytes:
        """The key of the hashes of link codes: ``AYUMI_SECRET_KEY``, else one made once and kept in the data folder.

        Raises ``SettingsError`` when what is kept there is empty."""
        if self.secret_key:
            return self.secret_key.get_secret_value().encode()
        path = self.data_dir / "secret_key"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            made = self.data_dir / f".secret_key.{secrets.token_hex(4)}"
            made.touch(mode=0o600)
            made.write_text(secrets.token_hex(32))
            with suppress(FileExistsError):  # another process was faster: its key holds
                os.link(made, path)
            made.unlink()
        key = path.read_text().strip().encode()
        if not key:
            raise SettingsError(f"AYUMI_SECRET_KEY: {path} is empty; set the variable, or remove the file")
        return key


def load_settings(**overrides: Any) -> Settings:
    """The settings in force. Raises ``SettingsError`` naming the setting and what it should be."""
    try:
        settings = Settings(**overrides)
    except UnicodeDecodeError as error:
        raise SettingsError(".env: not UTF-8 text") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        reason = first["msg"].removeprefix("Value error, ")
        value = os.environ.get(name, str(first["input"]))
        # Whatever is long may be a token that got into the wrong place.
        shown = value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…"
        raise SettingsError(f"{name}: {reason} (it is {shown!r})") from None
    return settings
