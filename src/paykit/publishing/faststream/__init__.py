"""Publishes to RabbitMQ, NATS JetStream, Redis Streams and Kafka over FastStream's brokers.

FastStream brings the connections, with their security and telemetry; it is still 0.x, so nothing
outside this package imports it.
"""
