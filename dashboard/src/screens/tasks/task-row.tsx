import { Ban } from "lucide-react";
import { dataOf, type Task, useCancelTask } from "@/api/tasks";
import { useRights } from "@/session/store";
import { texts } from "@/texts";
import { count } from "@/texts/format";
import { Badge, type Tone } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Progress } from "@/ui/progress";
import { Ago } from "@/ui/time";
import { toast } from "@/ui/toast";

const t = texts.tasks;

/** Where a task stands, a cancelled one by its own word. */
export function TaskStatus({ task }: { task: Task }) {
  const state = dataOf(task).canceled ? "canceled" : (task.status as keyof typeof t.status);
  const tones: Record<keyof typeof t.status, Tone> = {
    running: "accent",
    finished: "ok",
    failed: "bad",
    canceled: "neutral",
  };
  return (
    <Badge tone={tones[state] ?? "neutral"} dot>
      {t.status[state] ?? task.status}
    </Badge>
  );
}

export function TaskProgress({ task }: { task: Task }) {
  const data = dataOf(task);
  const name = t.kinds[task.task] ?? task.task;
  if (task.status === "running") {
    return <Progress label={name} done={data.done ?? 0} total={data.total ?? null} />;
  }
  const parts = [
    data.messagesSent !== undefined && t.sent(count(data.messagesSent)),
    data.messagesPurged !== undefined && t.purged(count(data.messagesPurged)),
    Boolean(data.unrecoverable) && t.lost(count(data.unrecoverable ?? 0)),
    data.error,
  ].filter(Boolean);
  return <span className="text-xs text-muted">{parts.join(", ") || "–"}</span>;
}

export function CancelTask({ task }: { task: Task }) {
  const cancel = useCancelTask();
  const rights = useRights();
  if (task.status !== "running" || !rights.send) return null;
  return (
    <Button
      small
      kind="ghost"
      icon={<Ban aria-hidden />}
      busy={cancel.isPending}
      onClick={() =>
        cancel.mutate(task.id, {
          onSuccess: () => toast.ok(t.cancelled),
          onError: (error) => toast.bad(error),
        })
      }
    >
      {t.cancel}
    </Button>
  );
}

/** One task in a few lines. */
export function TaskLine({ task }: { task: Task }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 text-sm">
      <span className="min-w-40 flex-1 font-medium">{t.kinds[task.task] ?? task.task}</span>
      <TaskStatus task={task} />
      <span className="min-w-40 flex-1">
        <TaskProgress task={task} />
      </span>
      <span className="text-xs text-muted">
        <Ago time={task.updatedAt} />
      </span>
      <CancelTask task={task} />
    </li>
  );
}
