-- A store as schema version 1 wrote it: .dump of the file. Never regenerate it.
PRAGMA application_id = 1588011425;
BEGIN TRANSACTION;
CREATE TABLE beats (name TEXT PRIMARY KEY, data TEXT NOT NULL, at_us BIGINT NOT NULL);
INSERT INTO "beats" VALUES('worker/1','{"applied":1}',1000000000);
CREATE TABLE facts (seq INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision BIGINT NOT NULL, kind TEXT NOT NULL, schema_version BIGINT NOT NULL, data TEXT NOT NULL, at_us BIGINT NOT NULL, author TEXT NOT NULL, UNIQUE (stream, revision));
INSERT INTO "facts" VALUES(1,'endpoint/churn',1,'release.started',1,'{"to":2}',1893499200000000,'ana');
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL, until_us BIGINT NOT NULL, ttl_us BIGINT NOT NULL);
INSERT INTO "leases" VALUES('controller','',3,1010000000,10000000);
CREATE TABLE migrations (version BIGINT PRIMARY KEY, at_us BIGINT NOT NULL);
INSERT INTO "migrations" VALUES(1,1893499200000000);
CREATE TABLE slices (position INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, version BIGINT NOT NULL, revision BIGINT NOT NULL, worker TEXT NOT NULL, start_us BIGINT NOT NULL, width_s DOUBLE PRECISION NOT NULL, summary BLOB NOT NULL);
INSERT INTO "slices" VALUES(1,'churn',2,1,'worker/1',1893499200000000,0.5,X'00FF');
CREATE INDEX facts_by_stream ON facts (stream, seq);
CREATE INDEX slices_by_endpoint ON slices (endpoint, position);
CREATE INDEX slices_by_start ON slices (start_us);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('slices',1);
COMMIT;
