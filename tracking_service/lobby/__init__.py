"""The numbers on the wall: `GET /lobby`. What is being made and what is ready, without names and without
deliveries, which nobody comes for.

| module | what it knows |
| --- | --- |
| numbers | which numbers are shown, in which order, and how large |
| reading | where they come from, within bounds |
| lobby | the page, its part that changes, and its stream |
"""
