"""What is sent, to whom, and how it ended: each event once by each channel to each receiver, whatever dies.

An event becomes rows of notification_deliveries, one for each receiver, in one transaction (`hearing`); then it is
acknowledged. In every process each channel has a deliverer, which takes what is due in hand (`claims`), sends it,
and writes how it ended, or when it comes again (`retries`). A new channel is an object that is a
`channel.Channel`, named in `channels`.
"""
