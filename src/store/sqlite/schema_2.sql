-- By location first: those of a closed one are passed over as a whole, however many wait.
DROP INDEX operations_due;
CREATE INDEX operations_due ON operations (location, due_at, seq) WHERE head = 1 AND state = 'pending';
