"""The link says what is on screen, and a bad link says so."""

from hypothesis import given
from hypothesis import strategies as st

from explorer.state import EXAMPLES, Choice, read_query, settle, write_query


@given(st.text(min_size=1), st.integers(1, 99), st.integers(1, 99))
def test_a_choice_survives_the_link(text: str, layer: int, head: int) -> None:
    query: dict[str, str] = {}
    choice = Choice(text, layer, head)
    write_query(choice, query)
    assert read_query(query).choice == choice


def test_an_empty_link_shows_the_first_example() -> None:
    assert read_query({}).choice == Choice(EXAMPLES[0])


def test_a_number_that_is_none_is_named() -> None:
    reading = read_query({"layer": "three", "head": "2"})
    assert reading.choice.layer is None
    assert reading.choice.head == 2
    assert "layer=three" in reading.notices[0]


def test_a_head_that_the_model_lacks_is_named_and_replaced() -> None:
    reading = settle(Choice("x", layer=2, head=9), n_layers=3, n_heads=8, best=(1, 4))
    assert reading.choice == Choice("x", layer=2, head=4)
    assert "head 9" in reading.notices[0]
    assert "1 to 8" in reading.notices[0]


def test_no_choice_opens_the_best_head_without_a_notice() -> None:
    reading = settle(Choice("x"), n_layers=3, n_heads=8, best=(2, 4))
    assert reading.choice == Choice("x", layer=2, head=4)
    assert not reading.notices


def test_a_link_that_is_right_already_is_not_touched() -> None:
    class Frozen(dict[str, str]):
        def __setitem__(self, *_: object) -> None:
            raise AssertionError("written")

    choice = Choice("x", 1, 2)
    write_query(choice, Frozen(choice.to_query()))
