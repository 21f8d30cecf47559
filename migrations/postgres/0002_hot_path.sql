-- A batch of outcomes updates most rows of a page at once, each to a new version: with half of the
-- page free they stay in it (heap-only), and no index gets a second entry.
alter table delivery set (fillfactor = 50);
