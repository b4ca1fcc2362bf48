"""A strict stand-in for Slack: its Web API as a local server, and the events it would send."""

from .events import SlackEvent, SlackEvents
from .server import Call, Failure, SlackStandIn
from .workspace import APP, BOT, BOT_USER, BURST, TEAM, Posted, SharedFile

__all__ = [
    "APP",
    "BOT",
    "BOT_USER",
    "BURST",
    "TEAM",
    "Call",
    "Failure",
    "Posted",
    "SharedFile",
    "SlackEvent",
    "SlackEvents",
    "SlackStandIn",
]
