"""A small library for the small district: rules of two schools, a handbook for staff, a teacher's practice."""

from __future__ import annotations

from datetime import date, datetime

from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, DocumentKind, NewDocument, Piece

PDF = b"%PDF-1.4\n% the file as it was added"
RULES = (
    Piece(
        section="1. 登校と下校",
        page=1,
        text="朝は8時から8時20分までに登校します。\n1年生と2年生の下校は14時45分です。3年生から6年生は15時40分に下校します。",
    ),
    Piece(
        section="2. 服装",
        page=2,
        text="動きやすい服装で登校します。名札は教室に置いて帰ります。\n上ばきは金曜日に持ち帰って洗います。",
    ),
    Piece(
        section="3. 持ち物",
        page=3,
        text="水筒は一年中持って来てよいです。中身は水かお茶にします。スポーツドリンクは暑い日だけ入れてよいです。\n"
        "おかしやゲーム機は持って来ません。腕時計は許可を得た場合に限り着用できます。",
    ),
)
HANDBOOK = (
    Piece(
        section="第1章 総則 › 1. 目的",
        page=1,
        text="この手引きは、生成AIを校務で安全に利用するための基準を定めるものです。",
    ),
    Piece(
        section="第2章 利用 › 2. 入力してはいけないもの",
        page=2,
        text="生成AIには、児童生徒の氏名や成績などの個人情報を入力してはいけません。"
        "誤って入力したときは、校長に報告します。",
    ),
)


async def fill_library(library: Library, now: datetime) -> None:
    """Put documents in. Ids: ``school-rules`` (みなみ小), ``junior-rules`` (ひがし中), ``ai-handbook`` (staff of the
    district), ``practice-1`` (staff of the district)."""
    document = DocumentAudience.EVERYONE
    for new in (
        _new("school-rules.pdf", "学校のきまり", RULES, document, "minami", pages=3),
        _new("junior-rules.pdf", "ひがし中学校の生活", _junior(), document, "higashi", pages=1),
        _new("ai-handbook.html", "生成AIの手引き", HANDBOOK, DocumentAudience.STAFF, "board", pages=2),
    ):
        await library.put(new, now)
    practice = Piece(section="", page=None, text="5年算数の正多角形で、タブレットの図形アプリを使い、考えを比べた。")
    await library.put(
        NewDocument(
            source="practice:1",
            kind=DocumentKind.PRACTICE,
            title="5年算数で図形アプリ",
            file_name="practice-1.txt",
            media_type="text/plain",
            audience=DocumentAudience.STAFF,
            org_id="board",
            author="加藤 健",
            dated=date(2026, 5, 8),
            content=practice.text.encode(),
            pieces=(practice,),
        ),
        now,
    )


def _junior() -> tuple[Piece, ...]:
    text = "水筒は部活動のある日だけ持って来てよいです。自転車通学は、届けを出した生徒に許可します。"
    return (Piece(section="持ち物", page=1, text=text),)


def _new(
    name: str, title: str, pieces: tuple[Piece, ...], audience: DocumentAudience, org_id: str, pages: int
) -> NewDocument:
    is_pdf = name.endswith(".pdf")
    return NewDocument(
        source=f"file:/shelf/{name}",
        title=title,
        file_name=name,
        media_type="application/pdf" if is_pdf else "text/html",
        audience=audience,
        org_id=org_id,
        content=PDF if is_pdf else b"<h1>AI</h1><script>alert(1)</script>",
        pieces=pieces,
        pages=pages,
    )
