import { Mail, SlidersHorizontal, X } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { useEndpoints } from "@/api/endpoints";
import { useEventTypes } from "@/api/event-types";
import { useSeeking } from "@/api/lists";
import {
  type FoundMessage,
  type MessageFilter,
  type MessageStatus,
  useMessages,
} from "@/api/messages";
import { useSession } from "@/session/store";
import { Link, useAddress } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Field, Input, SearchInput, Select } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { localText } from "@/ui/local-time";
import { Empty } from "@/ui/states";
import { Cell, Row, rowLink, Table } from "@/ui/table";
import { Ago } from "@/ui/time";
import { Publish } from "./publish";

const t = texts.messages;
/** As long as the list has fewer rows than this it looks on by itself. */
const FEW = 10;
/** Those that have a label; the compiler compares them with those of the API. */
const STATUSES: MessageStatus[] = Object.keys(t.statuses) as (keyof typeof t.statuses)[];

/** The filter that the address tells; what it tells wrongly is nothing. */
function filterOf(address: Record<string, string>): MessageFilter {
  const status = STATUSES.find((one) => one === address.status);
  const time = (text: string | undefined) =>
    text && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : undefined;
  return {
    q: address.q,
    eventType: address.type,
    channel: address.channel,
    tag: address.tag,
    status,
    endpoint: address.endpoint,
    after: time(address.after),
    before: time(address.before),
  };
}

export default function Messages() {
  const { app } = useScope();
  const session = useSession();
  const [address, change] = useAddress();
  const filter = filterOf(address);
  const isFiltered = Object.values(filter).some(Boolean);
  const list = useMessages(app, filter);
  const { rows } = list;
  const isSeeking = useSeeking(list, FEW);
  const clear = () =>
    change(Object.fromEntries(Object.keys(address).map((name) => [name, undefined])));
  const mayPublish = session.appId === null && !session.readOnly;
  return (
    <Page title={t.title} subtitle={t.subtitle} actions={mayPublish && <Publish />}>
      <Filters address={address} change={change} clear={isFiltered ? clear : undefined} />
      <Card flush>
        <ListFrame
          list={{ ...list, rows: rows?.length === 0 && isSeeking ? undefined : rows }}
          lines={8}
          empty={
            <Empty
              icon={<Mail aria-hidden />}
              title={isFiltered ? t.noMatch : t.empty}
              action={isFiltered && <Button onClick={clear}>{t.clear}</Button>}
            >
              {isFiltered ? t.noMatchHint : t.emptyHint}
            </Empty>
          }
        >
          {(found) => (
            <Table
              caption={t.caption}
              columns={[
                { label: t.columns.event },
                { label: t.columns.deliveries },
                { label: t.columns.tags, from: "lg" },
                { label: t.columns.when, right: true, from: "sm" },
              ]}
            >
              {found.map((message) => (
                <MessageRow key={message.id} message={message} />
              ))}
            </Table>
          )}
        </ListFrame>
      </Card>
    </Page>
  );
}

const STATES = [
  { state: "succeeded", tone: "ok" },
  { state: "pending", tone: "accent" },
  { state: "failing", tone: "warn" },
  { state: "exhausted", tone: "bad" },
  { state: "canceled", tone: "neutral" },
] as const;

function MessageRow({ message }: { message: FoundMessage }) {
  const { base } = useScope();
  const { destinations } = message;
  const fresh = Date.now() - Date.parse(message.timestamp) < 3_000;
  return (
    <Row fresh={fresh}>
      <Cell className="w-1/2 max-w-0">
        <Link to={`${base}/messages/${message.id}`} className={rowLink}>
          <span className="block truncate">{message.eventType}</span>
        </Link>
        <span className="block truncate font-mono text-xs text-muted">
          {message.eventId ?? message.id}
        </span>
        <span className="block text-xs text-muted sm:hidden">
          <Ago time={message.timestamp} />
        </span>
      </Cell>
      <Cell>
        <span className="flex flex-wrap gap-1">
          {STATES.map(
            ({ state, tone }) =>
              destinations[state] > 0 && (
                <Badge key={state} tone={tone} dot>
                  {t.states[state](destinations[state])}
                </Badge>
              ),
          )}
          {STATES.every(({ state }) => destinations[state] === 0) && <Badge>{t.states.none}</Badge>}
        </span>
      </Cell>
      <Cell from="lg">
        <span className="flex flex-wrap gap-1">
          {message.tags?.map((tag) => (
            <Badge key={tag} mono>
              {tag}
            </Badge>
          ))}
        </span>
      </Cell>
      <Cell right from="sm">
        <Ago time={message.timestamp} />
      </Cell>
    </Row>
  );
}

interface FiltersProps {
  address: Record<string, string>;
  change: (changes: Record<string, string | undefined>) => void;
  clear?: () => void;
}

function Filters({ address, change, clear }: FiltersProps) {
  const hidden = ["channel", "tag", "after", "before", "endpoint"].filter((name) => address[name]);
  const [open, setOpen] = useState(hidden.length > 0);
  const { app } = useScope();
  const types = useEventTypes();
  const endpoints = useEndpoints(app);
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap gap-2">
        <SearchBox value={address.q ?? ""} onSearch={(q) => change({ q })} />
        <Select
          aria-label={t.status}
          value={address.status ?? ""}
          onChange={(event) => change({ status: event.target.value })}
          className="w-auto! max-sm:flex-1"
        >
          <option value="">{t.anyStatus}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {t.statuses[status]}
            </option>
          ))}
        </Select>
        <Select
          aria-label={t.eventType}
          value={address.type ?? ""}
          onChange={(event) => change({ type: event.target.value })}
          className="w-auto! max-w-52 max-sm:flex-1"
        >
          <option value="">{t.anyType}</option>
          {address.type && !types.data?.some((type) => type.name === address.type) && (
            <option value={address.type}>{address.type}</option>
          )}
          {types.data?.map((type) => (
            <option key={type.name} value={type.name}>
              {type.name}
            </option>
          ))}
        </Select>
        <Button
          icon={<SlidersHorizontal aria-hidden />}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {t.filters}
          {hidden.length > 0 && <Badge tone="accent">{hidden.length}</Badge>}
        </Button>
        {clear && (
          <Button kind="ghost" icon={<X aria-hidden />} onClick={clear}>
            {t.clear}
          </Button>
        )}
      </div>
      {open && (
        <div className="grid gap-4 rounded-lg border border-line bg-surface p-4 sm:grid-cols-2 lg:grid-cols-3">
          <Field
            label={t.endpoint}
            aside={
              endpoints.hasMore && (
                <button
                  type="button"
                  className="rounded-sm text-xs font-medium text-accent-text hover:underline"
                  onClick={endpoints.more}
                >
                  {t.moreEndpoints}
                </button>
              )
            }
          >
            {(described) => (
              <Select
                {...described}
                value={address.endpoint ?? ""}
                onChange={(event) => change({ endpoint: event.target.value })}
              >
                <option value="">{t.anyEndpoint}</option>
                {address.endpoint && !endpoints.rows?.some(({ id }) => id === address.endpoint) && (
                  <option value={address.endpoint}>{address.endpoint}</option>
                )}
                {endpoints.rows?.map((endpoint) => (
                  <option key={endpoint.id} value={endpoint.id}>
                    {endpoint.url}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {(["channel", "tag"] as const).map((name) => (
            <Field key={name} label={t[name]}>
              {(described) => (
                <Input
                  {...described}
                  mono
                  defaultValue={address[name] ?? ""}
                  onBlur={(event) => change({ [name]: event.target.value.trim() })}
                  onKeyDown={(event) =>
                    event.key === "Enter" && change({ [name]: event.currentTarget.value.trim() })
                  }
                />
              )}
            </Field>
          ))}
          {(["after", "before"] as const).map((name) => (
            <Field key={name} label={t[name]}>
              {(described) => (
                <Input
                  {...described}
                  type="datetime-local"
                  value={address[name] ? localText(new Date(address[name])) : ""}
                  onChange={(event) =>
                    change({
                      [name]: event.target.value
                        ? new Date(event.target.value).toISOString()
                        : undefined,
                    })
                  }
                />
              )}
            </Field>
          ))}
        </div>
      )}
    </div>
  );
}

const TYPING_MS = 250;

/** Searches while one types, after a moment's rest. */
function SearchBox({ value, onSearch }: { value: string; onSearch: (q: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed starts the clock
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onSearch(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSearch(text.trim());
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: `search` is not known everywhere yet
    <form role="search" onSubmit={submit} className="min-w-52 flex-1">
      <SearchInput
        label={t.search}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </form>
  );
}
