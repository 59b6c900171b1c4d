"""What is sent along when an order is moved on."""

from typing import Any

from common.errors import Invalid

_MAX_REASON = 500  # characters


def reason(body: Any) -> str | None:
    """Why, of nothing or {"reason": "…"}. Raises Invalid."""
    if body is None or body == {}:
        return None
    problem = None
    if not isinstance(body, dict) or set(body) != {"reason"}:
        problem = 'Send nothing, or {"reason": "…"} and no other field.'
    elif not isinstance(body["reason"], str) or not body["reason"].isprintable():
        problem = "Must be a text on one line."
    elif not 1 <= len(body["reason"]) <= _MAX_REASON:
        problem = f"Must be 1 to {_MAX_REASON} characters long."
    if problem is not None:
        raise Invalid.fields([{"field": "reason", "message": problem}])
    return str(body["reason"])


def undo(body: Any) -> bool:
    """Whether it is to be undone, of nothing or {"undo": true}. Raises Invalid."""
    if body is None or body == {}:
        return False
    if not isinstance(body, dict) or set(body) != {"undo"} or not isinstance(body["undo"], bool):
        message = 'Send nothing, or {"undo": true} and no other field.'
        raise Invalid.fields([{"field": "undo", "message": message}])
    return bool(body["undo"])
