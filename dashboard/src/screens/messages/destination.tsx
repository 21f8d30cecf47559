import { ChevronDown, RotateCw } from "lucide-react";
import { useState } from "react";
import {
  type Attempt,
  type Destination,
  type FullMessage,
  isOpen,
  useAttempts,
  useResend,
} from "@/api/messages";
import { useRights } from "@/session/store";
import { Link } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { milliseconds } from "@/texts/format";
import { Badge } from "@/ui/badge";
import { Button, IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { ListFrame, More } from "@/ui/list-frame";
import { Ago, At, useNow } from "@/ui/time";
import { toast } from "@/ui/toast";
import { AttemptDetails } from "./attempt-details";
import { StateBadge } from "./delivery-state";

const t = texts.attempts;

interface DestinationProps {
  destination: Destination;
  full: FullMessage;
  open: boolean;
}

/** A message at one endpoint: where it stands, and the line of its attempts. */
export function DestinationCard({ destination, full, open: openAtFirst }: DestinationProps) {
  const { base } = useScope();
  const [open, setOpen] = useState(openAtFirst);
  const moving = isOpen(destination);
  return (
    <section className="rounded-lg border border-line bg-surface" aria-label={destination.url}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2.5">
        <StateBadge
          state={moving && destination.statusText === "fail" ? "sending" : destination.statusText}
        />
        <Link
          to={`${base}/endpoints/${destination.id}`}
          className="min-w-0 flex-1 basis-40 truncate text-sm font-medium hover:underline"
        >
          {destination.url}
        </Link>
        {moving && destination.nextAttempt && (
          <span className="text-xs text-muted">
            {t.next} <Due time={destination.nextAttempt} />
          </span>
        )}
        <span className="ml-auto flex items-center gap-1.5">
          <Resend destination={destination} full={full} />
          <IconButton label={t.show} aria-expanded={open} onClick={() => setOpen(!open)}>
            <ChevronDown className={cx("transition-transform", open && "rotate-180")} aria-hidden />
          </IconButton>
        </span>
      </div>
      {open && <Timeline destination={destination} full={full} moving={moving} />}
    </section>
  );
}

function Due({ time }: { time: string }) {
  const now = useNow(1_000);
  return new Date(time) <= now ? t.nextDue : <Ago time={time} everyMs={1_000} />;
}

function Resend({ destination, full }: { destination: Destination; full: FullMessage }) {
  const { app } = useScope();
  const rights = useRights();
  const resend = useResend(app, full.message.id);
  if (!rights.send || full.payload === null) return null;
  return (
    <Button
      small
      icon={<RotateCw aria-hidden />}
      busy={resend.isPending}
      disabled={destination.disabled}
      title={destination.disabled ? t.resendDisabled : undefined}
      onClick={() =>
        resend.mutate(destination.id, {
          onSuccess: () => toast.ok(t.resent),
          onError: (error) => toast.bad(error),
        })
      }
    >
      {t.resend}
    </Button>
  );
}

interface TimelineProps {
  destination: Destination;
  full: FullMessage;
  moving: boolean;
}

function Timeline({ destination, full, moving }: TimelineProps) {
  const { app } = useScope();
  const list = useAttempts(app, full.message.id, destination.id, moving);
  const [shown, setShown] = useState<string | null>(null);
  const empty = (
    <p className="border-t border-line px-4 py-3 text-sm text-muted">
      {destination.statusText === "canceled" ? t.skipped : t.waiting}
    </p>
  );
  return (
    // The rest of the list is asked for beside the line, not under both columns.
    <ListFrame list={{ ...list, hasMore: false }} lines={2} empty={empty}>
      {(attempts) => {
        // The youngest is what somebody comes to see.
        const chosen = attempts.find((attempt) => attempt.id === shown) ?? attempts[0];
        return (
          <div className="grid border-t border-line md:grid-cols-[15rem_minmax(0,1fr)]">
            <div className="border-line max-md:border-b md:border-r">
              <ol className="max-h-96 overflow-y-auto p-2">
                {attempts.map((attempt) => (
                  <Point
                    key={attempt.id}
                    attempt={attempt}
                    chosen={attempt.id === chosen?.id}
                    onChoose={() => setShown(attempt.id)}
                  />
                ))}
              </ol>
              <More hasMore={list.hasMore} loading={list.isLoadingMore} onMore={list.more} />
            </div>
            {chosen && <AttemptDetails key={chosen.id} attempt={chosen} full={full} />}
          </div>
        );
      }}
    </ListFrame>
  );
}

const MARKS: Record<string, string> = {
  success: "bg-ok-mark",
  fail: "bg-bad-mark",
  canceled: "bg-line-strong",
};

interface PointProps {
  attempt: Attempt;
  chosen: boolean;
  onChoose: () => void;
}

/** One attempt on the line. */
function Point({ attempt, chosen, onChoose }: PointProps) {
  return (
    <li className="relative flex before:absolute before:top-7 before:-bottom-3 before:left-[1.06rem] before:w-px before:bg-line last:before:hidden">
      <button
        type="button"
        aria-pressed={chosen}
        onClick={onChoose}
        className={cx(
          "flex w-full items-start gap-3 rounded-md px-3 py-2 text-left text-sm hover:bg-hover",
          chosen && "bg-sunken",
        )}
      >
        <span
          aria-hidden
          className={cx(
            "relative mt-1.5 size-2.5 shrink-0 rounded-full ring-3 ring-surface",
            MARKS[attempt.statusText] ?? "bg-warn-mark",
          )}
        />
        <span className="min-w-0 flex-1">
          <span className="flex items-center justify-between gap-2 font-medium">
            <span>
              {t.nth(attempt.attemptNumber)}
              {attempt.triggerType === 1 && (
                <span className="ml-1.5 font-normal text-muted">{t.manual}</span>
              )}
            </span>
            <Badge
              tone={attempt.statusText === "success" ? "ok" : "bad"}
              title={t.state[attempt.statusText]}
            >
              {attempt.responseStatusCode || attempt.failure || attempt.statusText}
            </Badge>
          </span>
          <span className="flex justify-between gap-2 text-xs text-muted">
            <At time={attempt.timestamp} />
            <span className="tabular">{milliseconds(attempt.responseDurationMs)}</span>
          </span>
        </span>
      </button>
    </li>
  );
}
