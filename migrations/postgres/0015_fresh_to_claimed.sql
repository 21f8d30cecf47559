-- What nodes of the version before hold fresh, longer than its journal reaches back: from now on in an
-- index, like a claim, whose owner and token it keeps. A node notes the oldest that it holds (`floor`).
-- What an outcome has locked at this moment moves by itself.
update delivery set due_at = first_at where (endpoint_id, message_id) in (
    select d.endpoint_id, d.message_id
    from (select min(floor::text)::uuid as floor from node where floor is not null) n
    cross join endpoint e
    cross join lateral (
        select endpoint_id, message_id from delivery
        where endpoint_id = e.id and message_id >= n.floor and state = 0 and due_at is null
        for update skip locked
    ) d
) and state = 0 and due_at is null;
