-- What nodes of the version before hold fresh, longer than its journal reaches back: from now on in an
-- index, like a claim, whose owner and token it keeps. A node notes the oldest that it holds (`floor`).
update delivery set due_at = first_at where (endpoint_id, message_id) in (
    select d.endpoint_id, d.message_id
    from (select min(floor) as floor from node where floor is not null) n
    cross join endpoint e
    cross join delivery d on d.endpoint_id = e.id and d.message_id >= n.floor
    where d.state = 0 and d.due_at is null
);
