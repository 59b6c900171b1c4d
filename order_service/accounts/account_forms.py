"""What accounts may look like when they are asked for."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from common.form_fields import MAX_EMAIL, REQUIRED, Email, Flag, Line, StrictSchema, fill, is_too_long
from common.http.paging import refuse
from common.orders.lifecycle import USER_ROLES
from order_service.name_keys import name_key

# An order's history names these.
_RESERVED = ("customer", "staff", "house", "kitchen", "guest")
_MAX_LINK = 2000  # characters; a link from a letter has about 200
_MIN_PASSWORD, _MAX_PASSWORD = 8, 200  # characters of a password; NIST SP 800-63B asks for 8 and for room


def registration(body: object) -> dict[str, Any]:
    """`email`, `username` and `password`. Raises Invalid."""
    return fill(REGISTRATION, body, "A registration")


def mailbox(body: object) -> str:
    """The `email` that a letter goes to. Raises Invalid."""
    return str(fill(MAILBOX, body, "The request")["email"])


def finished_registration(body: object) -> dict[str, Any]:
    """`link`, from a letter, `username` and `password`. Raises Invalid."""
    return fill(FINISHED_REGISTRATION, body, "A registration")


def reset(body: object) -> dict[str, Any]:
    """`link`, from a letter, and `new_password`. Raises Invalid."""
    return fill(RESET, body, "A reset of the password")


def new_address(body: object) -> dict[str, Any]:
    """`email`, the new one, and `password`, to be sure who asks. Raises Invalid."""
    return fill(NEW_ADDRESS, body, "A change of address")


def followed_link(body: object) -> str:
    """The `link`, from a letter. Raises Invalid."""
    return str(fill(LINK, body, "The request")["link"])


def sign_in(body: object) -> dict[str, Any]:
    """`email` and `password`, which may be anything that somebody could mean. Raises Invalid."""
    return fill(SIGN_IN, body, "A sign-in")


def new_password(body: object) -> dict[str, Any]:
    """`current_password` and `new_password`. Raises Invalid."""
    return fill(NEW_PASSWORD, body, "A change of password")


def chosen_password(password: str) -> str:
    """A password that an operator types for somebody. Raises Invalid."""
    return str(fill(_CHOSEN_PASSWORD, {"password": password}, "A password")["password"])


def role(body: object) -> str:
    """The role that somebody gets. Raises Invalid."""
    return str(fill(ROLE, body, "A change of role")["role"])


def disabled(body: object) -> bool:
    """Whether an account shall be disabled. Raises Invalid."""
    return bool(fill(DISABLED, body, "Disabling an account")["disabled"])


def people(filters: Mapping[str, str]) -> dict[str, Any]:
    """Who is asked for: `roles`, and `search` in e-mails and `search_key` in names, each None for all. Raises
    Invalid."""
    roles = sorted(set(filters["role"].split(","))) if "role" in filters else None
    if roles is not None and not set(roles) <= set(USER_ROLES):
        raise refuse("role", f"Must be one or several of: {', '.join(USER_ROLES)}.")
    search = filters.get("search", "")
    if is_too_long(search, MAX_EMAIL) or (search and not search.isprintable()):
        raise refuse("search", f"Must be a text on one line of at most {MAX_EMAIL} characters.")
    key = name_key(search)
    return {"roles": roles, "search": search.strip().lower() if key else None, "search_key": key or None}


class _Username(Line):
    """Letters and digits of any script, with blanks, dots, hyphens, underscores and apostrophes between them."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if not all(unicodedata.category(char)[0] in "LMN" or char in " ._-'’" for char in name):
            raise ValidationError("Only letters, digits, spaces, dots, hyphens, underscores and apostrophes.")
        if not any(unicodedata.category(char)[0] in "LN" for char in name_key(name)):
            raise ValidationError("Needs a letter or a digit.")
        if name_key(name) in _RESERVED:
            raise ValidationError("Is reserved: choose another name.")
        return name

    def json_schema(self) -> dict[str, Any]:
        """What it must not have of ASCII."""
        return {**super().json_schema(), "pattern": r"^[^\x00-\x1f!-&(-,/:-@\[-^`{-\x7f]+$"}


class _Password(fields.Field[str]):
    """Any characters, in the form in which every keyboard's are the same (NFKC)."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(required=True, error_messages=REQUIRED)
        self._least, self._most = least, most

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a text.")
        if is_too_long(value, self._most):
            raise ValidationError(f"Must be {self._least} to {self._most} characters long.")
        if any(unicodedata.category(char) == "Cs" for char in value):
            raise ValidationError("Contains a broken character: type it again.")
        password = unicodedata.normalize("NFKC", value)
        if not self._least <= len(password) <= self._most:
            raise ValidationError(f"Must be {self._least} to {self._most} characters long.")
        return password

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": self._least, "maxLength": self._most}


class _RegistrationSchema(StrictSchema):
    email = Email(required=True, error_messages=REQUIRED)
    username = _Username(1, 50, required=True, error_messages=REQUIRED)
    password = _Password(_MIN_PASSWORD, _MAX_PASSWORD)


class _MailboxSchema(StrictSchema):
    email = Email(required=True, error_messages=REQUIRED)


class _LinkSchema(StrictSchema):
    link = Line(1, _MAX_LINK, required=True, error_messages=REQUIRED)


class _FinishedRegistrationSchema(_LinkSchema):
    username = _Username(1, 50, required=True, error_messages=REQUIRED)
    password = _Password(_MIN_PASSWORD, _MAX_PASSWORD)


class _ResetSchema(_LinkSchema):
    new_password = _Password(_MIN_PASSWORD, _MAX_PASSWORD)


class _NewAddressSchema(_MailboxSchema):
    password = _Password(1, _MAX_PASSWORD)


class _SignInSchema(StrictSchema):
    email = Line(1, MAX_EMAIL, required=True, error_messages=REQUIRED)
    password = _Password(1, _MAX_PASSWORD)


class _NewPasswordSchema(StrictSchema):
    current_password = _Password(1, _MAX_PASSWORD)
    new_password = _Password(_MIN_PASSWORD, _MAX_PASSWORD)


class _ChosenPasswordSchema(StrictSchema):
    password = _Password(_MIN_PASSWORD, _MAX_PASSWORD)


class _RoleSchema(StrictSchema):
    role = fields.Raw(
        required=True,
        error_messages=REQUIRED,
        validate=validate.OneOf(USER_ROLES, error="Must be one of: {choices}."),
    )


class _DisabledSchema(StrictSchema):
    disabled = Flag(required=True, error_messages=REQUIRED)


REGISTRATION = _RegistrationSchema()
MAILBOX = _MailboxSchema()
LINK = _LinkSchema()
FINISHED_REGISTRATION = _FinishedRegistrationSchema()
RESET = _ResetSchema()
NEW_ADDRESS = _NewAddressSchema()
SIGN_IN = _SignInSchema()
NEW_PASSWORD = _NewPasswordSchema()
ROLE = _RoleSchema()
DISABLED = _DisabledSchema()
_CHOSEN_PASSWORD = _ChosenPasswordSchema()
