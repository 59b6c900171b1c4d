"""When two names are the same to whoever reads them."""

import unicodedata

# What takes no room on the screen: Unicode's Default_Ignorable_Code_Point without the format characters, which
# have a category of their own, and the blank of Braille.
_INVISIBLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)


def name_key(name: str) -> str:
    """`name` as it is compared: how it is written in capitals, blanks and invisible marks makes no other name.

    Letters of different scripts that look alike are different. Empty for what cannot be seen at all.
    """
    if name.isascii() and name.isprintable():  # as nearly all are
        return " ".join(name.lower().split())
    visible = "".join(
        char
        for char in name
        if (char not in _INVISIBLE and unicodedata.category(char) not in ("Cf", "Cc", "Cs")) or char in "\t\n"
    )
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).split())
