"""Values of a spreadsheet's cells as its number formats show them (ECMA-376 part 1, 18.8.30 and 18.8.31)."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from math import isfinite

ISO = "yyyy-mm-dd"  # for a day whose format says nothing of days
LOCAL = "yyyy/m/d"  # Japan's: of what a program shows as its country writes days
LONG = 'yyyy"年"m"月"d"日"'
TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<elapsed>h+|m+|s+)\]|\[[^\]]*\]'
    r"|(?P<general>General)|(?P<half>AM/PM|A/P)|(?P<letters>y+|e+|g+|m+|d+|a{3,4}|h+|s+(?:\.0+)?)"
    r"|(?P<digits>[#0?][#0?,]*(?:\.[#0?]*)?)|_.|\*.|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)\]")
FRACTION = re.compile(r"[#0?]\s*/|[#0?]E[+-]", re.IGNORECASE)  # of numbers, or powers of ten
ERAS = (
    (date(2019, 5, 1), "令和", "R"),
    (date(1989, 1, 8), "平成", "H"),
    (date(1926, 12, 25), "昭和", "S"),
    (date(1912, 7, 30), "大正", "T"),
    (date(1868, 1, 25), "明治", "M"),
)
EXACT = 1e15  # whole numbers below it are kept to the last digit
WEEKDAYS = "月火水木金土日"


def shown_number(value: float, number_format: str) -> str:
    """``1234`` in ``#,##0"円"`` is ``1,234円``. A format that says nothing of digits shows up to ten of them."""
    if number_format == "General" or not isfinite(value):
        return _general(value)
    sections = _sections(number_format)
    conditions = [CONDITION.search(section) for section in sections]
    if any(conditions):
        section = next(
            (each for each, on in zip(sections, conditions, strict=True) if on is None or _holds(on, value)), "General"
        )
        is_negative = False
    else:
        is_negative = value < 0 and len(sections) > 1
        section = sections[1] if is_negative else sections[2] if value == 0 and len(sections) > 2 else sections[0]
    if not section and len(sections) > 1:
        return ""  # as ``;;;`` hides a number
    tokens = list(TOKEN.finditer(section))
    groups = [each["digits"] for each in tokens if each["digits"]]
    number = abs(value) if is_negative else value
    if not groups or FRACTION.search(section):
        is_general = groups or not tokens or any(each["general"] or each["other"] == "@" for each in tokens)
        literals = "".join(map(_literal, tokens)) if not groups else ""
        return _general(number).join(re.split("@|$", literals, maxsplit=1)[:2]) if is_general else literals
    text = _digits(Decimal(repr(number)) * 100 ** sum(each["other"] == "%" for each in tokens), "".join(groups))
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    parts: list[str] = []
    for token in reversed(tokens):  # digits fill the places of ``000-0000`` from the right; the first takes the rest
        if token["digits"] and len(groups) > 1 and "." not in text:
            width = len(groups.pop().replace(",", ""))
            parts.append(text[-width:])
            text = text[:-width]
        elif token["digits"]:
            parts.append(text)
        else:
            parts.append(_literal(token))
    return sign + "".join(reversed(parts)).strip()


def _general(value: float) -> str:
    return str(int(value)) if abs(value) < EXACT and value == int(value) else f"{value:.10g}"


def _holds(condition: re.Match[str], value: float) -> bool:
    limit = float(condition[2])
    return {
        "<": value < limit, ">": value > limit, "=": value == limit,
        "<=": value <= limit, ">=": value >= limit, "<>": value != limit,
    }[condition[1]]  # fmt: skip


def _digits(number: Decimal, places: str) -> str:
    """A number in places such as ``#,##0.00``."""
    whole, _, decimals = places.partition(".")
    number /= 1000 ** (len(whole) - len(whole.rstrip(",")))
    parted = "," if "," in whole.rstrip(",") else ""
    with localcontext(prec=400):  # the largest number has 309 digits before the point
        text = f"{number.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP):{parted}f}"
    for _ in range(len(decimals) - len(decimals.rstrip("#?"))):  # zeros at the end that are not asked for
        text = text.removesuffix("0")
    text = text.rstrip(".") if decimals else text
    least = len(whole.replace(",", "").lstrip("#?"))
    return text.zfill(least + len(text) - len(text.lstrip("-").partition(".")[0]))


def shown_moment(value: datetime | date | time | timedelta, number_format: str) -> str:
    """``2026-04-08`` in ``m"月"d"日"`` is ``4月8日``."""
    if number_format == "mm-dd-yy":  # number 14 of those built in
        number_format = LOCAL
    elif number_format.startswith("[$-F800]"):  # the system's long form
        number_format = LONG
    elif number_format == "General":
        number_format = ISO
    section = _sections(number_format)[0]
    moment, elapsed = _moment(value)
    tokens = list(TOKEN.finditer(section))
    is_half = any(each["half"] for each in tokens)
    parts: list[str] = []
    before = ""  # the letter before: m after hours, or before seconds, is minutes
    for index, token in enumerate(tokens):
        letters = (token["elapsed"] or token["letters"] or "").lower()
        if not letters:
            parts.append(("PM" if moment.hour >= 12 else "AM") if token["half"] else _literal(token))
            continue
        if letters[0] == "m" and not token["elapsed"] and (before == "h" or _next_letter(tokens, index) == "s"):
            letters = letters.replace("m", "n")
        before = letters[0]
        parts.append(_elapsed(letters, elapsed) if token["elapsed"] else _part(letters, moment, is_half=is_half))
    shown = "".join(parts).strip()
    if section.endswith(":ss") and not moment.second:
        shown = shown.removesuffix(":00")  # nobody plans by the second
    return shown or str(value)


def _sections(number_format: str) -> list[str]:
    """For numbers above zero, below, and zero."""
    return re.findall(r'((?:"[^"]*"|\\.|[^;"\\])*)(?:;|$)', number_format)[:-1] or [number_format]


def _literal(token: re.Match[str]) -> str:
    literal = token["quoted"] or token["escaped"] or token["currency"] or token["other"] or token["letters"]
    return "@" if token["general"] else literal or ""


def _moment(value: datetime | date | time | timedelta) -> tuple[datetime, timedelta]:
    """As a point in time, and as what has passed since the calendar of spreadsheets begins."""
    start = datetime.combine(date(1899, 12, 30), time())
    match value:
        case datetime():
            return value, value - start
        case date():
            moment = datetime.combine(value, time())
            return moment, moment - start
        case time():
            moment = datetime.combine(start.date(), value)
            return moment, moment - start
        case _:
            return start + value, value


def _next_letter(tokens: list[re.Match[str]], index: int) -> str:
    return next((each["letters"][0].lower() for each in tokens[index + 1 :] if each["letters"]), "")


def _elapsed(letters: str, passed: timedelta) -> str:
    seconds = int(passed.total_seconds())
    number = seconds // {"h": 3600, "m": 60, "n": 60, "s": 1}[letters[0]]
    return str(number).zfill(len(letters))


def _part(letters: str, moment: datetime, *, is_half: bool) -> str:
    width = len(letters)
    match letters[0]:
        case "y":
            return f"{moment.year % 100:02}" if width < 3 else f"{moment.year:04}"
        case "e":
            return str(moment.year - _era(moment)[0].year + 1).zfill(width)
        case "g":
            _, name, letter = _era(moment)
            return (letter, name[0], name)[min(width, 3) - 1]
        case "m" if width > 2:
            return moment.strftime("%b" if width == 3 else "%B")
        case "d" if width > 2:
            return moment.strftime("%a" if width == 3 else "%A")
        case "a":
            return WEEKDAYS[moment.weekday()] + ("曜日" if width > 3 else "")
        case "h":
            return str((moment.hour - 1) % 12 + 1 if is_half else moment.hour).zfill(width)
        case "s":
            return str(moment.second).zfill(min(width, 2))
        case letter:
            return str({"m": moment.month, "d": moment.day, "n": moment.minute}[letter]).zfill(width)


def _era(moment: datetime) -> tuple[date, str, str]:
    return next((each for each in ERAS if each[0] <= moment.date()), ERAS[-1])
