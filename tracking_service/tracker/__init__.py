"""An order as its customer follows it: `GET /track/<number>`.

| module | what it knows |
| --- | --- |
| sentences | what is said, with the names, texts and times in it |
| facts | what is known of an order, as plain values |
| steps | its steps: those with a real time, the one that it is at, those to come |
| promise | when it will be ready, whether that has slipped, and why |
| words | what it is called that an order does, for a kitchen as well as for a bar |
| headline | how it stands, in a sentence |
| reading | where the facts come from, and who may know how much |
| pages | the page, and the part of it that changes while one looks |

Times of steps come from the history alone, and times to come from the estimate alone. What is not known is left
out.
"""
