"""A fifth service, of somebody who knows Nameko and nothing of Expedite: a point for each whole unit of money that
a guest has spent. It imports nothing of Expedite, and Expedite does not know that it is there.

    . .devstack/env && cd examples && nameko run --broker "$AMQP_URI" loyalty_service

`.devstack/env` says where `make run` has its RabbitMQ; another one's address does as well.

What the events hold is at order_service's /asyncapi.json; what it can be asked by RPC, in its service.py.
"""

from nameko.events import event_handler
from nameko.rpc import RpcProxy, rpc


class LoyaltyService:
    name = "loyalty_service"

    order_service = RpcProxy("order_service")
    points: dict[str, int] = {}
    counted: set[str] = set()  # an event may come twice; a real one would keep both in a database

    # The kitchen moves orders, too: whoever serves at its board completes them there.
    @event_handler("order_service", "order_status_changed")
    @event_handler("kitchen_service", "order_status_changed")
    def count(self, event):
        if event["new_status"] != "completed" or event["order_number"] in self.counted:
            return
        order = self.order_service.get_order(event["order_number"])
        guest, points = order["customer_name"], int(order["total_amount"])
        self.counted.add(event["order_number"])
        self.points[guest] = self.points.get(guest, 0) + points
        print(f"{guest} has {self.points[guest]} points, {points} of them for {event['order_number']}")

    @rpc
    def points_of(self, guest):
        return self.points.get(guest, 0)
