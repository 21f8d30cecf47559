-- What a message may carry beside its payload, and when failed attempts of an event type are repeated.
alter table message add column tags text;
alter table message add column content_type text;
alter table event_type add column retry_policy text;
