"""What lines look like: headings by their numbering, items of lists, the way lines of a paragraph are joined."""

from __future__ import annotations

import re

LONGEST_HEADING = 60  # characters
NUMBER = r"[0-9０-９一二三四五六七八九十]+"
NUMBERED = (  # of Japanese public documents, the outermost first
    re.compile(rf"第{NUMBER}[章部編]([\s　]|$|[^\s　。、をはにのがで])"),
    re.compile(rf"第{NUMBER}[節款]"),
    re.compile(r"[0-9０-９]{1,2}([.．][\s　]*(?![0-9０-９])|[\s　]+)\S"),
    re.compile(r"[0-9０-９]{1,2}[.．\-－][0-9０-９]{1,2}[.．]?[\s　]*(?![0-9０-９.．])\S"),
    re.compile(r"[0-9０-９]{1,2}([.．][0-9０-９]{1,2}){2}[.．]?[\s　]*\S"),
    re.compile(r"[（(][0-9０-９]{1,2}[）)]"),
    re.compile(r"[■◆◎□▼]"),
    re.compile(r"【[^】]+】$"),
)
CERTAIN = (0, 1, 6, 7)  # those that are headings wherever they stand alone; a number may begin an item of a list
ITEM = re.compile(
    r"[・●○◇◆□■☐☑✓※•▪►▶\-–*＊][\s　]?\S|[（(]?([0-9０-９]{1,2}|[ア-ン]|[a-z])[）).．][\s　]?\S|[①-⑳㋐-㋾]"
)
SENTENCE_END = ("。", "．", "！", "？", "、", "，", "；", ";", ",", "!", "?")
WIDE = re.compile(r"[\u2e80-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\uffe0-\uffe6\u3000-\u303f]")

NUMBER_PARTED = re.compile(r"\d-\d$")  # a telephone number at the end of a line


def heading_level(line: str, *, certain_only: bool = False) -> int | None:
    """The level that a line's numbering gives it as a heading, 1 the outermost; None for a line that is not one:
    without numbering, too long, or a sentence."""
    if len(line) > LONGEST_HEADING or line.endswith((*SENTENCE_END, ".")) or "。" in line:
        return None
    for level, pattern in enumerate(NUMBERED):
        if pattern.match(line) and (level in CERTAIN or not certain_only):
            return level + 1
    return None


def joined(lines: list[str]) -> str:
    """Lines of one paragraph as one: with a space between words of letters, with none in Japanese, and a word that a
    hyphen parts is whole again."""
    whole = ""
    for line in (each.strip() for each in lines):
        if not whole or not line:
            whole += line
        elif whole[-1] == "-" and whole[-2:-1].isalpha() and line[0].islower():
            whole = whole[:-1] + line
        elif WIDE.match(whole[-1]) or WIDE.match(line[0]) or NUMBER_PARTED.search(whole + line[0]):
            whole += line
        else:
            whole += f" {line}"
    return whole
