"""A simulator of payOS: payment requests, its checkout page, webhooks for each transfer."""
