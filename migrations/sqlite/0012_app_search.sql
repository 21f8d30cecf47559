-- What an application is found by: its name and uid in lower case, as the program writes them, since
-- SQLite's own lower() knows the English letters only. Null where an older version wrote the row.
alter table app add column folded text;
