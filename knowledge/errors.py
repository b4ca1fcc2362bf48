"""The one error base of the package."""


class KnowledgeError(Exception):
    """Something about the learning-data store that the caller can act on."""


class DatabaseAddressError(KnowledgeError):
    """The address of the database cannot be used; the message says why, without the address: it holds a password."""


class NoSuchPersonError(KnowledgeError):
    """No person with this sourcedId is in the roster."""

    def __init__(self, sourced_id: str) -> None:
        super().__init__(f"no person '{sourced_id}' in the roster: import the roster first, or check the sourcedId")
        self.sourced_id = sourced_id


class StorageDownError(KnowledgeError):
    """The database cannot be reached, or did not answer in time."""
