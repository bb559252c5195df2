-- A ledger as schema version 1 wrote it: .dump of the file. Never regenerate it.
PRAGMA application_id = 1588011428;
BEGIN TRANSACTION;
CREATE TABLE accounts (name TEXT PRIMARY KEY, spent BIGINT NOT NULL, reserved BIGINT NOT NULL, ends_us BIGINT) WITHOUT ROWID;
INSERT INTO "accounts" VALUES('2026-11-18/key/k1',270,300,1795046400000000);
INSERT INTO "accounts" VALUES('ever/total/',270,300,NULL);
CREATE TABLE attempts (id TEXT PRIMARY KEY, state SMALLINT NOT NULL, accounts TEXT NOT NULL, at_us BIGINT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, key_id TEXT, user_id TEXT, tags TEXT NOT NULL, cost BIGINT, price_version TEXT, estimated SMALLINT NOT NULL, input_tokens BIGINT, output_tokens BIGINT, cached_tokens BIGINT, cache_write_tokens BIGINT, cache_write_1h_tokens BIGINT, reasoning_tokens BIGINT, input_audio_tokens BIGINT, output_audio_tokens BIGINT, latency_us BIGINT, first_token_us BIGINT, cache TEXT NOT NULL, failure TEXT) WITHOUT ROWID;
INSERT INTO "attempts" VALUES('06608b015f3001/call/1',1,'',1795000000000001,'openai','gpt-4o','k1','ana','{"team":"search"}',70,'genai-prices 0.2.3',0,10,5,4,0,0,0,0,0,1500,300,'miss',NULL);
INSERT INTO "attempts" VALUES('06608b015f3002/call/2',2,'2026-11-18/key/k1
ever/total/',1795000000000002,'openai','gpt-4o','k1','ana','{"team":"search"}',200,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'none','gateway.reservation_lapsed');
CREATE TABLE migrations (version BIGINT PRIMARY KEY, at_us BIGINT NOT NULL);
INSERT INTO "migrations" VALUES(1,1795655859129096);
CREATE TABLE reservations (id TEXT PRIMARY KEY, amount BIGINT NOT NULL, accounts TEXT NOT NULL, owner TEXT NOT NULL, expires_us BIGINT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "reservations" VALUES('06608b015f3003/call/3',300,'2026-11-18/key/k1
ever/total/','vm/1/ab',1795000180000000,'{"id":"06608b015f3003/call/3","at_us":1795000000000003,"payer":{"provider":"openai","model":"gpt-4o","key":"k1","user":"ana","tags":{"team":"search"}},"cost":null,"usage":null,"price_version":null,"estimated":false,"latency_us":null,"first_token_us":null,"cache":"none","failure":null}');
COMMIT;
