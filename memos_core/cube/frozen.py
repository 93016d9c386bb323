"""The one model configuration of the vocabulary, and its errors in a line."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class Frozen(BaseModel):
    """An immutable value. Fields it does not know are kept, so that newer writers lose nothing here."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, defer_build=True)


def problems(error: ValidationError) -> str:
    """What is wrong with which field, in one line."""
    return (
        "; ".join(f"{'.'.join(map(str, each['loc'])) or 'all'}: {each['msg'].lower()}" for each in error.errors()) + "."
    )
