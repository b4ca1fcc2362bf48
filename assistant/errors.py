"""The one error base of the package."""


class AssistantError(Exception):
    """Something that the caller, or the operator, can act on."""


class SettingsError(AssistantError):
    """A setting or a settings file is wrong; the message names it and what it should be."""
