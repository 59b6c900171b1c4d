"""A page's HTML, read as a browser without scripts reads it: enough of it to fill in a form and send it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"input", "link", "meta", "br", "hr", "img", "rect", "use", "path", "wbr"}


@dataclass
class Element:
    """An element, with what is in it: elements, and texts."""

    tag: str
    attributes: dict[str, str]
    content: "list[Element | str]" = field(default_factory=list)

    def walk(self) -> "Iterator[Element]":
        """It and all elements in it, but what a template holds back."""
        yield self
        for each in self.content:
            if isinstance(each, Element) and each.tag != "template":
                yield from each.walk()

    @property
    def text(self) -> str:
        """The words in it that are shown, with single blanks."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for each in self.content:
            if isinstance(each, str):
                yield each
            elif each.tag not in ("template", "script", "style") and "hidden" not in each.attributes:
                yield from each._texts()

    def all(self, tag: str | None = None, **attributes: str) -> "list[Element]":
        """The elements of that tag with these attributes; `class_` is one of its classes."""
        wanted_class = attributes.pop("class_", None)
        return [
            each
            for each in self.walk()
            if (tag is None or each.tag == tag)
            and (wanted_class is None or wanted_class in each.attributes.get("class", "").split())
            and all(each.attributes.get(name.replace("_", "-")) == value for name, value in attributes.items())
        ]

    def one(self, tag: str | None = None, **attributes: str) -> "Element":
        """The only one."""
        [found] = self.all(tag, **attributes)
        return found

    def fields(self) -> list[tuple[str, str]]:
        """What a form would send, if it were sent by a button without a name."""
        return [
            (each.attributes["name"], _value(each))
            for each in self.walk()
            if each.tag in ("input", "textarea")
            and "name" in each.attributes
            and (each.attributes.get("type") not in ("radio", "checkbox") or "checked" in each.attributes)
        ]


def _value(element: Element) -> str:
    return "".join(element._texts()) if element.tag == "textarea" else element.attributes.get("value", "")


def read(html: str) -> Element:
    """The page. Fails where an element is not closed as it should be."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert [each.tag for each in reader.open] == ["page"], [each.tag for each in reader.open]
    return reader.open[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(attrs) == len(element.attributes), f"an attribute twice: {attrs}"
        self.open[-1].content.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        closed = self.open.pop()
        assert closed.tag == tag, f"</{tag}> where <{closed.tag}> is open"

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)
