"""From messages to Slack's blocks, within Slack's limits (docs.slack.dev/reference/block-kit)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ContextBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from assistant.channels.slack.webhook import FORM
from assistant.channels.wording import kana, numbered, shorten, split
from assistant.dialogue.taps import Tap
from assistant.messages import LANGUAGES, Choice, Link, Outgoing, Tone
from assistant.wording.texts import Speaker, band_of
from intents.commands import Command

SECTION = 3000  # characters of a section
LABEL = 75  # characters of a button
LINK_LABEL = 300  # characters: with its address a link stays far below the limit of a section
VALUE = 2000  # characters of a button's value
BUTTONS = 25  # of one block
BLOCKS = 50  # of one message
BLOCKS_TEXT = 10_000  # characters of all blocks of a message together
FALLBACK = 4000  # characters of the text that stands in notifications
ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # what would mean something in that text


@dataclass(frozen=True, kw_only=True)
class Post:
    """One message of Slack."""

    text: str  # for notifications and where blocks are not shown
    blocks: Sequence[Block]


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """Blocks that stay together."""

    text: str
    blocks: Sequence[Block]
    characters: int


def to_slack(messages: Sequence[Outgoing], grade: str | None) -> list[Post]:
    """Everything in as few posts as it fits: nearly always one."""
    numbers = count()
    packed: list[list[_Unit]] = []
    for unit in (unit for message in messages for unit in _units(message, grade, numbers)):
        here = [*packed[-1], unit] if packed else []
        if (
            here
            and sum(len(each.blocks) for each in here) <= BLOCKS
            and sum(each.characters for each in here) <= BLOCKS_TEXT
        ):
            packed[-1] = here
        else:
            packed.append([unit])
    return [
        Post(
            text=shorten("\n\n".join(unit.text for unit in units).translate(ESCAPED), FALLBACK)[:FALLBACK],
            blocks=[block for unit in units for block in unit.blocks],
        )
        for units in packed
    ]


def blocks_of(message: Outgoing, grade: str | None) -> list[Block]:
    """One message as the blocks of a view."""
    return [block for unit in _units(message, grade, count()) for block in unit.blocks]


def plain(text: str, longest: int = SECTION) -> PlainTextObject:
    """Text in which nothing a child wrote can mean a format or a mention."""
    return PlainTextObject(text=shorten(text, longest)[:longest], emoji=True)


def _units(message: Outgoing, grade: str | None, numbers: Iterator[int]) -> Iterator[_Unit]:
    text, choices = kana(message.text, grade), message.choices
    if message.attachment is not None and not text:
        text = kana(message.attachment.alt, grade)  # no message of Slack is without text
    if len(choices) > BUTTONS or any(len(choice.value) > VALUE for choice in choices):
        text, choices = numbered(text, choices, grade), ()
    *pieces, last = split(text, SECTION)
    for piece in pieces:
        yield _Unit(text=piece, blocks=[SectionBlock(text=plain(piece))], characters=len(piece))
    aside = kana(message.aside, grade)
    buttons = [_button(choice, grade, numbers) for choice in choices if choice.tone is not Tone.CONTROL]
    controls = [_button(choice, grade, numbers) for choice in choices if choice.tone is Tone.CONTROL]
    controls[:0] = _form_button(choices, grade, numbers)
    blocks: list[Block] = [SectionBlock(text=plain(last))]
    links = [_link(link, grade) for link in message.links]
    blocks += [SectionBlock(text=MarkdownTextObject(text=each, verbatim=True)) for each in links]
    if aside:
        blocks.append(ContextBlock(elements=[plain(aside)]))
    blocks += [ActionsBlock(elements=row) for row in (buttons, controls) if row]
    labels = (button.text.text for button in (*buttons, *controls) if button.text is not None)
    characters = len(last) + sum(map(len, links)) + len(aside) + sum(len(label or "") for label in labels)
    yield _Unit(text="\n\n".join(part for part in (last, aside) if part), blocks=blocks, characters=characters)


def _link(link: Link, grade: str | None) -> str:
    """The label as a link in Slack's own format, in which nothing else of it means anything."""
    label = shorten(kana(link.label, grade), LINK_LABEL).translate(ESCAPED)
    address = link.address.translate(ESCAPED).replace("|", "%7C")
    return f"<{address}|{label}>" if address else label


def _button(choice: Choice, grade: str | None, numbers: Iterator[int]) -> ButtonElement:
    return ButtonElement(
        text=plain(kana(choice.label, grade), LABEL),
        value=choice.value,
        action_id=f"choice:{next(numbers)}",
    )


def _form_button(choices: Sequence[Choice], grade: str | None, numbers: Iterator[int]) -> list[ButtonElement]:
    """まとめて書く, where a question of a check-in is asked: only Slack has forms, so only here it is offered."""
    skip = next((choice for choice in choices if choice.value.endswith(f"/!{Command.SKIP}")), None)
    tap = Tap.parse(skip.value) if skip is not None else None
    if skip is None or tap is None:
        return []
    speakers = [Speaker(language=language, band=band_of(grade)) for language in LANGUAGES]
    # A letter does not say its language; the button beside does.
    speaker = next((each for each in speakers if str(each.say("checkin.skip_button")) == str(skip.label)), speakers[0])
    return [
        ButtonElement(
            text=plain(kana(speaker.say("checkin.form_button"), grade), LABEL),
            value=f"{Tap.prefix(tap.phase, tap.date, '')}form",
            action_id=f"{FORM}{next(numbers)}",
        )
    ]
