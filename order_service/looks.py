"""When two names are the same to whoever reads them."""

import unicodedata


def look(name: str) -> str:
    """`name` as it is compared: how it is written in capitals, blanks and invisible marks makes no other name."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    return " ".join(visible.split())
