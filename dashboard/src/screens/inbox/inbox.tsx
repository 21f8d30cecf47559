import { useParams } from "@tanstack/react-router";
import { Eraser, Inbox as InboxIcon, Trash2, Webhook } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import {
  type Inbox,
  type InboxRequest,
  useClearInbox,
  useDeleteInbox,
  useInbox,
  useInboxRequests,
} from "@/api/inbox";
import { useRights } from "@/session/store";
import { Link, useGo } from "@/shell/link";
import { texts } from "@/texts";
import { bytes } from "@/texts/format";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Code } from "@/ui/code";
import { cx } from "@/ui/cx";
import { Confirm } from "@/ui/dialog";
import { readable } from "@/ui/highlight";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty, Failed, Loading, Note } from "@/ui/states";
import { Ago, At } from "@/ui/time";
import { toast } from "@/ui/toast";
import { InboxBehaviour } from "./inbox-behaviour";
import { InboxVerifying } from "./inbox-verifying";

const RegisterDialog = lazy(() => import("./register-dialog"));
const t = texts.inbox;

/** One inbox: its URL, how it answers, and what arrives, live. */
export default function InboxPage() {
  const { inbox: id } = useParams({ strict: false }) as { inbox: string };
  const query = useInbox(id);
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading lines={8} />;
  return <Shown inbox={query.data} />;
}

function Shown({ inbox }: { inbox: Inbox }) {
  const [open, setOpen] = useState<"register" | "delete" | null>(null);
  const { manage } = useRights();
  const go = useGo();
  const remove = useDeleteInbox(inbox.id);
  const clear = useClearInbox(inbox.id);
  const close = () => setOpen(null);
  return (
    <Page
      crumb={
        <Link to="/console/inbox" className="hover:underline">
          ← {t.title}
        </Link>
      }
      title={t.title}
      subtitle={
        <>
          {t.ends} <Ago time={inbox.expiresAt} />
        </>
      }
      actions={
        manage && (
          <>
            <Button
              kind="primary"
              icon={<Webhook aria-hidden />}
              onClick={() => setOpen("register")}
            >
              {t.register}
            </Button>
            <Button
              icon={<Eraser aria-hidden />}
              busy={clear.isPending}
              onClick={() =>
                clear.mutate(undefined, {
                  onSuccess: () => toast.ok(t.cleared),
                  onError: (error) => toast.bad(error),
                })
              }
            >
              {t.clear}
            </Button>
            <Button kind="danger" icon={<Trash2 aria-hidden />} onClick={() => setOpen("delete")}>
              {t.delete}
            </Button>
          </>
        )
      }
    >
      <Code label={t.url} code={inbox.url} wrap />
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <InboxBehaviour inbox={inbox} />
        <InboxVerifying inbox={inbox} onRegister={() => setOpen("register")} />
      </div>
      <Requests inbox={inbox} />
      <Suspense>{open === "register" && <RegisterDialog inbox={inbox} onClose={close} />}</Suspense>
      <Confirm
        open={open === "delete"}
        onClose={close}
        title={t.deleteTitle}
        action={t.delete}
        kind="danger"
        busy={remove.isPending}
        error={remove.error?.message}
        onConfirm={() =>
          remove.mutate(undefined, {
            onSuccess: () => {
              toast.ok(t.deleted);
              go("/console/inbox");
            },
          })
        }
      >
        <p className="text-muted">{t.deleteText}</p>
      </Confirm>
    </Page>
  );
}

function Requests({ inbox }: { inbox: Inbox }) {
  const list = useInboxRequests(inbox.id);
  const [shown, setShown] = useState<string | null>(null);
  const rows = list.rows;
  // Follows the youngest until one is chosen.
  const chosen = rows?.find((request) => request.id === shown) ?? rows?.[0];
  return (
    <Card title={t.requests} flush>
      <ListFrame
        list={list}
        empty={
          <Empty icon={<InboxIcon aria-hidden />} title={t.waiting}>
            {t.waitingHint}
          </Empty>
        }
      >
        {(rows) => (
          <div className="grid md:grid-cols-[16rem_minmax(0,1fr)]">
            <div className="border-line max-md:border-b md:border-r">
              <ol
                aria-label={t.requests}
                className="max-h-[36rem] overflow-y-auto p-2 max-md:max-h-60"
              >
                {rows.map((request) => (
                  <RequestLine
                    key={request.id}
                    request={request}
                    chosen={request.id === chosen?.id}
                    onChoose={() => setShown(request.id)}
                  />
                ))}
              </ol>
            </div>
            {chosen && <RequestView request={chosen} />}
          </div>
        )}
      </ListFrame>
    </Card>
  );
}

function VerificationBadge({ request }: { request: InboxRequest }) {
  const { status } = request.verification;
  if (status === "verified") {
    return (
      <Badge tone="ok" dot>
        {t.verified}
      </Badge>
    );
  }
  return status === "failed" ? (
    <Badge tone="bad" dot>
      {t.failed}
    </Badge>
  ) : (
    <Badge dot>{t.noSecret}</Badge>
  );
}

interface LineProps {
  request: InboxRequest;
  chosen: boolean;
  onChoose: () => void;
}

function RequestLine({ request, chosen, onChoose }: LineProps) {
  const fresh = Date.now() - Date.parse(request.receivedAt) < 3_000;
  return (
    <li>
      <button
        type="button"
        aria-pressed={chosen}
        onClick={onChoose}
        className={cx(
          "flex w-full flex-col gap-1 rounded-md px-3 py-2 text-left text-sm hover:bg-hover",
          chosen && "bg-sunken",
          fresh && "arrive",
        )}
      >
        <span className="flex items-center justify-between gap-2">
          <span className="font-mono text-xs font-medium">{request.method}</span>
          <VerificationBadge request={request} />
        </span>
        <span className="flex justify-between gap-2 text-xs text-muted">
          <Ago time={request.receivedAt} everyMs={1_000} />
          <span>{bytes(request.size)}</span>
        </span>
      </button>
    </li>
  );
}

function RequestView({ request }: { request: InboxRequest }) {
  const { status, reason } = request.verification;
  const headers = request.headers.map(({ name, value }) => `${name}: ${value}`).join("\n");
  const isText = request.bodyEncoding !== "base64";
  const body = isText ? readable(request.body) : { text: request.body, language: "text" as const };
  return (
    <div className="flex min-w-0 flex-col gap-3 p-4">
      <div className="flex flex-wrap items-center gap-3 text-sm">
        <VerificationBadge request={request} />
        <span className="text-muted">
          <At time={request.receivedAt} precise />
        </span>
      </div>
      {status === "failed" && reason && <Note tone="bad">{reason}</Note>}
      {status === "noSecret" && <Note>{t.noSecretHint}</Note>}
      <Code label={t.headers} code={headers} wrap />
      {request.body === "" ? (
        <p className="text-sm text-muted">{t.noBody}</p>
      ) : (
        <Code
          label={isText ? t.body : `${t.body} (${t.binary})`}
          code={body.text}
          language={body.language}
          wrap
        />
      )}
    </div>
  );
}
