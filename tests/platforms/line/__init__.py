"""A strict stand-in for LINE's Messaging API, for tests and benchmarks; LINE itself is never called.

`schemas.json` holds the structural facts of LINE's own OpenAPI description (see LICENSE.txt).
"""

from tests.platforms.line.events import LineEvents, redelivered, standby, user_id
from tests.platforms.line.failures import Failure
from tests.platforms.line.server import ACCESS_TOKEN, CHANNEL_SECRET, Delivered, LineStandIn, Violation

__all__ = [
    "ACCESS_TOKEN",
    "CHANNEL_SECRET",
    "Delivered",
    "Failure",
    "LineEvents",
    "LineStandIn",
    "Violation",
    "redelivered",
    "standby",
    "user_id",
]
