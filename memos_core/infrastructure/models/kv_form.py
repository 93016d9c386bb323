"""Where memories and the prompt stand in a model's chat form."""

from __future__ import annotations

from collections.abc import Callable

MEMORIES, PROMPT = "\x02memories\x03", "\x02prompt\x03"  # stand in a chat form for what comes there


def split_form(render: Callable[[list[dict[str, str]]], str]) -> tuple[str, str, str]:
    """What a chat form puts before memories, between them and the prompt, and after it.

    Parameters
    ----------
    render
        Writes turns down. Where it takes no system turn, the memories stand before the prompt in the user's.
    """
    both = [{"role": "system", "content": MEMORIES}, {"role": "user", "content": PROMPT}]
    try:
        text = render(both)
    except Exception:  # noqa: BLE001 - templates raise what they like, and each means that it takes no system turn
        text = ""
    if MEMORIES not in text or PROMPT not in text:
        text = render([{"role": "user", "content": f"{MEMORIES}\n\n{PROMPT}"}])
    before, _, rest = text.partition(MEMORIES)
    between, _, after = rest.partition(PROMPT)
    return before, between, after
