"""The dashboard: how the house is doing, for staff.

Stuck orders with why and what to do, who works, and a day's orders, sales and times beside the day before's. It
reads what is open now, and the orders of two days, once for all who look (`dashboard`), and nothing else.

| module | what it knows |
| --- | --- |
| dashboard | the page, its stream and its CSV; what is kept for all viewers, and for how long |
| figures | what is shown, as values |
| reading | what is asked of PostgreSQL |
| days | the house's days: when they begin, and what time it was yesterday |
| hours | orders and sales by the hour |
| steps | how long orders stay in each step, and when that is worse than yesterday |
| stuck | which orders are stuck, why, and who could help |
| staffing | workers, their heartbeats and what they have in hand |
| scales | round numbers for axes |
| charts | from figures to places in a picture |
| sheet | CSV |
"""
