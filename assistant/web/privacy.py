"""``GET /privacy``: what is kept, why, who reads it and for how long, told to anybody from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from assistant.channels.browser.pages import TEMPLATES, Wording
from assistant.messages import LANGUAGES, Words
from assistant.wording.texts import Speaker
from knowledge.privacy.kinds import Kind, kinds
from knowledge.privacy.retention import Retention

YEAR = 365  # days
PARTS = ("intro", "who", "asking")  # paragraphs before the table


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One kind of data, in words."""

    name: Markup
    purpose: Markup
    readers: Markup
    how_long: Markup


def privacy_routes(language: str, retention: Retention) -> list[Route]:
    """The page in ``language``, or in the one that ``?lang=`` names."""
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)

    async def page(request: Request) -> Response:
        asked = request.query_params.get("lang", language)
        shown = asked if asked in LANGUAGES else language
        words = Wording(speaker=Speaker(language=shown, band="guardian"), grade=None)
        other = next(each for each in LANGUAGES if each != shown)
        template = templates.get_template("privacy.html")
        rows = _rows(words, retention)
        return HTMLResponse(template.render(language=shown, other=other, words=words, parts=PARTS, rows=rows))

    return [Route("/privacy", page)]


def _rows(words: Wording, retention: Retention) -> Sequence[_Row]:
    language = words.speaker.language
    return [
        _Row(
            name=words.html(Words.of(kind.name[language])),
            purpose=words.html(Words.of(kind.purpose[language])),
            readers=words.html(Words.of(kind.readers[language])),
            how_long=_how_long(kind, retention.days[kind.id], words),
        )
        for kind in kinds().values()
        if kind.of_people
    ]


def _how_long(kind: Kind, days: int | None, words: Wording) -> Markup:
    if kind.until:
        return words.html(Words.of(kind.until[words.speaker.language]))
    if days is None:
        return words("privacy_page.forever")
    years, rest = divmod(days, YEAR)
    if rest:
        return words("privacy_page.days", days=days)
    return words("privacy_page.year" if years == 1 else "privacy_page.years", years=years)
