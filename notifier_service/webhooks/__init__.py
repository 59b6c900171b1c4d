"""Webhooks: what happens to orders, told to other systems by HTTP, by the Standard Webhooks specification 1.0
(github.com/standard-webhooks/standard-webhooks). What receivers must know stands in docs/webhooks.md."""
