"""A question finds what a document says in other words, and is answered with a sentence, never a bare heading."""

from datetime import date

import pytest

from knowledge.documents.answering import answer_from, asked
from knowledge.documents.lexical import Entry, Index
from knowledge.documents.model import AnswerStatus, DocumentAudience, Hit, Passage, Reader
from knowledge.documents.sentences import Shape, is_heading, line_above, split_sentences
from knowledge.documents.synonyms import groups, told_in
from knowledge.documents.terms import terms_of
from knowledge.documents.words import content_words

READER = Reader(orgs=None, is_staff=True, on=date(2026, 5, 15))


def hit(text: str, *, title: str = "きまり", section: str = "", coverage: float = 0.5) -> Hit:
    passage = Passage(document="d", position=0, title=title, section=section, page=None, text=text)
    return Hit(passage=passage, score=1.0, coverage=coverage)


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("なくしたら", "紛失したとき"),
        ("われた", "破損"),
        ("学校を休む", "欠席する"),
        ("お金", "参加費"),
        ("a lost tablet", "loss of a device"),
        ("how much is the fee", "the cost"),
    ],
)
def test_what_people_say_and_what_documents_write_is_the_same(spoken: str, written: str) -> None:
    def told(text: str) -> set[int]:
        return {each.group for each in told_in(content_words(text))}

    assert told(spoken) & told(written)


def test_every_group_has_several_words_each_once() -> None:
    assert all(len(words) >= 2 and len(words) == len(set(words)) for words in groups())


def test_a_question_is_answered_in_the_words_of_the_document() -> None:
    answer = answer_from("鍵をなくしたら？", [hit("鍵の色は青です。紛失した場合は職員室へ届けてください。")])
    assert "紛失した場合は職員室へ届けてください。" in answer.text


def test_a_word_that_a_child_writes_in_kana_is_heard_where_nothing_else_is_recognised() -> None:
    """うんどうかい is divided into words of which none carries a meaning."""
    answer = answer_from("うんどうかい いつ？", [hit("運動会は10月3日です。水筒を持って来ます。")])
    assert answer.text == "運動会は10月3日です。"


def index_of(*texts: str) -> Index:
    entries = [
        Entry(id=str(n), version="1", audience=DocumentAudience.EVERYONE, org_id=None, valid_until=None)
        for n in range(len(texts))
    ]
    return Index().changed(entries, {str(n): [(0, *terms_of(text))] for n, text in enumerate(texts)})


def test_a_passage_is_found_by_another_word_for_what_is_asked() -> None:
    index = index_of("運動会は五月です。", "遺失物は職員室で預かります。", "プールは七月です。")
    assert index.search("なくしたら？", READER, 3)[0].place.document == "1"


def test_a_word_is_as_common_as_its_synonyms_among_what_the_reader_may_find() -> None:
    index = index_of("欠席の連絡", "欠席の理由", "給食")
    rarity = index.rarities("休む人の宇宙船", READER)
    assert rarity["宇宙"] == 1.0
    assert rarity["休む"] < 1.0


def test_a_heading_alone_is_no_answer() -> None:
    text = "Telling the school your child is absent\nPlease send the absence through the app before 8:00."
    sentences = split_sentences(text)
    assert sentences[0].shape is Shape.LEAD
    assert is_heading(sentences, 0)
    assert line_above(sentences, 1) == 0
    answer = answer_from("What should I do if my child is absent?", [hit(text, title="Absence")])
    assert answer.text == "Please send the absence through the app before 8:00."


def test_a_price_that_stands_nowhere_is_not_answered() -> None:
    there, absent = hit("上ばきは学校で買えます。一足900円です。"), hit("上ばきは学校で買えます。")
    assert answer_from("上ばきの値段はいくら？", [there]).status is AnswerStatus.ANSWERED
    wanted = asked("上ばきの値段はいくら？").wanted
    assert wanted is not None
    assert wanted.is_figure
    assert not wanted.has.search(absent.passage.text)


@pytest.mark.parametrize(
    ("question", "holds", "lacks"),
    [
        ("何人入れますか", "定員は24人です", "9時に始まります"),
        ("なんさつ かりられる？", "5冊まで借りられます", "2週間借りられます"),
        ("卒業式は何時に始まる？", "午前9時30分に始まります", "3月19日です"),
        ("how many books", "up to five books", "for two weeks"),
    ],
)
def test_a_question_for_a_number_wants_a_number_of_that(question: str, holds: str, lacks: str) -> None:
    wanted = asked(question).wanted
    assert wanted is not None
    assert wanted.has.search(holds)
    assert not wanted.has.search(lacks)
