"""How a service lives on Nameko: what differs from Nameko's own, and the probes of all services.

What of Nameko is replaced: what it does itself, and the test that fails without the replacement.

- `container.GracefulContainer.stop`: has the messages in hand delivered again, and may never end under load
  (tests/e2e/test_workers.py, tests/e2e/test_stopping_under_load.py)
- `container.GracefulContainer._tick`: an idle process may sleep for a minute, and then hears late of a signal, or
  that a connection is gone (tests/faults/test_an_acknowledgement_is_lost.py, in one of two runs)
- `messaging.QueueConsumer.start`: waits for the broker, and the whole service with it
  (tests/faults/test_started_before_their_servers.py)
- `messaging.QueueConsumer.ack_message`: an acknowledgement on a lost connection ends the process
  (tests/unit/test_messaging.py)
- `messaging.EventHandler.setup`: one service's events for each handler, and a broadcast queue that goes with its
  connection (tests/e2e/test_an_order_from_curl_to_cooked.py,
  tests/faults/test_rabbitmq_away.py)
- `messaging.RpcConsumer.handle_result`: kombu's JSON has other ideas of decimals and times, and the text of a
  fault of ours reaches the caller (tests/integration/test_rpc.py)
"""
