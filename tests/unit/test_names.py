import pytest

from memos_core.language.names import entity_key, find_names

CASES = {
    "I met Clara in Lisbon": ("Clara", "Lisbon"),
    "Yesterday Ana's brother flew to New York": ("Ana", "New York"),
    "She loves the Museum of Modern Art": ("Museum of Modern Art",),
    "We work with NASA and ESA": ("NASA", "ESA"),
    "Ask @tom about it": ("@tom",),
    'I read "The Great Gatsby" again': ("Gatsby", "The Great Gatsby"),
    "Jonas moved to Bremen": ("Jonas", "Bremen"),
    "Wow! That is great.": (),
    "Running is fun. Really fun.": (),
    "Last Friday in June we met": (),
    "I think I am tired": (),
    "Thanks, Mira!": ("Mira",),
    "tell Mira and Jonas": ("Mira", "Jonas"),
    "Clara and I went": ("Clara",),
    "mit Frau von der Leyen": ("Frau von der Leyen",),
    "O'Brien came": (),
    "": (),
    "no names at all": (),
    "We saw Jean-Luc in Aix-en-Provence": ("Jean-Luc", "Aix-en-Provence"),
    "At Drei Uhr the queue was long": ("Drei Uhr",),
    "\u00c5sa lives in \u00d6rebro": ("\u00c5sa", "\u00d6rebro"),
}


@pytest.mark.parametrize(("text", "names"), CASES.items())
def test_names_are(text: str, names: tuple[str, ...]) -> None:
    assert set(find_names(text)) == set(names)


def test_known_speakers_are_found_however_they_are_written() -> None:
    assert find_names("tell mel I said hi", speakers=["Mel", "Tom"]) == ("Mel",)


def test_a_name_is_listed_once() -> None:
    assert find_names("I saw Rome. You saw Rome, and ROME saw us.") == ("Rome",)


def test_spellings_of_a_name_share_a_key() -> None:
    assert entity_key("New  York") == entity_key("new york") == "new york"
