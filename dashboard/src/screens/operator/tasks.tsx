import { ListChecks } from "lucide-react";
import { useTasks } from "@/api/tasks";
import { texts } from "@/texts";
import { Card, Page } from "@/ui/layout";
import { Empty, Failed, Loading } from "@/ui/states";
import { TaskLine } from "../portal/task-row";

const t = texts.tasks;

export default function Tasks() {
  const query = useTasks(100);
  const rows = query.data?.data;
  return (
    <Page title={t.title} subtitle={t.subtitle}>
      <Card flush>
        {query.error ? (
          <Failed error={query.error} retry={() => void query.refetch()} />
        ) : !rows ? (
          <Loading />
        ) : rows.length === 0 ? (
          <Empty icon={<ListChecks aria-hidden />} title={t.empty}>
            {t.emptyHint}
          </Empty>
        ) : (
          <ul aria-label={t.caption} className="divide-y divide-line">
            {rows.map((task) => (
              <TaskLine key={task.id} task={task} />
            ))}
          </ul>
        )}
      </Card>
    </Page>
  );
}
