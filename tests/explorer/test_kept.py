"""What is made once is kept, within a size; the least recently seen go first."""

from explorer.engine.kept import Kept


def test_a_result_is_made_once() -> None:
    kept, made = Kept(2), []
    for key in ("a", "b", "a", "b"):
        assert kept.get(key, lambda key=key: made.append(key) or key) == key  # type: ignore[misc]
    assert made == ["a", "b"]


def test_the_least_recently_seen_goes_first() -> None:
    kept, made = Kept(2), []
    for key in ("a", "b", "a", "c", "a", "b"):
        kept.get(key, lambda key=key: made.append(key))  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]


def test_what_is_larger_than_all_there_is_room_for_is_made_but_not_kept() -> None:
    kept = Kept(5, len)
    first = kept.get("long", lambda: "x" * 6)
    assert first == "x" * 6
    assert kept.get("long", lambda: "again") == "again"


def test_sizes_are_added_up() -> None:
    kept = Kept(5, len)
    kept.get("a", lambda: "xxx")
    kept.get("b", lambda: "yyy")
    assert kept.get("b", lambda: "new") == "yyy"
    assert kept.get("a", lambda: "new") == "new"
