import pytest

from memos_core.language.words import only_asks, terms


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Where did Melanie's sister move to?", ["melanie", "sister", "move"]),
        ("What is it?", ["what", "is", "it"]),
        ("the cat and the CAT", ["cat"]),
        ("How many cats in 2023?", ["many", "cats", "2023"]),
        ("", []),
        ("?!", []),
        ("\u6f22\u5b57 caf\u00e9", ["\u6f22\u5b57", "caf\u00e9"]),
        (
            "\u732b\u306f\u4f55\u3067\u3059\u304b",
            ["\u732b\u306f", "\u306f\u4f55", "\u4f55\u3067", "\u3067\u3059", "\u3059\u304b"],
        ),
        ("iPhone\u624b\u673a \u732b", ["iphone", "\u624b\u673a", "\u732b"]),
        ("I don't know why she won't", ["i", "don", "know", "why", "she", "won"]),
    ],
)
def test_terms_are_what_is_worth_looking_up(question: str, expected: list[str]) -> None:
    assert terms(question) == expected


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Where does Ana live?", True),
        ("Really?! Where?", True),
        ('"Where?" "And when?"', True),
        ("\u732b\u306f\u3069\u3053\uff1f", True),
        ("I live in Porto. And you?", False),
        ("Wow! Where?", False),
        ("Where is it? Tell me.", False),
        ("It is 3.5 km away", False),
        ("?", False),
        ("", False),
    ],
)
def test_only_questions_ask(text: str, asks: bool) -> None:
    assert only_asks(text) is asks
