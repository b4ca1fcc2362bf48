"""The one error base of the package."""


class SchedulerError(Exception):
    """Something about what happens later that the caller can act on."""


class ScheduleError(SchedulerError):
    """A schedule's settings are wrong; the message names the file, the school and the entry."""
