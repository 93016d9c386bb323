"""Objects of claims: what may stand behind a verb, for each kind of verb. Precision before recall.

Every function takes the words behind a verb, up to the end of what belongs to it, and gives the objects in them,
without article. It gives none where the words are not what they would have to be.
"""

from __future__ import annotations

import re

LONGEST = 6  # words of an object

_ARTICLE = re.compile(r"^(?:an?|the|my|our|his|her|their|some)\s+", re.IGNORECASE)
_VAGUE = re.compile(
    r"(?:it|its|that|this|these|those|you|your|yours|him|her|hers|them|their|me|us|myself|how|when|what|where|why|who|"
    r"to|so|such|the way|being|everything|anything|nothing|something|someone|everyone|all|one|as|if|there|here|any|"
    r"working with|more|lots?|a lot)\b",
    re.IGNORECASE,
)
_NUMBER = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twin|several)"


def _words(text: str) -> frozenset[str]:
    return frozenset(word.replace("_", " ") for word in text.split())


_PLACES = _words(
    "town village city suburb island farm flat apartment house cottage district neighbourhood neighborhood area county "
    "state province valley country"
)
_OCCUPATIONS = _words(
    """
    accountant actor actress architect artist astronaut author baker banker barber barista bartender biologist
    bookkeeper butcher carpenter cashier chef chemist cleaner clerk coach composer consultant cook counsellor counselor
    dancer dentist designer developer dietitian diplomat director doctor driver economist editor electrician engineer
    farmer filmmaker firefighter fisherman florist gardener geologist geographer guide hairdresser historian illustrator
    inspector interpreter janitor jeweller journalist judge juggler lawyer lecturer librarian lifeguard linguist
    manager mathematician mechanic midwife miner model musician nanny nurse nutritionist officer operator optician
    painter paramedic pharmacist photographer physicist physiotherapist pilot plumber poet policeman policewoman
    politician porter potter priest producer professor programmer psychiatrist psychologist radiographer ranger
    receptionist reporter researcher roofer sailor salesman salesperson saleswoman scientist sculptor seamstress
    secretary singer solicitor soldier statistician student surgeon surveyor tailor teacher technician therapist
    trader trainer translator tutor vet veterinarian waiter waitress welder writer zoologist
    """
)
_FIELDS = _words(
    "construction finance it marketing sales retail education healthcare tech law insurance hr advertising publishing "
    "tourism agriculture research hospitality logistics accounting banking journalism politics software"
)
_CONDITIONS = _words(
    "vegan vegetarian pescatarian coeliac celiac diabetic asthmatic lactose_intolerant gluten-free left-handed "
    "right-handed colour-blind color-blind retired unemployed self-employed single divorced widowed engaged pregnant "
    "deaf blind bilingual trilingual jewish muslim christian catholic buddhist hindu atheist"
)
_LANGUAGES = _words(
    """
    afrikaans albanian amharic arabic armenian basque bengali bosnian bulgarian cantonese catalan chinese croatian czech
    danish dutch english esperanto estonian farsi filipino finnish flemish french gaelic galician georgian german greek
    gujarati hausa hebrew hindi hungarian icelandic igbo indonesian irish italian japanese javanese kannada kazakh khmer
    korean kurdish lao latin latvian lithuanian macedonian malay malayalam maltese mandarin maori marathi mongolian
    nepali norwegian pashto persian polish portuguese punjabi quechua romanian russian serbian sinhala slovak slovenian
    somali spanish swahili swedish tagalog tamil telugu thai tibetan turkish ukrainian urdu uzbek vietnamese welsh xhosa
    yiddish yoruba zulu asl
    """
)
_PLAYED = _words(
    """
    accordion bagpipes banjo bass bassoon cello clarinet clarinets drums fiddle flute guitar harmonica harp horn
    keyboard keyboards mandolin oboe organ percussion piano recorder sax saxophone sitar trombone trumpet tuba ukulele
    viola violin badminton baseball basketball bridge chess cricket darts football golf handball hockey lacrosse padel
    poker pool rugby scrabble snooker soccer softball squash tennis volleyball
    """
)
#: Heads of what people have for long; "a meeting", "an idea" and "a cold" are had, and not noted.
_BELONGINGS = _words(
    """
    dog dogs cat cats puppy puppies kitten kittens horse horses pony parrot parrots hamster hamsters rabbit rabbits
    turtle tortoise goldfish fish chickens hens goats sheep cows snake lizard gecko greyhound labrador poodle terrier
    spaniel retriever beagle dachshund husky collie budgie canary ferret pets pet
    brother brothers sister sisters sibling siblings son sons daughter daughters child children kid kids twins nephew
    nephews niece nieces cousin cousins grandchildren grandson granddaughter stepson stepdaughter girlfriend boyfriend
    partner wife husband
    car cars van truck motorbike motorcycle bike bicycle scooter boat yacht caravan camper tractor
    house flat apartment cottage cabin garden allotment farm vineyard studio workshop greenhouse
    piano guitar guitars violin cello drums keyboard ukulele telescope camera drone printer
    asthma diabetes epilepsy arthritis migraines eczema psoriasis anxiety depression adhd dyslexia insomnia hay_fever
    anaemia anemia hypertension tinnitus endometriosis
    """
)


def _bare(text: str) -> str:
    return _ARTICLE.sub("", text.strip(), count=1).strip(" ,.'\"")


def _is_short(text: str) -> bool:
    return 0 < len(text.split()) <= LONGEST


def _several(text: str) -> list[str]:
    """The members of "jazz and pottery": each is short, and none begins a clause of its own."""
    parts = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", text)
    return parts if all(0 < len(part.split()) <= 3 for part in parts) else [text]


def _head_in(text: str, lexicon: frozenset[str]) -> bool:
    """Say whether the last word before any preposition, or the last two, are in a lexicon."""
    words = re.split(r"\s+(?:in|at|of|for|on|near|from|with|by)\s+", text.casefold())[0].split()
    return bool(words) and (words[-1] in lexicon or " ".join(words[-2:]) in lexicon)


# -- names and places -----------------------------------------------------------------------------


def name(text: str) -> list[str]:
    """Capitalised words: "Henrik", "Linux"."""
    found = re.match(r"(?:the\s+)?([A-Z0-9][\w'&.-]*(?:\s+[A-Z0-9][\w'&.-]*){0,3})", text)
    return [found[1].rstrip(".")] if found else []


def make(text: str) -> list[str]:
    """What has a make, as cars do."""
    return name(re.sub(r"^an?\s+", "", text)) if re.match(r"an?\s", text) else []


def place(text: str) -> list[str]:
    """A name, or "a small village near Cork"."""
    named = re.match(r"(?:the\s+)?[A-Z][\w\u00c0-\u024f'.-]*(?:(?:\s+|,\s+|-)[A-Z][\w\u00c0-\u024f'.-]*){0,3}", text)
    if named:
        return [_bare(named[0])]
    return home(text) if re.match(r"an?\s", text) else []


def home(text: str) -> list[str]:
    """A place by name, or by what it is."""
    if text[:1].isupper():
        return place(text)
    bare = _bare(text)
    return [bare] if re.match(r"an?\s", text) and _is_short(bare) and _head_in(bare, _PLACES) else []


def organisation(text: str) -> list[str]:
    """A name, or "the city council": with an article, for people work "at night" and "for free"."""
    if text[:1].isupper():
        return [re.split(r"\s+(?:as|in|on|since)\s+", text)[0]]
    bare = _bare(re.split(r"\s+(?:as|in|on|since)\s+", text)[0])
    return [bare] if re.match(r"(?:an?|the)\s+(?!moment|same|time|day|night)", text) and _is_short(bare) else []


# -- work -----------------------------------------------------------------------------------------


def role(text: str) -> list[str]:
    """What somebody works as; only after a verb that says so."""
    bare = _bare(re.split(r"\s+(?:in|at|for|with|on)\s+", text)[0])
    return [bare] if _is_short(bare) and not _VAGUE.match(text) and not re.match(r"the\s|a\s+team", text) else []


def occupation(text: str) -> list[str]:
    """As "a civil engineer": a word for a trade is at its end, for "a morning person" is none."""
    found = [bare for bare in role(text) if re.match(r"an?\s", text) and _head_in(bare, _OCCUPATIONS)]
    return [] if re.search(r"\b(?:bit|kind|sort|such|like)\b", text.split(" who ", 1)[0]) else found


def field(text: str) -> list[str]:
    """As "construction" and the like."""
    word = text.casefold().split(" ")[0].strip(".,")
    return [word] if word in _FIELDS else []


# -- taste ----------------------------------------------------------------------------------------


#: After "the", what is meant in general and not before the speaker's eyes.
_GENERIC = re.compile(
    r"the (?:ocean|sea|beach|outdoors|mountains?|countryside|rain|snow|cold|heat|theatre|theater|cinema|gym|city|woods|"
    r"forest|sun|winter|summer|autumn|spring|\w+ (?:shifts|movies|films|books|games|songs|novels|series))\b"
)


def liked(text: str) -> list[str]:
    """Things and doings; not "how you did it", "that idea" or what belongs to the listener."""
    found = [_bare(part) for part in _several(text)]
    if _VAGUE.match(text) or not all(_is_short(part) for part in found):
        return []
    is_pointing = re.search(r"\b(?:you|your|this|that|them|it)\b|^(?:his|her|their|the)\s", text, re.IGNORECASE)
    return [] if is_pointing and not re.match(_GENERIC, text) else found


def preferred(text: str) -> list[str]:
    """The first of two: "tea to coffee"."""
    first = re.split(r"\s+(?:to|over|rather than|instead of|than)\s+", text)[0]
    return liked(first)[:1]


def condition(text: str) -> list[str]:
    """One of few lasting conditions."""
    bare = re.sub(r"^an?\s+", "", text.casefold()).strip(" .,")
    return [bare] if bare in _CONDITIONS else []


def goods(text: str) -> list[str]:
    """What is eaten or drunk."""
    bare = re.sub(r"^any\s+", "", text)
    found = _several(bare)
    short = all(len(part.split()) <= 3 for part in found)
    return found if short and re.match(r"[a-z]", bare) and not _VAGUE.match(bare) else []


def allergen(text: str) -> list[str]:
    """What somebody is allergic to."""
    found = [_bare(part) for part in _several(text)]
    is_jest = re.match(r"mornings?|mondays?|work|people|idiots|anything|both|nothing|him|her", text, re.IGNORECASE)
    return [] if is_jest or _VAGUE.match(text) else found


def allergy(text: str) -> list[str]:
    """As "shellfish allergy"."""
    found = re.match(r"an? ((?:\w+ ){0,2}\w+) allergy", text)
    return [re.sub(r"^(?:severe|bad|mild|terrible)\s+", "", found[1])] if found else []


# -- belongings -----------------------------------------------------------------------------------


def belonging(text: str) -> list[str]:
    """Pets, kin, vehicles, homes, instruments and lasting illnesses; "no children" is given with its "no"."""
    found = re.split(r"\s+who\s+|\s+(?:named|called)\s+", text)[0]
    parts = _several(found)
    lasting = [
        _bare(part)
        for part in parts
        if re.match(rf"(?:an?|no|{_NUMBER})\s", part, re.IGNORECASE)
        or part.casefold() in _BELONGINGS
        or re.match(r"type \d", part)
    ]
    if len(lasting) < len(parts) or not all(_head_in(part, _BELONGINGS) and _is_short(part) for part in lasting):
        return []
    return lasting


def owned(text: str) -> list[str]:
    """Whatever is owned or sold: a thing with an article, a number or an owner."""
    bare = _bare(text)
    is_thing = re.match(rf"(?:an?|my|our|his|her|{_NUMBER})\s", text, re.IGNORECASE)
    return [bare] if is_thing and _is_short(bare) and not re.match(r"own\b", bare) else []


# -- skills ---------------------------------------------------------------------------------------


def languages(text: str) -> list[str]:
    """Languages by name."""
    return [part for part in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", text) if part.casefold() in _LANGUAGES]


def subject(text: str) -> list[str]:
    """A field of study: no article, and short."""
    bare = re.split(r"\s+(?:at|in|for|with)\s+", text)[0].strip(" ,.")
    has_article = _ARTICLE.match(text) or re.match(rf"{_NUMBER}\s|hard\b|with\b|for\b|from\b|about\b|by\b", text)
    return [bare] if bare and len(bare.split()) <= 3 and not has_article and not _VAGUE.match(text) else []


def played(text: str) -> list[str]:
    """An instrument or a game."""
    words = _bare(re.split(r"\s+(?:with|in|at|for|on|every|and)\s+", text)[0]).casefold()
    return [words] if words in _PLAYED else []


# -- numbers and deeds ----------------------------------------------------------------------------


def years(text: str) -> list[str]:
    """An age."""
    found = re.match(r"(\d{1,3}|[a-z]+(?:-[a-z]+)?)(?=\s+years?\s+old|\W*$)", text)
    return [found[1]] if found else []


def deed(text: str) -> list[str]:
    """What somebody plans to do, in its plain form."""
    idle = (
        r"(?:an?|the|my|our|this|that|some|be|feel|start to feel|"
        r"think|see|try|say|let|do|get back|check|have to|need|miss|"
        r"kill|bed|sleep|admit|assume|guess)\b"
    )
    return [text] if re.match(r"[a-z]", text) and not re.match(idle, text) and len(text.split()) <= 12 else []


def deed_going_on(text: str) -> list[str]:
    """As "flying to Oslo" as "fly to Oslo": only of verbs that, going on at a time to come, are plans."""
    verb, _, rest = text.partition(" ")
    return deed(f"{_PLANNED[verb]} {rest}") if verb in _PLANNED and rest else []


_PLANNED = {
    "attending": "attend", "buying": "buy", "celebrating": "celebrate", "coming": "come", "competing": "compete",
    "driving": "drive", "flying": "fly", "getting": "get", "graduating": "graduate", "having": "have",
    "hosting": "host",
    "joining": "join", "launching": "launch", "leaving": "leave", "marrying": "marry", "meeting": "meet",
    "moving": "move", "opening": "open", "performing": "perform", "retiring": "retire", "returning": "return",
    "running": "run", "selling": "sell", "speaking": "speak", "starting": "start", "taking": "take",
    "throwing": "throw", "travelling": "travel", "traveling": "travel", "visiting": "visit",
}  # fmt: skip
