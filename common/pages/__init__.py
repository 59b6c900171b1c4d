"""Pages: what a browser gets of a service that has some.

    class OrderService(Screens):
        @page("GET", "/")
        def order_page(self, caller=None):
            return self.order_pages.menu(caller)

A method returns a `Page` (a template and what it shows) or a `Redirect`; what it raises becomes a page that says
what to do about it. Templates are a service's own, in its folder `templates`, and those here, which it may extend.
Files of its folder `static`, and those here, are served at `/static/<service>/<file>`.

Every page works with scripts switched off. A form is sent as a form, and answered with a redirect, or with the
page and its errors. Scripts take the same HTML from the same templates and put it in its place.

| module | what it knows |
| --- | --- |
| entrypoint | `@page`: a form's fields, who may send one, what is answered |
| answers | Page and Redirect |
| screens | the class that a service with pages is |
| extensions | a service's templates and files |
| documents | `/openapi.json` and `/docs` |
| docs_view | an OpenAPI document as `/docs` shows it |
| files | styles, scripts and pictures, held in memory and packed |
| rendering | templates, and how times, money and numbers are written |
| words | the words for what has a name in the tables |
| settings | the addresses of pages, the house's time zone and currency |
"""

from common.pages.answers import Page, Redirect
from common.pages.entrypoint import page
from common.pages.screens import Screens

__all__ = ["Page", "Redirect", "Screens", "page"]
