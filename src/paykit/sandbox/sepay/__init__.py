"""A simulator of SePay's bank feed: it watches an account and sends a webhook for each transfer."""
