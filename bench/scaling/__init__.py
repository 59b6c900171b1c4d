"""How Expedite grows: what an order costs each part, what several processes do on this machine's cores, a model
that is checked against that, and what it says of more orders than one machine could place.

`section` is the part of the benchmark: it measures (`counting`, `limits`, with the clock of `costs`), has
`prediction` say what the model makes of it (`loads` on a `model`), and `growth` go past this machine. `measured`
is what is kept, `page` and `plot` what docs/scaling.md shows of it.
"""
