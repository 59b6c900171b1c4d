"""The e-mail channel: letters about orders, to addresses whose owners want them, and about accounts.

| module | what it knows |
| --- | --- |
| mail | the channel: who is told (receivers.sql), and what becomes of a delivery |
| letter | what a letter is |
| letters | which there are, and who writes each |
| order_letters, account_letters, webhook_letters | the letters about orders, accounts and webhooks |
| composing | from a letter to a message: plain and HTML, headers |
| mailboxes | addresses as messages carry them |
| smtp | from a message to the mail server |
| choices | addresses, what their owners want to get, and links to change that |
| owners | whose address it is, and what they choose |
| choices_page | the pages that letters about orders lead to |
"""
