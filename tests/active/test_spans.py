from gpupipe.active.spans import tags_of


def test_tags() -> None:
    assert tags_of("[]", 2) == ["O", "O"]
    assert tags_of('[[0,1,"A"],[1,3,"A"]]', 3) == ["B-A", "B-A", "I-A"]
