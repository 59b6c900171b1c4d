"""`make demo`: an evening in fast motion, for somebody who wants to see the screens live within a minute.

Everything runs as with `make run`. Guests order, by the same requests as the order page sends, staff serve, and
three workers cook, one of whom dies. All of it goes through the public API: nothing happens that a guest, somebody
on the staff or an operator with a `kill` could not do.

| module | what it knows |
| --- | --- |
| evening | what happens when: one thread, and a list of what is due |
| door | the API, as the players use it |
| guests | who orders, changes their mind, and comes back |
| staff | who serves, recalls, sends to the front, and sells out |
| workers | who cooks, and who dies |
| performance | the cast together, from the first order to the last |
"""
