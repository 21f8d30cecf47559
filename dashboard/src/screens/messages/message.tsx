import { useParams } from "@tanstack/react-router";
import { Split } from "lucide-react";
import { useState } from "react";
import { type FullMessage, useDestinations, useMessage } from "@/api/messages";
import { Link, useAddress } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { bytes } from "@/texts/format";
import { Words } from "@/ui/badge";
import { Code, Mono } from "@/ui/code";
import { Segments } from "@/ui/field";
import { readable } from "@/ui/highlight";
import { Card, Facts, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty, Failed, Loading, Note } from "@/ui/states";
import { At } from "@/ui/time";
import { DestinationCard } from "./destination";

const t = texts.messages;

/** One message: what was published, and how it went at each endpoint. */
export default function MessagePage() {
  const { app, base } = useScope();
  const { message: id } = useParams({ strict: false }) as { message: string };
  const query = useMessage(app, id);
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading lines={10} />;
  const { message } = query.data;
  return (
    <Page
      crumb={
        <Link to={`${base}/messages`} className="hover:underline">
          ← {t.title}
        </Link>
      }
      title={message.eventType}
    >
      <Card>
        <Facts
          columns
          facts={[
            { label: t.id, value: <Mono text={message.id} copy /> },
            { label: t.published, value: <At time={message.timestamp} precise /> },
            ...(message.eventId
              ? [{ label: t.eventId, value: <Mono text={message.eventId} copy /> }]
              : []),
            ...(message.channels
              ? [{ label: t.channels, value: <Words words={message.channels} /> }]
              : []),
            ...(message.tags ? [{ label: t.tags, value: <Words words={message.tags} /> }] : []),
          ]}
        />
      </Card>
      <Payload full={query.data} />
      <Destinations full={query.data} />
    </Page>
  );
}

function Payload({ full }: { full: FullMessage }) {
  const [form, setForm] = useState<"pretty" | "exact">("pretty");
  if (full.payload === null) return <Note>{t.payloadGone}</Note>;
  const pretty = readable(full.payload);
  const size = new TextEncoder().encode(full.payload).length;
  return (
    <Code
      label={`${t.payload}, ${bytes(size)}`}
      language={pretty.language}
      code={form === "pretty" ? pretty.text : full.payload}
      wrap={form === "exact"}
      actions={
        <Segments
          label={t.payload}
          value={form}
          onChange={setForm}
          options={[
            { value: "pretty", label: t.payloadPretty },
            { value: "exact", label: t.payloadExact },
          ]}
        />
      }
    />
  );
}

function Destinations({ full }: { full: FullMessage }) {
  const { app } = useScope();
  const [address] = useAddress();
  const list = useDestinations(app, full.message.id);
  const found = list.rows ?? [];
  return (
    <section className="flex flex-col gap-3">
      <h2 className="text-sm font-semibold">{t.destinations}</h2>
      {found.map((destination) => (
        <DestinationCard
          key={destination.id}
          destination={destination}
          full={full}
          open={found.length <= 3 || address.endpoint === destination.id}
        />
      ))}
      {/* They stay while more of them are asked for, and when that fails. */}
      {(found.length === 0 || list.hasMore) && (
        <Card flush>
          <ListFrame
            list={list}
            lines={3}
            empty={
              <Empty icon={<Split aria-hidden />} title={t.noDestinations}>
                {t.noDestinationsHint}
              </Empty>
            }
          >
            {() => null}
          </ListFrame>
        </Card>
      )}
    </section>
  );
}
