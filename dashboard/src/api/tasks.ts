import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ok, type Schemas } from "./client";
import { keys } from "./keys";

export type Task = Schemas["BackgroundTaskOut"];

/** What a task's `data` may hold; all of it may be missing. */
export interface TaskData {
  total?: number | null;
  done?: number;
  messagesSent?: number;
  messagesPurged?: number;
  unrecoverable?: number;
  canceled?: boolean;
  error?: string;
}

export const dataOf = (task: Task): TaskData => task.data as TaskData;

const RUNNING_MS = 1_000;

export function useTasks(limit = 50) {
  return useQuery({
    queryKey: [...keys.tasks, "list", limit],
    queryFn: () =>
      ok(api.GET("/api/v1/background-task", { params: { query: { limit, order: "descending" } } })),
    refetchInterval: (query) =>
      query.state.data?.data.some((task) => task.status === "running") ? RUNNING_MS : false,
  });
}

export function useTask(id: string) {
  return useQuery({
    queryKey: [...keys.tasks, id],
    queryFn: () =>
      ok(api.GET("/api/v1/background-task/{task_id}", { params: { path: { task_id: id } } })),
    refetchInterval: (query) => (query.state.data?.status === "running" ? RUNNING_MS : false),
  });
}

export function useCancelTask() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      ok(
        api.POST("/api/v1/background-task/{task_id}/cancel", { params: { path: { task_id: id } } }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.tasks }),
  });
}
