"""Words about the documents that are answered from."""

from datetime import date

import pytest

from intents.adding import Act, Terms, Wish, find_terms, find_wish
from knowledge.documents.model import DocumentAudience

MONDAY = date(2026, 5, 11)
STAFF, EVERYONE = Terms(audience=DocumentAudience.STAFF), Terms(audience=DocumentAudience.EVERYONE)
MARCH = date(2027, 3, 31)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("資料一覧", Wish(act=Act.LIST)),
        ("資料の一覧を見せてください。", Wish(act=Act.LIST)),
        ("どんな資料がありますか？", Wish(act=Act.LIST)),
        ("list documents", Wish(act=Act.LIST)),
        ("資料を追加したい", Wish(act=Act.ADD)),
        ("新しい資料を登録したいです", Wish(act=Act.ADD)),
        ("資料はどうやって追加するの？", Wish(act=Act.ADD)),
        ("How can I add a document?", Wish(act=Act.ADD)),
        ("資料を消して", Wish(act=Act.REMOVE)),
        ("資料「学校のきまり」を消してください", Wish(act=Act.REMOVE, which="学校のきまり")),
        ("「学校のきまり」の資料を削除", Wish(act=Act.REMOVE, which="学校のきまり")),
        ("学校のきまり.pdfを消して", Wish(act=Act.REMOVE, which="学校のきまり.pdf")),
        ("保健の資料を消したい", Wish(act=Act.REMOVE, which="保健")),
        ("「学校のきまり」を消して", Wish(act=Act.REMOVE, which="学校のきまり", is_sure=False)),
        ('delete the document "School rules"', Wish(act=Act.REMOVE, which="School rules")),
        ("資料「学校のきまり」を先生だけにして", Wish(act=Act.CHANGE, which="学校のきまり", terms=STAFF)),
        ("資料「学校のきまり」を全員に公開して", Wish(act=Act.CHANGE, which="学校のきまり", terms=EVERYONE)),
        ("資料「学校のきまり」は3月末まで", Wish(act=Act.CHANGE, which="学校のきまり", terms=Terms(until=MARCH))),
        (
            "「学校のきまり」の期限をなしにして",
            Wish(act=Act.CHANGE, which="学校のきまり", is_sure=False, terms=Terms(endless=True)),
        ),
        (
            'make the document "School rules" staff only until March 31',
            Wish(
                act=Act.CHANGE,
                which="School rules",
                terms=Terms(audience=DocumentAudience.STAFF, until=MARCH),
            ),
        ),
        (
            'the document "School rules" until March 31',
            Wish(act=Act.CHANGE, which="School rules", terms=Terms(until=MARCH)),
        ),
    ],
)
def test_it_is_known_what_is_wished_of_which(text: str, meant: Wish) -> None:
    assert find_wish(text, MONDAY) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "資料",
        "リマインドを消して",
        "1番を消して",
        "明日の予定を消して",
        "資料に避難訓練のことは書いてある？",
        "資料「学校のきまり」を大事にして",
        "資料「学校のきまり」は昨日まで",
        "delete number 2",
        "みんなに送って",
        "きまりは何時まで？",
    ],
)
def test_other_texts_wish_nothing_of_documents(text: str) -> None:
    assert find_wish(text, MONDAY) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("全員", EVERYONE),
        ("先生だけでお願いします", STAFF),
        ("子どもにも見えるように", EVERYONE),
        ("先生だけ、3月末まで", Terms(audience=DocumentAudience.STAFF, until=MARCH)),
        ("年度末まで", Terms(until=MARCH)),
        ("来週金曜まで", Terms(until=date(2026, 5, 22))),
        ("2026/12/25まで", Terms(until=date(2026, 12, 25))),
        ("5月1日まで", Terms(until=date(2027, 5, 1))),  # that of this year has passed
        ("期限なし", Terms(endless=True)),
        ("staff only", STAFF),
        ("everyone until March 31", Terms(audience=DocumentAudience.EVERYONE, until=MARCH)),
    ],
)
def test_who_may_read_and_until_when_is_read(text: str, meant: Terms) -> None:
    assert find_terms(text, MONDAY) == meant


@pytest.mark.parametrize(
    "text",
    ["", "はい", "昨日まで", "13月まで", "2月30日まで", "先生だけと校長", "全員に送って", "everyone is here"],
)
def test_anything_else_says_nothing_of_readers(text: str) -> None:
    assert find_terms(text, MONDAY) is None
