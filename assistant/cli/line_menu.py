"""``ayumi line-menu``."""

from __future__ import annotations

import typer

from assistant.channels.line.rich_menu import put_menu
from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.wording.texts import Speaker


async def run_line_menu(settings: Settings) -> None:
    """Raises ``SettingsError`` without LINE's settings, ``LineMenuError`` when LINE does not take it."""
    if not settings.has_line:
        raise SettingsError("line-menu needs LINE_CHANNEL_SECRET and LINE_CHANNEL_ACCESS_TOKEN")
    speaker = Speaker(language=settings.language, band="secondary")
    menu_id = await put_menu(settings.line_api_base_url, settings.line_channel_access_token.get_secret_value(), speaker)
    typer.echo(f"{menu_id} is the menu of everybody who follows the account")
