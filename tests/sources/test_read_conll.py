import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.active.spans import spans_of_tags
from gpupipe.core.errors import SourceError, UsageError

TEXT = "-DOCSTART- -X- O O\n\nAda NNP I-NP I-PER\nByron NNP I-NP I-PER\nleft VBD O O\n\n\nLondon NNP I-NP I-LOC\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "small.conll"
    made.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    return made


def test_on_every_engine(path: Path, read: Callable[..., pa.Table]) -> None:
    made = read(gp.ReadConll(path))
    assert made.to_pylist() == [
        {"id": "small-000000", "words": ["Ada", "Byron", "left"], "tags": ["B-PER", "E-PER", "O"], "n_words": 3},
        {"id": "small-000001", "words": ["London"], "tags": ["S-LOC"], "n_words": 1},
    ]
    assert read(gp.ReadConll(path, form="IOB2"), ["tags"])["tags"].to_pylist() == [["B-PER", "I-PER", "O"], ["B-LOC"]]


def test_packed_with_comments_and_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "uner.iob2.gz"
    path.write_bytes(gzip.compress("# sent_id = 1\n1\t看 来\tB-ORG\t-\n2\t# x\tO\t-\n".encode()))
    options: dict[str, Any] = {"word": 1, "tag": 2, "separator": "\t", "comment": "# "}
    [row] = rows(gp.ReadConll(path, **options))
    assert (row["words"], row["tags"]) == (["看 来", "# x"], ["S-ORG", "O"])
    [row] = rows(gp.ReadConll(path, **{**options, "tag": None}))
    assert list(row) == ["id", "words", "n_words"]


def rows(source: gp.ReadConll) -> list[dict[str, Any]]:
    made = gp.Pipeline("p", {"rows": source.node()}).run(engine="cpu")["rows"]
    return list(made.to_arrow().to_pylist())


def test_many_sentences_come_in_batches(tmp_path: Path) -> None:
    (tmp_path / "many.conll").write_text("a O\n\n" * 9000)
    made = rows(gp.ReadConll(tmp_path / "many.conll"))
    assert len({row["id"] for row in made}) == 9000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ada I-PER\nByron\n", "line 2: expected a word in column 0 and a tag in column 1, got 'Byron'"),
        ("Ada NNP\n", "line 1: in the sentence that ends here: Expected tags such as O, B-PER or I-PER, got 'NNP'"),
        (b"Ada \xff\n", "line 1: expected text in UTF-8"),
    ],
)
def test_what_is_broken_is_told_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "broken.conll"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SourceError) as caught:
        rows(gp.ReadConll(path, tag=1))
    assert message in str(caught.value)


def test_bad_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="got 'BIO'"):
        gp.ReadConll("a.conll", form="BIO")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="two columns"):
        gp.ReadConll("a.conll", word=-1)
    with pytest.raises(SourceError, match="CoNLL files"):
        gp.ReadConll(tmp_path / "none.conll").schema()


def test_real_files(shared_data: Path) -> None:
    """Counts of WNUT17 as its paper has them (Derczynski et al. 2017, table 3), and of wikigold (Balasuriya et al. 2009)."""
    wnut = rows(gp.ReadConll(shared_data / "ner" / "wnut17_train.conll.gz", separator="\t"))
    assert (len(wnut), sum(row["n_words"] for row in wnut)) == (3394, 62730)
    assert sum(len(spans_of_tags(row["tags"])) for row in wnut) == 1975
    wikigold = rows(gp.ReadConll(shared_data / "ner" / "wikigold.conll.gz"))
    assert sum(row["n_words"] for row in wikigold) == 39007
    assert {tag[:2] for row in wikigold for tag in row["tags"]} == {"O", "B-", "I-", "E-", "S-"}
    filings = rows(gp.ReadConll(shared_data / "ner" / "sec_filings_fin5.conll.gz"))
    assert not any("-DOCSTART-" in row["words"] for row in filings)
