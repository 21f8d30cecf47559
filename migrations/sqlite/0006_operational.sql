-- The hidden application of an organisation, whose endpoints are its operational webhooks. Its row
-- in `app` names itself as its organisation, so that no route and no list leads to it.
create table operational_app (
    org_id blob primary key,
    app_id blob not null unique
) without rowid;

-- What an organisation is to hear of its own endpoints and deliveries: written with the change
-- that it tells of, removed when it is a message of the hidden application.
create table operational_event (
    id blob primary key,
    app_id blob not null,
    event_type text not null,
    payload text not null,
    created_at integer not null
) without rowid;

-- Deliveries that the organisation was told are failing, so that it hears when one succeeds.
create table operational_told (
    endpoint_id blob not null,
    message_id blob not null,
    primary key (endpoint_id, message_id)
) without rowid;
create index operational_told_message on operational_told (message_id);
