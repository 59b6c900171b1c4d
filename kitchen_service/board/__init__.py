"""The kitchen's board: what waits, what cooks, what is ready, and the moves that people make on it.

| module | what it knows |
| --- | --- |
| lanes | which lane an order is in, in which order, and what is counted |
| ticket | what a ticket shows, and when it is slow or late |
| offers | which moves a ticket offers |
| moving | how a move is made that somebody asked for on the board |
| board | the board as the service's methods see it |
| board_page | the page, and what its forms do |
| stream | what an open board is told when something changes |
"""
