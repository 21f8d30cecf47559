-- How an endpoint's deliveries are signed, as JSON; null: as Standard Webhooks says.
alter table endpoint add column signature_scheme text;
alter table endpoint_revision add column signature_scheme text;
-- Which kind of scheme a secret is for (see domain/src/scheme/kinds.rs); each has its own.
alter table endpoint_secret add column scheme smallint not null default 0;
