"""Settings, files and the machine: what can be looked at without asking anybody."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy.engine import make_url

from assistant.backup import LAST
from assistant.checkins.load import Scripts
from assistant.doctor.finding import Finding, Patient, bad, fine, note
from assistant.doctor.machine import SHARED
from assistant.errors import AssistantError, SettingsError
from assistant.settings import Settings
from scheduler.errors import SchedulerError
from scheduler.schools import SchoolTimes

ALIKE = 0.9  # of 1: a letter or two that are wrong, missing or swapped
SHORT = 32  # characters: less can be guessed
LITTLE = 1_000_000_000  # bytes: a day of a large school, its log and a backup need this
TOO_OLD = timedelta(hours=26)  # a day, and two hours for a slow one


def look_at_names(patient: Patient) -> Iterator[Finding]:
    """What is almost a setting and none: it is not heeded, and its default is taken without a word."""
    known = {str(field.alias) for field in Settings.model_fields.values()}
    for name in sorted(patient.machine.variables() - known):
        for meant in get_close_matches(name, known, 1, ALIKE):
            yield bad(name, f"is no setting: is {meant} meant?")


def look_at_settings(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    yield _key(settings)
    if not settings.base_url:
        yield note("AYUMI_BASE_URL", "not set: fine on this machine; LINE and Slack need the public https address here")
    elif not settings.base_url.startswith("https://"):
        says = f"{settings.base_url} is not https: cookies travel unprotected. Use an https address"
        yield bad("AYUMI_BASE_URL", says)
    else:
        yield fine("AYUMI_BASE_URL", settings.base_url)
    yield _zone(patient)


def _key(settings: Settings) -> Finding:
    about = "AYUMI_SECRET_KEY"
    if settings.secret_key:
        if len(settings.secret_key) < SHORT:
            says = f"only {len(settings.secret_key)} characters: links could be forged. Use {SHORT} or more"
            return bad(about, f"{says}: openssl rand -hex 32")
        return fine(about, "set")
    if not settings.is_embedded:
        says = "not set: every machine would make its own. Set the same long random text on all of them"
        return bad(about, f"{says}: openssl rand -hex 32")
    return fine(about, f"kept in {settings.data_dir / 'secret_key'}")


def _zone(patient: Patient) -> Finding:
    about, offset, zone = "time zone", patient.machine.utc_offset(), patient.settings.zone
    if offset not in (timedelta(0), patient.now().astimezone(zone).utcoffset()):
        says = f"the machine's is {patient.machine.zone()}, the school's {zone.key}: Ayumi goes by the school's, but"
        return note(about, f"{says} times in logs and in cron will puzzle. Set the machine to UTC or {zone.key}")
    return fine(about, zone.key)


def look_at_files(patient: Patient) -> Iterator[Finding]:
    """Stops where the data folder cannot be written to: the rest would only say so again."""
    settings = patient.settings
    problem = _unwritable(settings.data_dir)
    if problem is not None:
        says = f"cannot be written to ({problem}): give it to the user that runs Ayumi, and mount it writable"
        yield bad("AYUMI_DATA_DIR", f"{settings.data_dir} {says}")
        return
    free = patient.machine.free_bytes(settings.data_dir)
    if free < LITTLE:
        says = f"{free // 1_000_000} MB left on the disk of {settings.data_dir}: nothing can be stored when it is full."
        yield bad("disk", f"{says} Make room or move AYUMI_DATA_DIR to a larger disk")
    else:
        yield fine("disk", f"{free // 1_000_000_000} GB left")
    if settings.is_embedded:
        yield from _embedded(patient)
    try:
        settings.secret()
    except SettingsError as error:
        yield bad("AYUMI_SECRET_KEY", str(error))
    try:
        Scripts(settings.data_dir)
        yield fine("check-ins", "every script can be read")
    except AssistantError as error:
        yield bad("check-ins", f"{error}: mend or remove the file, Ayumi does not start with it")
    try:
        times = SchoolTimes.load(settings.data_dir / "schools.yaml")
        says = f"{len(times.by_school)} schools with times of their own; the others {times.default.anticipation:%H:%M}"
        yield fine("prompts", f"{says} and {times.default.reflection:%H:%M}")
    except SchedulerError as error:
        yield bad("prompts", f"{error}: mend the file, Ayumi does not start with it")


def _embedded(patient: Patient) -> Iterator[Finding]:
    """What SQLite wants of its place: a disk of this machine, one process, a copy elsewhere."""
    settings = patient.settings
    file = Path(make_url(settings.database).database or "")
    kind = patient.machine.file_system(file.parent)
    if kind in SHARED:
        says = f"{file} is on a network share ({kind}), where SQLite's locks do not hold and data gets lost: move"
        yield bad("SQLite", f"{says} AYUMI_DATA_DIR to a disk of this machine, or use PostgreSQL")
    holders = patient.machine.holders(file)
    if len(holders) > 1:
        says = f"{len(holders)} processes ({', '.join(map(str, holders))}) have {file.name} open, one may: stop the"
        yield bad("SQLite", f"{says} others, or set AYUMI_DATABASE_URL to PostgreSQL")
    elif kind not in SHARED:
        yield fine("SQLite", "on a disk of this machine, used by one process at most")
    try:
        made = datetime.fromtimestamp((settings.data_dir / LAST).stat().st_mtime, settings.zone)
    except OSError:
        yield note("backup", "none was made here yet: run 'ayumi backup --out FILE' every night, and keep it elsewhere")
        return
    if patient.now() - made > TOO_OLD:
        says = f"the last is of {made:%Y-%m-%d %H:%M}: does the nightly 'ayumi backup --out FILE' still run?"
        yield bad("backup", says)
    else:
        yield fine("backup", f"the last is of {made:%Y-%m-%d %H:%M}")


def _unwritable(folder: Path) -> str | None:
    """Why nothing can be written there; None when it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"?")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
