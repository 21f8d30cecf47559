import { ListChecks } from "lucide-react";
import { wholeList } from "@/api/lists";
import { useTasks } from "@/api/tasks";
import { texts } from "@/texts";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty } from "@/ui/states";
import { TaskLine } from "./task-row";

const t = texts.tasks;

export default function Tasks() {
  const query = useTasks(100);
  const list = wholeList({ ...query, data: query.data?.data });
  return (
    <Page title={t.title} subtitle={t.subtitle}>
      <Card flush>
        <ListFrame
          list={list}
          empty={
            <Empty icon={<ListChecks aria-hidden />} title={t.empty}>
              {t.emptyHint}
            </Empty>
          }
        >
          {(rows) => (
            <ul aria-label={t.caption} className="divide-y divide-line">
              {rows.map((task) => (
                <TaskLine key={task.id} task={task} />
              ))}
            </ul>
          )}
        </ListFrame>
      </Card>
    </Page>
  );
}
