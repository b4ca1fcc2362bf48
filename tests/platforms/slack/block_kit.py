"""Block Kit as a closed table: what a message or a view may contain, and how long it may be.

Fields and limits are those of Slack's reference (docs.slack.dev/reference/block-kit and /reference/views), compared
with the validators of `slack_sdk.models`. Only the blocks this project sends are listed; anything else is refused, so
that a new block is a decision and not an accident. Lengths count Unicode code points, as the SDK does.
"""

from collections.abc import Sequence
from typing import cast

from .schema import Check, Fields, Json, Problems, anything, array, boolean, integer, one_of, shape, string, typed

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_BLOCK_CHARACTERS = 10_000  # all text of a message's blocks together; Slack answers msg_blocks_too_long

# --- composition objects ---------------------------------------------------------------------------------------------


def plain(longest: int) -> Check:
    return shape({"type": one_of("plain_text"), "text": string(longest)}, {"emoji": boolean})


def text(longest: int) -> Check:
    mrkdwn = shape({"type": one_of("mrkdwn"), "text": string(longest)}, {"verbatim": boolean})
    return typed({"plain_text": plain(longest), "mrkdwn": mrkdwn})


def option(label: Check, description: Check, **more: Check) -> Check:
    return shape({"text": label, "value": string(150)}, {"description": description, **more})


TYPE: Fields = {"type": anything}  # `typed` has looked at it already
URL = string(3000, pattern=r"https?://\S+")
STYLE = one_of("primary", "danger")
CONFIRM = shape(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": STYLE},
)
SLACK_FILE = shape({}, {"id": string(255), "url": URL}, exactly_one=("id", "url"))
MENU_OPTION = option(plain(75), plain(75))
LIST_OPTION = option(text(75), text(75))
OVERFLOW_OPTION = option(plain(75), plain(75), url=URL)
OPTION_GROUP = shape({"label": plain(75), "options": array(MENU_OPTION, 1, 100)})
DISPATCH = shape(
    {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 1, 2)},
)

# --- elements --------------------------------------------------------------------------------------------------------


def element(required: Fields, optional: Fields, *, exactly_one: Sequence[str] = ()) -> Check:
    return shape({**TYPE, **required}, {"action_id": string(255), **optional}, exactly_one=exactly_one)


ID = string(255, pattern=r"[A-Z0-9]+")
DATE = string(10, pattern=r"\d{4}-\d{2}-\d{2}")
TIME = string(5, pattern=r"([01]\d|2[0-3]):[0-5]\d")
UNIX_SECONDS = integer(1_000_000_000, 9_999_999_999)
NUMBER = string(40, pattern=r"-?\d+(\.\d+)?")

FOCUS: Fields = {"focus_on_load": boolean}
LIST: Fields = {"confirm": CONFIRM, **FOCUS}
MENU: Fields = {"placeholder": plain(150), **LIST}
MENU_OPTIONS: Fields = {"options": array(MENU_OPTION, 1, 100), "option_groups": array(OPTION_GROUP, 1, 100)}
MANY: Fields = {"max_selected_items": integer(1, 100), **MENU}
TYPED: Fields = {"placeholder": plain(150), "dispatch_action_config": DISPATCH, **FOCUS}
CHOICES = array(LIST_OPTION, 1, 10)

IMAGE_FIELDS: Fields = {"image_url": URL, "slack_file": SLACK_FILE}
IMAGE = shape({**TYPE, "alt_text": string(2000)}, IMAGE_FIELDS, exactly_one=tuple(IMAGE_FIELDS))
BUTTON = element(
    {"text": plain(75)},
    {"value": string(2000), "url": URL, "style": STYLE, "confirm": CONFIRM, "accessibility_label": string(75)},
)
OVERFLOW = element({"options": array(OVERFLOW_OPTION, 1, 5)}, {"confirm": CONFIRM})

# Elements that both ask and answer, in messages and in forms.
CHOOSERS = {
    "checkboxes": element({"options": CHOICES}, {"initial_options": CHOICES, **LIST}),
    "radio_buttons": element({"options": CHOICES}, {"initial_option": LIST_OPTION, **LIST}),
    "datepicker": element({}, {"initial_date": DATE, **MENU}),
    "timepicker": element({}, {"initial_time": TIME, "timezone": string(50), **MENU}),
    "static_select": element(
        {}, {"initial_option": MENU_OPTION, **MENU_OPTIONS, **MENU}, exactly_one=tuple(MENU_OPTIONS)
    ),
    "users_select": element({}, {"initial_user": ID, **MENU}),
}
DATETIME = {"datetimepicker": element({}, {"initial_date_time": UNIX_SECONDS, **LIST})}
MULTI = {
    "multi_static_select": element(
        {}, {"initial_options": array(MENU_OPTION, 1, 100), **MENU_OPTIONS, **MANY}, exactly_one=tuple(MENU_OPTIONS)
    ),
    "multi_users_select": element({}, {"initial_users": array(ID, 1, 100), **MANY}),
}
WRITTEN = {
    "plain_text_input": element(
        {},
        {
            "initial_value": string(3000),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
            **TYPED,
        },
    ),
    "number_input": element(
        {"is_decimal_allowed": boolean},
        {"initial_value": NUMBER, "min_value": NUMBER, "max_value": NUMBER, **TYPED},
    ),
    "email_text_input": element({}, {"initial_value": string(3000), **TYPED}),
    "url_text_input": element({}, {"initial_value": URL, **TYPED}),
}
IN_SECTION = typed({"button": BUTTON, "overflow": OVERFLOW, "image": IMAGE} | CHOOSERS | MULTI)
IN_ACTIONS = typed({"button": BUTTON, "overflow": OVERFLOW} | CHOOSERS | DATETIME)
IN_INPUT = typed(CHOOSERS | DATETIME | MULTI | WRITTEN)
IN_CONTEXT = typed({"image": IMAGE, "plain_text": text(3000), "mrkdwn": text(3000)})

# --- blocks and views ------------------------------------------------------------------------------------------------


def block(
    required: Fields, optional: Fields, *, exactly_one: Sequence[str] = (), at_least_one: Sequence[str] = ()
) -> Check:
    known: Fields = {"block_id": string(255), **optional}
    return shape({**TYPE, **required}, known, exactly_one=exactly_one, at_least_one=at_least_one)


RICH_TEXT_PARTS = (
    "rich_text_section",
    "rich_text_list",
    "rich_text_quote",
    "rich_text_preformatted",
)
RICH_TEXT_PART = shape(
    {**TYPE, "elements": array(anything, 0, 1000)},
    {"style": anything, "indent": anything, "offset": anything, "border": anything},
)
RICH_TEXT = typed(dict.fromkeys(RICH_TEXT_PARTS, RICH_TEXT_PART))
BLOCK = typed(
    {
        "section": block(
            {},
            {
                "text": text(3000),
                "fields": array(text(2000), 1, 10),
                "accessory": IN_SECTION,
                "expand": boolean,
            },
            at_least_one=("text", "fields"),
        ),
        "actions": block({"elements": array(IN_ACTIONS, 1, 25)}, {}),
        "context": block({"elements": array(IN_CONTEXT, 1, 10)}, {}),
        "header": block({"text": plain(150)}, {}),
        "divider": block({}, {}),
        "input": block(
            {"label": plain(2000), "element": IN_INPUT},
            {"hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
        ),
        "image": block(
            {"alt_text": string(2000)}, {"title": plain(2000), **IMAGE_FIELDS}, exactly_one=tuple(IMAGE_FIELDS)
        ),
        "rich_text": block({"elements": array(RICH_TEXT, 1, 100)}, {}),
    }
)
VIEW_COMMON: Fields = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255),
    "external_id": string(255),
}
MODAL = shape(
    {**TYPE, "title": plain(24), "blocks": array(BLOCK, 1, VIEW_BLOCKS)},
    {
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
        **VIEW_COMMON,
    },
)
HOME = shape({**TYPE, "blocks": array(BLOCK, 1, VIEW_BLOCKS)}, VIEW_COMMON)

# --- whole messages and views ----------------------------------------------------------------------------------------


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of one valid block, in the order they are shown; none in a rich text."""
    if block["type"] == "rich_text":
        return []
    found = [
        *cast("list[Json]", block.get("elements", ())),
        block.get("accessory"),
        block.get("element"),
    ]
    return [entry for entry in found if entry and entry["type"] not in ("image", "mrkdwn", "plain_text")]


def _repeated(names: Sequence[str | None], what: str, at: str) -> Problems:
    given = [name for name in names if name is not None]
    for name in sorted({name for name in given if given.count(name) > 1}):
        yield f'{what} "{name}" is used more than once [json-pointer:{at}]'


def problems_of_message(blocks: object) -> list[str]:
    """What Slack would refuse in the blocks of a message; `action_id` is ours to keep unique in the whole message."""
    problems = list(array(BLOCK, 0, MESSAGE_BLOCKS)(blocks, "/blocks"))
    if not problems:
        valid = cast("list[Json]", blocks)
        problems += _repeated([entry.get("block_id") for entry in valid], "block_id", "/blocks")
        pressed = [one.get("action_id") for entry in valid for one in elements_of(entry)]
        problems += _repeated(pressed, "action_id", "/blocks")
    return problems


def problems_of_view(view: object, kind: str) -> list[str]:
    """What Slack would refuse in a view; `kind` is the type the method takes, "modal" or "home"."""
    problems = list(typed({"modal": MODAL} if kind == "modal" else {"home": HOME})(view, "/view"))
    if not problems:
        valid = cast("Json", view)
        blocks = cast("list[Json]", valid["blocks"])
        problems += _repeated([entry.get("block_id") for entry in blocks], "block_id", "/view/blocks")
        for number, entry in enumerate(blocks):
            names = [one.get("action_id") for one in elements_of(entry)]
            problems += _repeated(names, "action_id", f"/view/blocks/{number}")
        if kind == "modal" and "submit" not in valid and any(entry["type"] == "input" for entry in blocks):
            problems.append("missing required field: submit, as there is an input [json-pointer:/view]")
    return problems


def characters_of(value: object) -> int:
    """How many characters of text the blocks hold together, counting every `text` that is a string."""
    if isinstance(value, list):
        return sum(map(characters_of, cast("list[object]", value)))
    if isinstance(value, dict):
        return sum(
            len(entry) if name == "text" and isinstance(entry, str) else characters_of(entry)
            for name, entry in cast("Json", value).items()
        )
    return 0
