-- The tables of a SQLite file as the first version of the service made them.

CREATE TABLE paykit_payments (
	payment_id VARCHAR(64) NOT NULL,
	order_id VARCHAR(255) NOT NULL,
	provider VARCHAR(40) NOT NULL,
	account VARCHAR(80) NOT NULL,
	reference VARCHAR(255) NOT NULL,
	provider_id VARCHAR(255),
	currency VARCHAR(3) NOT NULL,
	amount BIGINT NOT NULL,
	captured BIGINT NOT NULL,
	refunded BIGINT NOT NULL,
	received BIGINT NOT NULL,
	received_at DATETIME,
	status VARCHAR(24) NOT NULL,
	capture VARCHAR(16) NOT NULL,
	discrepancy VARCHAR(24),
	code VARCHAR(80),
	reason VARCHAR(80),
	sequence INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	charge VARCHAR(32),
	expires_at DATETIME,
	session TEXT,
	PRIMARY KEY (payment_id),
	UNIQUE (provider, account, reference)
);

CREATE INDEX paykit_payments_by_provider_id ON paykit_payments (provider, account, provider_id);

CREATE INDEX ix_paykit_payments_order_id ON paykit_payments (order_id);

CREATE TABLE paykit_inbox (
	provider VARCHAR(40) NOT NULL,
	account VARCHAR(80) NOT NULL,
	event_id VARCHAR(160) NOT NULL,
	source VARCHAR(16) NOT NULL,
	reference VARCHAR(255) NOT NULL,
	payment_id VARCHAR(64),
	outcome VARCHAR(24) NOT NULL,
	fact TEXT NOT NULL,
	digest VARCHAR(64) NOT NULL,
	received_at DATETIME NOT NULL,
	PRIMARY KEY (provider, account, event_id)
);

CREATE INDEX paykit_inbox_by_reference ON paykit_inbox (provider, account, reference);

CREATE INDEX ix_paykit_inbox_payment_id ON paykit_inbox (payment_id);

CREATE TABLE paykit_movements (
	provider VARCHAR(40) NOT NULL,
	account VARCHAR(80) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	movement_id VARCHAR(255) NOT NULL,
	payment_id VARCHAR(64) NOT NULL,
	amount BIGINT NOT NULL,
	currency VARCHAR(3) NOT NULL,
	state VARCHAR(16) NOT NULL,
	PRIMARY KEY (provider, account, kind, movement_id)
);

CREATE INDEX ix_paykit_movements_payment_id ON paykit_movements (payment_id);

CREATE TABLE paykit_outbox (
	id VARCHAR(160) NOT NULL,
	aggregatetype VARCHAR(40) NOT NULL,
	aggregateid VARCHAR(64) NOT NULL,
	type VARCHAR(80) NOT NULL,
	payload TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	available_at DATETIME,
	attempts INTEGER NOT NULL,
	last_error VARCHAR(500),
	published_at DATETIME,
	PRIMARY KEY (id),
	UNIQUE (aggregateid, sequence)
);

CREATE INDEX paykit_outbox_unpublished ON paykit_outbox (available_at) WHERE published_at IS NULL;
