"""HTTP: the `@http` entrypoint of all services, and the server behind it.

A method says what it needs of the request by the names of its parameters:

    @rpc
    @http("POST", "/orders", status=201, location="/orders/{order_number}")
    def place_order(self, body, caller=None): ...

`body` is the JSON body, `query` the query's parameters, `caller` what the request says of who is asking,
`idempotency_key` the header of that name, `after` the id that a stream's client has come to, and the path's
variables come under their own names. What it returns is answered as JSON, what it raises as problem details, so
that the same method serves RPC as it stands. A `Stream` stays open.

| module | what it knows |
| --- | --- |
| request | a request's head and body |
| framing | where a request begins and ends in bytes, and how much it may be |
| connection | one client: read, answer, write, each with its time |
| server | connections to take, routes |
| entrypoint | a method's arguments and its answer |
| answer | what goes over the wire |
| addresses | where a request came from |
"""

from common.http.answer import Stream
from common.http.entrypoint import HttpEntrypoint, http
from common.http.server import HttpServer

__all__ = ["HttpEntrypoint", "HttpServer", "Stream", "http"]
