"""What somebody uses, roughly, as their list of sessions names it: 「iPad / Safari」."""

from __future__ import annotations

# The first that the browser says of itself (User-Agent) counts, so the more special stand first.
MACHINES = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),  # an iPad may say so, too
    ("Linux", "Linux"),
)
BROWSERS = (
    ("Line/", "LINE"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


def device_of(user_agent: str) -> str:
    """Machine and browser as far as they are known; empty where neither is."""
    named = (next((name for sign, name in table if sign in user_agent), "") for table in (MACHINES, BROWSERS))
    return " / ".join(each for each in named if each)
