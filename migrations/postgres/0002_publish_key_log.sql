-- SQLite's step alone: here `publish_key` takes each key as it comes.
select 1;
