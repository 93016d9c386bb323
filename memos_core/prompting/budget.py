"""A hard limit on what one operation asks of a chat model."""

from __future__ import annotations

from dataclasses import dataclass, field

from memos_core.errors import BudgetExceeded, InvalidInput

BYTES_PER_TOKEN = 3  # cautious: English has about four, Chinese about three


def estimated_tokens(text: str) -> int:
    """Tokens of a text where nobody counts them: rather too many than too few.

    Examples
    --------
    >>> estimated_tokens("What is it?")
    4
    """
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


@dataclass
class Budget:
    """Calls and tokens that the asks of one operation may take together. One operation uses it, in one thread.

    Attributes
    ----------
    calls
        Of the model; that a client sends a request again after a failure in passing does not count.
    tokens
        In both directions.

    Raises
    ------
    InvalidInput
        If a limit is negative.
    """

    calls: int
    tokens: int
    calls_spent: int = field(default=0, init=False)
    tokens_spent: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.calls < 0 or self.tokens < 0:
            raise InvalidInput(detail=f"A budget cannot be negative; got {self.calls} calls, {self.tokens} tokens.")

    def reserve(self, tokens: int) -> None:
        """Count a call that may take so many tokens.

        Raises
        ------
        BudgetExceeded
            If it would go over a limit. Nothing was counted.
        """
        for unit, limit, spent, needed in (
            ("calls", self.calls, self.calls_spent, 1),
            ("tokens", self.tokens, self.tokens_spent, tokens),
        ):
            if spent + needed > limit:
                raise BudgetExceeded(unit=unit, limit=limit, spent=spent, needed=needed)
        self.calls_spent += 1
        self.tokens_spent += tokens

    def settle(self, *, reserved: int, taken: int) -> None:
        """Put what a call took in the place of what was reserved; without it, all of that stays spent."""
        self.tokens_spent += taken - reserved
