"""What can be asked of order_service about accounts: a part of its table of contents."""

from typing import Any

from common.accounts.identity import Caller
from common.http import http
from common.nameko_runtime.messaging import rpc
from common.pages import Page, Redirect, page
from order_service.accounts import account_pages, letter_pages, people_page
from order_service.accounts.accounts import Accounts
from order_service.accounts.by_mail import ByMail

Answer = dict[str, object]

#: Web requests that need a password's hash; whoever tries passwords by the hundred leaves orders their room.
MAX_CONCURRENT_SIGN_INS = 10


class AccountRoutes:
    """Who has an account, how they sign in and out, and what admins do about it. Who may do what stands in
    access.py."""

    accounts = Accounts()
    by_mail = ByMail()

    # --- for programs -------------------------------------------------------------------------------------

    @rpc
    @http("POST", "/register", status=201, max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def register(self, body: object, caller: Caller = None) -> Answer:
        """Make an account, and sign in; where e-mails are sent, a letter leads on."""
        return (self.by_mail if self.by_mail.is_on else self.accounts).register(body, caller)

    @rpc
    @http("POST", "/register/finish", status=201, max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def finish_registration(self, body: object, caller: Caller = None) -> Answer:
        """Make the account that a letter's link is for, and sign in."""
        return self.by_mail.finish(body, caller)

    @rpc
    @http("POST", "/login", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def login(self, body: object, caller: Caller = None) -> Answer:
        """Sign in."""
        return self.accounts.login(body, caller)

    @rpc
    @http("POST", "/forgotten-password", status=202)
    def forgot_password(self, body: object, caller: Caller = None) -> Answer:
        """Ask for a letter with which one can choose a new password."""
        return self.by_mail.forgot(body, caller)

    @rpc
    @http("POST", "/reset-password", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def reset_password(self, body: object, caller: Caller = None) -> Answer:
        """Choose it, by a letter's link."""
        return self.by_mail.reset(body, caller)

    @http("POST", "/logout")
    def logout(self, caller: Caller = None) -> Answer:
        """Sign out here: whatever is a copy of this sign-in's token is void."""
        return self.accounts.logout(caller)

    @rpc
    @http("POST", "/logout/everywhere")
    def logout_everywhere(self, caller: Caller = None) -> Answer:
        """Sign out here and everywhere else."""
        return self.accounts.logout_everywhere(caller)

    @rpc
    @http("PUT", "/users/me/password", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def change_password(self, body: object, caller: Caller = None) -> Answer:
        """Change one's own password."""
        return self.accounts.change_password(body, caller)

    @rpc
    @http("PUT", "/users/me/email", status=202, max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def change_address(self, body: object, caller: Caller = None) -> Answer:
        """Ask for a letter to one's new e-mail, with which it becomes the account's."""
        return self.by_mail.change_address(body, caller)

    @rpc
    @http("POST", "/new-address")
    def confirm_address(self, body: object, caller: Caller = None) -> Answer:
        """It becomes the account's, by a letter's link."""
        return self.by_mail.confirm_address(body, caller)

    @rpc
    @http("GET", "/users")
    def list_users(self, query: object = None, caller: Caller = None) -> Answer:
        """Accounts by the page."""
        return self.accounts.page(query, caller)

    @rpc
    @http("PUT", "/users/<user_id>/role")
    def set_role(self, user_id: Any, body: object, caller: Caller = None) -> Answer:
        """Make somebody staff, or a customer again."""
        return self.accounts.set_role(user_id, body, caller)

    @rpc
    @http("PUT", "/users/<user_id>/disabled")
    def set_disabled(self, user_id: Any, body: object, caller: Caller = None) -> Answer:
        """Disable an account, or enable it again."""
        return self.accounts.set_disabled(user_id, body, caller)

    # --- pages: accounts ---------------------------------------------------------------------------------

    @page("GET", "/sign-in")
    def sign_in_page(self, query: Any, caller: Caller = None) -> Page | Redirect:
        """The door."""
        return account_pages.sign_in_form(self.accounts, query, caller)

    @page("POST", "/sign-in", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def sign_in_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Sign in, and go on."""
        return account_pages.sign_in(self.accounts, form, caller)

    @page("GET", "/register")
    def register_page(self, query: Any, caller: Caller = None) -> Page | Redirect:
        """An account to fill in."""
        if self.by_mail.is_on:
            return letter_pages.register_form(self.by_mail, query, caller)
        return account_pages.register_form(self.accounts, query, caller)

    @page("POST", "/register", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def register_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Make an account, and go on."""
        if self.by_mail.is_on:
            return letter_pages.register(self.by_mail, form, caller)
        return account_pages.register(self.accounts, form, caller)

    @page("GET", "/register/finish")
    def finish_registration_page(self, query: Any) -> Page:
        """What a new account needs besides, behind a letter's link."""
        return letter_pages.finish_form(self.by_mail, query)

    @page("POST", "/register/finish", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def finish_registration_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Make the account, and sign in."""
        return letter_pages.finish(self.by_mail, form, caller)

    @page("GET", "/forgotten-password")
    def forgotten_password_page(self, query: Any) -> Page:
        """Where a letter shall go to."""
        return letter_pages.forgot_form(self.by_mail, query)

    @page("POST", "/forgotten-password")
    def forgot_password_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Ask for it."""
        return letter_pages.forgot(self.by_mail, form, caller)

    @page("GET", "/reset-password")
    def reset_password_page(self, query: Any) -> Page:
        """A new password to choose, behind a letter's link."""
        return letter_pages.reset_form(self.by_mail, query)

    @page("POST", "/reset-password", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def reset_password_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Choose it, and go on to the door."""
        return letter_pages.reset(self.by_mail, form, caller)

    @page("GET", "/account")
    def account_page(self, query: Any, caller: Caller = None) -> Page:
        """One's own account."""
        return account_pages.account_form(self.accounts, query, caller)

    @page("POST", "/account", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def change_password_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Change one's own password."""
        return account_pages.change_password(self.accounts, form, caller)

    @page("POST", "/account/address", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def change_address_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Ask for a letter to one's new e-mail."""
        return account_pages.change_address(self.accounts, self.by_mail, form, caller)

    @page("GET", "/new-address")
    def new_address_page(self, query: Any) -> Page:
        """Whether it shall be the account's, behind a letter's link."""
        return letter_pages.new_address_form(self.by_mail, query)

    @page("POST", "/new-address")
    def confirm_address_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """It shall."""
        return letter_pages.new_address(self.by_mail, form, caller)

    @page("POST", "/sign-out")
    def sign_out(self, form: Any, caller: Caller = None) -> Redirect:
        """This browser forgets who it was."""
        return account_pages.sign_out(self.accounts, caller)

    @page("POST", "/account/sign-out-everywhere")
    def sign_out_everywhere(self, form: Any, caller: Caller = None) -> Redirect:
        """And so does every other."""
        return account_pages.sign_out_everywhere(self.accounts, caller)

    # --- pages: people -----------------------------------------------------------------------------------

    @page("GET", "/users")
    def people_page(self, query: Any, caller: Caller = None) -> Page:
        """Who has an account, and which role."""
        return people_page.show(self.accounts, query, caller)

    @page("POST", "/users/<user_id>/role")
    def give_role_by_page(self, user_id: str, form: Any, query: Any, caller: Caller = None) -> Page | Redirect:
        """Make somebody staff, or a customer again."""
        return people_page.give_role(self.accounts, user_id, form, query, caller)

    @page("POST", "/users/<user_id>/disabled")
    def disable_by_page(self, user_id: str, form: Any, query: Any, caller: Caller = None) -> Page | Redirect:
        """Disable an account, or enable it again."""
        return people_page.disable(self.accounts, user_id, form, query, caller)
