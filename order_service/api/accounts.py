"""The routes of accounts, described."""

from common.api import ADMINS, EVERYBODY, SIGNED_IN, Parameter, Route, Shape
from common.api.shapes import MOMENT, PAGING, TEXT, described, list_of, nullable, object_of, one_of, page_of
from common.errors import (
    Forbidden,
    Invalid,
    LastAdmin,
    LinkEnded,
    NoMail,
    NotFound,
    Taken,
    TooManyRequests,
    Unauthorized,
)
from common.form_fields import MAX_EMAIL
from common.orders.lifecycle import USER_ROLES
from order_service.accounts.account_forms import (
    DISABLED,
    FINISHED_REGISTRATION,
    LINK,
    MAILBOX,
    NEW_ADDRESS,
    NEW_PASSWORD,
    REGISTRATION,
    RESET,
    ROLE,
    SIGN_IN,
)

_ROLE = one_of(USER_ROLES)
_MEMBERS = {"id": {"type": "integer", "minimum": 1}, "email": TEXT, "username": TEXT, "role": _ROLE}
_ADA = {"id": 1, "email": "ada@example.com", "username": "ada", "role": "customer"}
_USER = Shape("User", object_of(**_MEMBERS), (_ADA,))
_SIGNED_IN = Shape(
    "SignedIn",
    object_of(user=_USER, token=described(TEXT, "Goes into `Authorization: Bearer …`; good for an hour.")),
    ({"user": _ADA, "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"},),
)
_DISABLED_AT = described(nullable(MOMENT), "Since when it is disabled; null for one that is not.")
_LISTED = Shape("ListedUser", object_of(**_MEMBERS, created_at=MOMENT, disabled_at=_DISABLED_AT))
_USERS = Shape(
    "Users",
    page_of(_LISTED),
    ({"items": [{**_ADA, "created_at": "2026-11-22T06:00:00.000Z", "disabled_at": None}], "next": None},),
)
_SIGNED_OUT = Shape("SignedOut", object_of(signed_out={"const": True}), ({"signed_out": True},))
_LETTER = Shape(
    "LetterSent",
    object_of(detail=described(TEXT, "For people.")),
    ({"detail": "A letter is on its way to that address, if it can be reached."},),
)
_MAILBOX = Shape("Mailbox", MAILBOX, ({"email": "ada@example.com"},))
_REGISTRATION = Shape(
    "Registration",
    REGISTRATION,
    ({"email": "ada@example.com", "username": "ada", "password": "analytical engine"},),
)
_FROM_A_LETTER = "`link` is what stands behind `link=` in the address that the letter leads to"
_LINK = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

ROUTES = {
    "register": Route(
        _SIGNED_IN,
        EVERYBODY,
        body=Shape(
            "RegistrationOrMailbox",
            {"anyOf": [_REGISTRATION, _MAILBOX]},
            (_REGISTRATION.examples[0], _MAILBOX.examples[0]),
        ),
        promise=_LETTER,
        problems=(Taken, TooManyRequests),
        description=(
            "Where this house sends e-mails, `email` alone is asked for, and the answer is 202, whether there is"
            " an account or not: a letter leads to `POST /register/finish`, or says that there is one. Elsewhere"
            " the account is made at once."
        ),
    ),
    "finish_registration": Route(
        _SIGNED_IN,
        EVERYBODY,
        body=Shape(
            "FinishedRegistration",
            FINISHED_REGISTRATION,
            ({"link": _LINK, "username": "ada", "password": "analytical engine"},),
        ),
        problems=(LinkEnded, NoMail, Taken, TooManyRequests),
        description=f"{_FROM_A_LETTER}.",
    ),
    "login": Route(
        _SIGNED_IN,
        EVERYBODY,
        body=Shape("SignIn", SIGN_IN, ({"email": "ada@example.com", "password": "analytical engine"},)),
        problems=(Unauthorized, Forbidden, TooManyRequests),
        description="An account that is disabled is refused with 403.",
    ),
    "forgot_password": Route(
        _LETTER,
        EVERYBODY,
        body=_MAILBOX,
        problems=(NoMail, TooManyRequests),
        description="Answers the same whether there is an account or not.",
    ),
    "reset_password": Route(
        _USER,
        EVERYBODY,
        body=Shape("Reset", RESET, ({"link": _LINK, "new_password": "difference engine"},)),
        problems=(LinkEnded, NoMail, TooManyRequests),
        description=f"{_FROM_A_LETTER}, good once. All tokens from before are void.",
    ),
    "logout": Route(
        _SIGNED_OUT, SIGNED_IN, description="The tokens of this sign-in are void, all copies of them included."
    ),
    "logout_everywhere": Route(_SIGNED_OUT, SIGNED_IN, description="All of one's tokens are void."),
    "change_password": Route(
        _SIGNED_IN,
        SIGNED_IN,
        body=Shape(
            "NewPassword",
            NEW_PASSWORD,
            ({"current_password": "analytical engine", "new_password": "difference engine"},),
        ),
        problems=(Forbidden, TooManyRequests),
        description="All tokens from before are void.",
    ),
    "change_address": Route(
        _LETTER,
        SIGNED_IN,
        body=Shape(
            "NewAddress", NEW_ADDRESS, ({"email": "ada@new.example.com", "password": "analytical engine"},)
        ),
        problems=(Forbidden, NoMail, TooManyRequests),
        description="The letter goes to the new address, and its link to `POST /new-address`.",
    ),
    "confirm_address": Route(
        _USER,
        EVERYBODY,
        body=Shape("Link", LINK, ({"link": _LINK},)),
        problems=(LinkEnded, NoMail),
        description=f"{_FROM_A_LETTER}, good once. All tokens from before are void.",
    ),
    "list_users": Route(
        _USERS,
        ADMINS,
        query=(
            Parameter("role", list_of(_ROLE, minItems=1), "Some of them, separated by commas.", is_list=True),
            Parameter("search", {"type": "string", "maxLength": MAX_EMAIL}, "A part of a name or an e-mail."),
            *PAGING,
        ),
        problems=(Invalid,),
    ),
    "set_role": Route(
        _USER,
        ADMINS,
        body=Shape("Role", ROLE, ({"role": "employee"},)),
        problems=(NotFound, LastAdmin),
        description="Their tokens are void.",
    ),
    "set_disabled": Route(
        Shape("DisabledUser", object_of(**_MEMBERS, disabled_at=_DISABLED_AT), ({**_ADA, "disabled_at": None},)),
        ADMINS,
        body=Shape("Disabled", DISABLED, ({"disabled": True},)),
        problems=(NotFound, LastAdmin),
        description="Who is disabled cannot sign in, and their tokens are void.",
    ),
}
