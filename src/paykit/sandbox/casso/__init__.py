"""A simulator of Casso: it watches an account, sends webhooks, and lists transactions."""
